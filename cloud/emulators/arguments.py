"""``emulate`` as parsers; an emulator is loaded when it is the one that is asked for."""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

EXAMPLES: Final = """\
examples:
  python -m cloud emulate cloudkassir --webhook http://127.0.0.1:8080/hook/main
  python -m cloud emulate cloudkassir --secret-file secret --ledger ledger.sqlite --delay 2
  python -m cloud emulate atol5 --listen 127.0.0.1:8086 --delay 3
  python -m cloud emulate orange --help

while it runs:
  curl http://127.0.0.1:8085/ledger
  curl http://127.0.0.1:8085/control -d '{"fault": "drop_after_store", "times": 3}'
"""
EMULATORS: Final[Mapping[str, tuple[str, str]]] = {
    "cloudkassir": ("cloud.emulators.cloudkassir", "CloudKassir (CloudPayments)"),
    "orange": ("cloud.emulators.orange", "Orange Data"),
    "atol4": ("cloud.emulators.atol", "ATOL Online v4, FFD 1.05"),
    "atol5": ("cloud.emulators.atol", "ATOL Online v5, FFD 1.2"),
    "ferma": ("cloud.emulators.ferma", "Ferma (OFD.ru)"),
    "komtet": ("cloud.emulators.komtet", "Komtet Kassa"),
}
"""The module of each provider; it has `add` for its options, and `opened` for its emulator."""

MOST_PORT: Final = 65_535

Add = Callable[..., argparse.ArgumentParser]


class _Emulator(argparse.ArgumentParser):
    """The parser of one provider; it gets its own options when it is used."""

    def parse_known_args(  # type: ignore[override]  # one of its three signatures
        self,
        args: Sequence[str] | None = None,
        namespace: Any = None,  # noqa: ANN401, argparse's own
    ) -> tuple[argparse.Namespace, list[str]]:
        provider = self.prog.rpartition(" ")[2]
        import_module(EMULATORS[provider][0]).add(self)
        return super().parse_known_args(args, namespace)


def add_emulate(add: Add) -> argparse.ArgumentParser:
    """The parser of ``emulate``; `add` makes a command's parser."""
    parser = add("emulate", help="a provider of one's own")
    parser.epilog = EXAMPLES
    providers = parser.add_subparsers(
        dest="provider", required=True, metavar="PROVIDER", parser_class=_Emulator
    )
    for name, (_, words) in EMULATORS.items():
        emulator = providers.add_parser(
            name,
            help=words,
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        emulator.add_argument(
            "--verbose", action="store_true", default=argparse.SUPPRESS, help="log each push"
        )
        emulator.add_argument(
            "--listen",
            type=_address,
            default="127.0.0.1:8085",
            metavar="HOST:PORT",
            help="default: %(default)s",
        )
        emulator.add_argument(
            "--ledger", type=Path, metavar="FILE", help="kept there; else in memory"
        )
        emulator.add_argument(
            "--delay", type=_seconds, default=0.0, metavar="S", help="until it is issued"
        )
    return parser


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= MOST_PORT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; expected HOST:PORT, such as 127.0.0.1:8085"
        )
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; expected seconds, such as 1.5")
    return seconds

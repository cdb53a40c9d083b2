"""``tell`` and ``wish`` as parsers; loads nothing that another command has no use for."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.wire import Channel, parse_command

TELL: Final = """\
examples:
  python -m cloud tell vm-000123 show-text "Сдачи нет" --for 600
  python -m cloud tell vm-000123 show-last
  python -m cloud tell vm-000123 reprint 0193a5d2-7c1e-7b54-9d0e-2f6f0a9c1b11
  python -m cloud tell vm-000123 restart
  python -m cloud tell vm-000123 capture --minutes 5 --output bus.mdb.gz
  python -m cloud tell vm-000123 logs --lines 500
"""
WISH: Final = """\
examples:
  python -m cloud wish vm-000123 wish.toml
  python -m cloud wish vm-000123 --withdraw

wish.toml:
  [receipts]
  show_s = 90
  [products]
  0001 = "Капучино"
"""
PERSON: Final = "operator"
"""Whose certificate it is; the broker's ACL lets this name order, and nothing else."""
Add = Callable[..., argparse.ArgumentParser]


def add_tell(add: Add, config: Path) -> None:
    """The parser of ``tell``; `add` makes a command's parser."""
    parser = add("tell", help="ask one machine to do something, and wait for its answer")
    parser.epilog = TELL
    parser.add_argument("machine", type=_machine, metavar="MACHINE")
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="DEED")
    shared = argparse.ArgumentParser(add_help=False)
    _add_broker(shared, config)
    shared.add_argument(
        "--expires-s",
        type=_seconds,
        default=120.0,
        metavar="S",
        help="what the machine has not begun by then it does not do; default: %(default)g",
    )
    shared.add_argument(
        "--id", type=_id, metavar="ID", help="of an earlier command: its answer is given again"
    )
    text = deeds.add_parser("show-text", parents=[shared], help="a text while nobody is buying")
    text.add_argument(
        "text", metavar="TEXT", help='up to 200 characters; "" takes the last one back'
    )
    text.add_argument(
        "--for", dest="for_s", type=_seconds, default=60.0, metavar="S", help="default: %(default)g"
    )
    deeds.add_parser("show-last", parents=[shared], help="the last sale's receipt again")
    reprint = deeds.add_parser("reprint", parents=[shared], help="a sale's slip, as a copy")
    reprint.add_argument("sale", nargs="?", metavar="SALE", help="its id; default: the last one")
    deeds.add_parser("restart", parents=[shared], help="end the agent; it is started again")
    capture = deeds.add_parser("capture", parents=[shared], help="record the bus")
    capture.add_argument("--minutes", type=float, default=5.0, metavar="N", help="up to 60")
    capture.add_argument("--output", type=Path, required=True, metavar="FILE")
    logs = deeds.add_parser("logs", parents=[shared], help="the agent's last log lines")
    logs.add_argument("--lines", type=int, default=1000, metavar="N", help="default: %(default)s")
    logs.add_argument("--output", type=Path, metavar="FILE", help="default: they are printed")


def add_wish(add: Add, config: Path) -> None:
    """The parser of ``wish``."""
    parser = add("wish", help="set a machine's receipts and products from here")
    parser.epilog = WISH
    parser.add_argument("machine", type=_machine, metavar="MACHINE")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, metavar="FILE.toml")
    what.add_argument("--withdraw", action="store_true", help="back to the machine's own file")
    _add_broker(parser, config)
    parser.add_argument(
        "--wait-s", type=_seconds, default=60.0, metavar="S", help="default: %(default)g"
    )


def _add_broker(parser: argparse.ArgumentParser, config: Path) -> None:
    parser.add_argument(
        "--config", type=Path, default=config, metavar="FILE", help="default: %(default)s"
    )
    for name in ("certificate", "key"):
        suffix = {"certificate": "crt", "key": "key"}[name]
        parser.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"whoever orders; default: {PERSON}.{suffix} beside the configuration",
        )


def _machine(text: str) -> str:
    if parse_command(Channel.command_of(text, "id")) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no machine's id, such as vm-000123")
    return text


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no command's id; expected up to 64 letters, digits, '_' and '-'"
        )
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; expected seconds, such as 60")
    return seconds

"""``wiring``: how to connect to a machine, for a person with a cable in the hand.

The words are in `texts/wiring.LANGUAGE.txt`, in parts that begin with ``== NAME``.
"""

import argparse
import os
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from mdb.tools.mistake import MistakeError

DESCRIPTION: Final = """\
How to connect a tap to a machine's bus: pins, isolation, settings of a Raspberry Pi, and what to do
next. Without TAP, for every tap.
"""
EXAMPLES: Final = """\
examples:
  python -m mdb wiring
  python -m mdb wiring uart --lang ru
  python -m mdb wiring qibixx:/dev/ttyACM0
"""
LANGUAGES: Final = ("en", "ru")
WIRED: Final = {
    "qibixx": "qibixx:/dev/ttyACM0",
    "uart": "uart:/dev/ttyAMA0,/dev/ttyAMA3",
    "lines": "lines:/dev/ttyACM0",
}
"""Each tap with an example of it."""
UNWIRED: Final = {"replay": "replay:capture.mdb", "virtual": "virtual:0001=12000"}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "wiring",
        help="how to connect to a machine",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tap", metavar="TAP", nargs="?", help=", ".join(WIRED))
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        help="the language (default: that of LC_ALL, LC_MESSAGES, LANG)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0.

    Raises:
        MistakeError: there is no such tap.
    """
    parts = _parts(arguments.lang or language(os.environ))
    if arguments.tap is None:
        told = [parts["bus"], *(_next(parts[each], name) for each, name in WIRED.items())]
        told.append(parts["check"])
    else:
        scheme, _, address = arguments.tap.partition(":")
        named = arguments.tap if address else {**WIRED, **UNWIRED}.get(scheme, "")
        if scheme in WIRED:
            own, _, following = _next(parts[scheme], named).rpartition("\n\n")
            told = [parts["bus"], own, parts["check"], following]
        elif scheme in UNWIRED:
            told = [_next(parts["none"], named)]
        else:
            raise MistakeError(f"no tap is called {scheme!r}; known are {', '.join(WIRED)}")
    print("\n\n".join(told))
    return 0


def language(environment: Mapping[str, str]) -> str:
    """The language of a person's environment, as locale(7) has it; English unless it is ours."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            told = environment[name][:2].lower()
            return told if told in LANGUAGES else LANGUAGES[0]
    return LANGUAGES[0]


def _next(part: str, tap: str) -> str:
    return part.replace("{tap}", tap)


def _parts(wanted: str) -> dict[str, str]:
    text = (files("mdb.tools") / "texts" / f"wiring.{wanted}.txt").read_text("utf-8")
    parts: dict[str, str] = {}
    for part in text.removeprefix("== ").split("\n== "):
        name, _, words = part.partition("\n")
        parts[name] = words.strip("\n")
    return parts

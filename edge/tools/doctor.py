"""``doctor``: bus, disk, clock, network, cloud, display, printer: what is wrong and what to do."""

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from edge.checks import Finding, State
from edge.config import load
from edge.errors import StartError
from edge.technician.words import Language, Text
from mdb.tools.listening import above_zero
from mdb.tools.screen import Screen
from mdb.tools.wiring import LANGUAGES, language

EXAMPLES: Final = """\
examples:
  sudo python -m edge doctor --config /etc/chekomat/edge.toml
  sudo python -m edge doctor --config /etc/chekomat/edge.toml --lang ru         по-русски
  python -m edge doctor --config edge.toml --json | jq '.checks[] | select(.state == "fail")'
  python -m edge doctor --config edge.toml --json --lang ru                     its texts in Russian
  python -m edge doctor --config edge.toml --listen-s 30      a machine that seldom says something

It may be run at any time: it changes nothing, opens nothing that a running agent has, and asks the
agent instead. Exit status: 0 all is well (or only warned of), 1 something is wrong, 2 the
configuration is.
"""
MARKS: Final[Mapping[State, Text]] = {
    "ok": Text("OK", "OK"),
    "warn": Text("ВНИМАНИЕ", "WARN"),
    "fail": Text("СБОЙ", "FAIL"),
    "skipped": Text("—", "-"),
}
COUNTED: Final[Mapping[State, Text]] = {
    "fail": Text("сбоев: {count}", "{count} wrong"),
    "warn": Text("под вопросом: {count}", "{count} doubtful"),
    "ok": Text("в порядке: {count}", "{count} OK"),
    "skipped": Text("не проверено: {count}", "{count} not checked"),
}
"""What the last line counts, the worst first."""
TITLES: Final[Mapping[str, Text]] = {
    "bus": Text("шина", "bus"),
    "adapter": Text("адаптер", "adapter"),
    "disk": Text("диск", "disk"),
    "outbox": Text("хранилище", "outbox"),
    "clock": Text("часы", "clock"),
    "network": Text("сеть", "network"),
    "broker": Text("брокер", "broker"),
    "certificate": Text("сертификат", "certificate"),
    "cloud": Text("облако", "cloud"),
    "display": Text("экран", "display"),
    "printer": Text("принтер", "printer"),
}
"""Each check by its name."""
WAITING: Final = Text("{seconds:.0f} с; жду: {names}", "{seconds:.0f} s; waiting for {names}")
NOT_FOR_YOU: Final = Text(
    "{data}: нет доступа; запустите от root: sudo …",
    "{data}: permission denied; run this as root: sudo …",
)
COLOURS: Final[Mapping[State, str]] = {
    "ok": "\x1b[32m",
    "warn": "\x1b[33m",
    "fail": "\x1b[31m",
    "skipped": "\x1b[2m",
}
PLAIN: Final = "\x1b[0m"
DRAW_S: Final = 0.25
NARROWEST: Final = 24
"""Columns for what was found, however small the terminal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the TOML file")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        help="the language (default: that of LC_ALL, LC_MESSAGES, LANG; with --json en)",
    )
    parser.add_argument(
        "--listen-s",
        type=above_zero,
        default=5.0,
        metavar="S",
        help="how long the bus is listened to (default: %(default)g)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine; 0 where nothing is wrong, 1 where something is.

    Raises:
        ConfigError: the configuration is wrong.
        StartError: the data folder may not be looked into.
    """
    config = load(arguments.config)
    from edge.checks.round import NAMES, examine  # noqa: PLC0415, a wrong file is told at once

    told = arguments.lang or ("en" if arguments.json else language(os.environ))
    lang: Language = "ru" if told == "ru" else "en"
    waiting = dict.fromkeys(NAMES)
    # What devices log of themselves is told by their checks, in the person's language.
    logging.getLogger("edge").addHandler(logging.NullHandler())
    screen = Screen(sys.stderr)

    async def draw() -> None:
        began = time.monotonic()
        while True:
            names = ", ".join(TITLES[each].of(lang) for each in waiting)
            screen.status(WAITING.of(lang).format(seconds=time.monotonic() - began, names=names))
            await asyncio.sleep(DRAW_S)

    async def work() -> list[Finding]:
        drawing = asyncio.create_task(draw())
        try:
            return await examine(
                config, arguments.listen_s, lambda finding: waiting.pop(finding.name, None)
            )
        finally:
            drawing.cancel()
            screen.status("")

    try:
        found = asyncio.run(work())
    except PermissionError as error:
        raise StartError(NOT_FOR_YOU.of(lang).format(data=config.data)) from error
    if arguments.json:
        print(as_json(found, lang))
    else:
        on_terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if on_terminal else None
        colour = on_terminal and "NO_COLOR" not in os.environ
        for line in lines(found, lang, colour=colour, width=width):
            print(line)
    return 0 if _well(found) else 1


def as_json(found: Sequence[Finding], lang: Language) -> str:
    """The findings for a program: names and states are the same in every language."""
    checks = [
        {
            "name": each.name,
            "state": each.state,
            "found": each.found.of(lang),
            "advice": each.advice.of(lang),
        }
        for each in found
    ]
    return json.dumps({"ok": _well(found), "checks": checks}, ensure_ascii=False)


def lines(
    found: Sequence[Finding], lang: Language, *, colour: bool, width: int | None = None
) -> list[str]:
    """The findings for a person, what to do below each, and the sum of it.

    Lines longer than `width` columns go on below, under their own column; None folds nothing, so
    that a line stays one in a file.
    """
    marks = {state: mark.of(lang) for state, mark in MARKS.items()}
    titles = {name: title.of(lang) for name, title in TITLES.items()}
    mark_width, title_width = (max(map(len, each.values())) for each in (marks, titles))
    indent = " " * (mark_width + 2 + title_width + 2)
    told = []
    for each in found:
        mark = f"{marks[each.state]:{mark_width}}"
        mark = f"{COLOURS[each.state]}{mark}{PLAIN}" if colour else mark
        first, *more = _folded(each.found.of(lang), width, len(indent))
        told.append(f"{mark}  {titles[each.name]:{title_width}}  {first}")
        told += [f"{indent}{line}" for line in more]
        advice = each.advice.of(lang)
        for number, line in enumerate(_folded(advice, width, len(indent) + 2) if advice else ()):
            told.append(f"{indent}{' ' if number else '→'} {line}")
    return [*told, "", total(found, lang)]


def total(found: Sequence[Finding], lang: Language) -> str:
    """How many are in which state, and by name those that want a hand."""
    told = []
    for state, words in COUNTED.items():
        names = [TITLES[each.name].of(lang) for each in found if each.state == state]
        if not names:
            continue
        counted = words.of(lang).format(count=len(names))
        named = f" ({', '.join(names)})" if state in {"fail", "warn"} else ""
        told.append(f"{counted}{named}")
    return ", ".join(told)


def _well(found: Sequence[Finding]) -> bool:
    return all(each.state != "fail" for each in found)


def _folded(text: str, width: int | None, taken: int) -> list[str]:
    if width is None:
        return [text]
    room = max(NARROWEST, width - taken)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]

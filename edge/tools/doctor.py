"""``doctor``: bus, disk, clock, network, cloud, display, printer: what is wrong and what to do."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from edge.checks import Finding, State
from edge.config import load
from mdb.tools.listening import above_zero
from mdb.tools.screen import Screen

EXAMPLES: Final = """\
examples:
  sudo python -m edge doctor --config /etc/chekomat/edge.toml
  python -m edge doctor --config edge.toml --json | jq '.checks[] | select(.state == "fail")'
  python -m edge doctor --config edge.toml --listen-s 30      a machine that seldom says something

It may be run at any time: it changes nothing, opens nothing that a running agent has, and asks the
agent instead. Exit status: 0 all is well (or only warned of), 1 something is wrong, 2 the
configuration is.
"""
MARKS: Final[dict[State, str]] = {"ok": "OK", "warn": "WARN", "fail": "FAIL", "skipped": "-"}
COLOURS: Final[dict[State, str]] = {
    "ok": "\x1b[32m",
    "warn": "\x1b[33m",
    "fail": "\x1b[31m",
    "skipped": "\x1b[2m",
}
PLAIN: Final = "\x1b[0m"
DRAW_S: Final = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the TOML file")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
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

    waiting = dict.fromkeys(NAMES)
    screen = Screen(sys.stderr)

    async def draw() -> None:
        began = time.monotonic()
        while True:
            screen.status(f"{time.monotonic() - began:.0f} s; waiting for {', '.join(waiting)}")
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

    found = asyncio.run(work())
    well = all(each.state != "fail" for each in found)
    if arguments.json:
        told = {"ok": well, "checks": [asdict(each) for each in found]}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for line in lines(found, colour=sys.stdout.isatty()):
            print(line)
    return 0 if well else 1


def lines(found: Sequence[Finding], *, colour: bool) -> list[str]:
    """The findings for a person, what to do below each, and the sum of it."""
    told = []
    for each in found:
        mark = f"{MARKS[each.state]:4}"
        mark = f"{COLOURS[each.state]}{mark}{PLAIN}" if colour else mark
        told.append(f"{mark}  {each.name:11}  {each.found}")
        if each.advice:
            told.append(f"{'':6}{'':13}→ {each.advice}")
    wrong = [each.name for each in found if each.state == "fail"]
    told.append("")
    told.append(f"Something is wrong: {', '.join(wrong)}." if wrong else "Nothing is wrong.")
    return told

"""``watch``: what is said on a bus, now."""

import argparse
import asyncio
import json
import sys
import time
from typing import Final

from mdb.byte import Signal
from mdb.conversation import lines
from mdb.event import as_json
from mdb.sniffer import Heard, Sniffer
from mdb.taps import Tap
from mdb.tools.listening import (
    SILENCE_S,
    TAP_HELP,
    Silence,
    TapFailedError,
    above_zero,
    listen,
    open_named,
    silence_words,
    telling,
)
from mdb.tools.screen import Screen
from mdb.tools.tally import Tally
from mdb.trace import Transcript

DESCRIPTION: Final = """\
Print what is said on a bus as it is said, empty polls left out. On a terminal a line below sums up;
elsewhere the sum comes at the end, on standard error. Ends with the tap, or with Ctrl-C: both are 0.
"""
EXAMPLES: Final = """\
examples:
  python -m mdb watch qibixx:/dev/ttyACM0                          read along
  python -m mdb watch uart:/dev/ttyAMA0,/dev/ttyAMA3 --json | jq 'select(.event == "sale")'
  python -m mdb watch qibixx:/dev/ttyACM0 --raw > capture.mdb      every byte, as a trace
  python -m mdb watch virtual:0001=12000                           a machine that needs no wires
  python -m mdb watch replay:capture.mdb?pace=10                   a capture, ten times as fast
"""
_REDRAW_S: Final = 0.25


class Watching:
    """A person at a bus: the conversation, the line below it, and what looks wrong."""

    def __init__(self, arguments: argparse.Namespace, tap: Tap, screen: Screen) -> None:
        self._arguments = arguments
        self._screen = screen
        self._sniffer = Sniffer(vmc_only=tap.vmc_only)
        self._transcript = Transcript()
        self._tally = Tally(vmc_only=tap.vmc_only)
        self._silence = Silence(arguments.silence, time.monotonic())
        if tap.vmc_only:
            screen.warn("the VMC's line alone: what a reader approves is not heard, nor any coin")
        self._at = 0.0

    def take(self, signal: Signal) -> None:
        """Take what the tap heard."""
        lasted = self._silence.heard(time.monotonic())
        if lasted is not None:
            self._screen.warn(f"heard again, after {lasted:.1f} s")
        self._at = signal.at
        self._tally.take(signal)
        if self._arguments.raw:
            self._say(self._transcript.feed(signal))
        for heard in self._sniffer.listen(signal):
            self._hear(heard)

    async def tick(self) -> None:
        """Draw the line below anew, and say what looks wrong."""
        now = time.monotonic()
        if self._silence.look(now):
            self._screen.warn(silence_words(self._arguments.tap, self._arguments.silence))
        doubt = self._tally.doubt()
        if doubt is not None:
            self._screen.warn(doubt)
        rate, silent = self._tally.rate(now), self._silence.length(now)
        self._hear(Heard(None, (), tuple(self._sniffer.wait(self._at + silent))))
        self._screen.status(f"{rate:.0f} B/s, {self._tally.words()}, last byte {silent:.0f} s ago")

    def end(self) -> None:
        """What was still open, and the sum of it all."""
        for heard in self._sniffer.flush():
            self._hear(heard)
        if self._arguments.raw:
            self._say(self._transcript.flush())
        self._screen.status("")
        self._screen.warn(self._tally.words())

    def _hear(self, heard: Heard) -> None:
        self._tally.hear(heard)
        if self._arguments.json:
            self._say([json.dumps(as_json(each), ensure_ascii=False) for each in heard.events])
        elif not self._arguments.raw:
            self._say(list(lines(heard, colour=self._screen.colour)))

    def _say(self, told: list[str]) -> None:
        for line in told:
            self._screen.say(line)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "watch",
        help="what is said on a bus now",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tap", metavar="TAP", help=TAP_HELP)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one event a line, as `decode --json`")
    form.add_argument("--raw", action="store_true", help="every byte, as lines of a trace")
    parser.add_argument(
        "--silence",
        type=above_zero,
        default=SILENCE_S,
        metavar="S",
        help="say so when nothing was heard for S seconds (default: %(default)g)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0 when the tap ended or the user had heard enough, 1 when the tap gave up.

    Raises:
        MistakeError: there is no such tap.
    """
    tap = open_named(arguments.tap)
    screen = Screen()
    watching = Watching(arguments, tap, screen)
    try:
        with telling(screen.warn):
            asyncio.run(listen(tap, watching.take, watching.tick, _REDRAW_S))
    except TapFailedError as failed:
        watching.end()
        print(f"{arguments.tap}: {failed}", file=sys.stderr)
        return 1
    watching.end()
    return 0

"""``decode``: what was said and sold in a capture."""

import argparse
import itertools
import json
import os
import re
import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Final

from mdb.census import Census
from mdb.conversation import lines
from mdb.event import as_json
from mdb.heading import Heading, read_heading
from mdb.sniffer import Heard, Sniffer
from mdb.tools.mistake import of_file
from mdb.tools.progress import Progress
from mdb.tools.source import lines_of, opened
from mdb.trace import NotATraceError, read_trace

DESCRIPTION: Final = """\
Print the conversation in a capture, what was concluded from it, or how its devices behave.

FILE is a trace or Qibixx sniff lines, plain or gzip whatever it is called; - is standard input.
A recording that was cut off is read up to the cut; a message says so, and the exit status is 0.
"""
EXAMPLES: Final = """\
examples:
  python -m mdb decode tests/traces/ap113-single-vend.mdb          read the conversation
  python -m mdb decode capture.mdb --json | jq 'select(.event == "sale")'
  python -m mdb decode capture-*.mdb.gz --stats                    who is slow, silent or noisy
  python -m mdb decode capture.mdb --since 3600 --address 10,60    two readers, from that second on
  zcat old.gz | python -m mdb decode - --since 01:30:00            an hour and a half after its start
"""
MOST_HEADING: Final = 1000
"""Lines that a recorder may put before its first block."""
_LOOK_EVERY: Final = 1024
_OFFSET: Final = re.compile(r"(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)")
_SECONDS: Final = re.compile(r"\d+(?:\.\d*)?")


Conversation = Generator[tuple[Heard, Progress], None, None]


class Choice:
    """What of the conversation is wanted; what is not wanted is heard all the same.

    `vmc_only`: the capture has the VMC's line alone.
    """

    def __init__(
        self, since: str | None, addresses: frozenset[int] | None, *, vmc_only: bool = False
    ) -> None:
        self.vmc_only = vmc_only
        self.began = False
        self._addresses = addresses
        self._from = 0.0
        self._offset = 0.0
        if since is not None and (offset := _OFFSET.fullmatch(since)):
            hours, minutes, seconds = offset.groups()
            self._offset = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        elif since is not None:
            self._from = float(since)

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self._addresses is None and not self._from and not self._offset

    def begin(self, at: float) -> None:
        """The capture's first signal: an offset counts from there."""
        self.began = True
        if self._offset:
            self._from = at + self._offset

    def of(self, heard: Heard) -> Heard:
        """What is left of a piece of the conversation."""
        events = tuple(each for each in heard.events if self._has(each.address, each.at))
        exchange = heard.exchange
        if exchange is not None and self._has(exchange.address, exchange.at):
            return Heard(exchange, heard.said, events)
        return Heard(None, (), events)

    def _has(self, address: int, at: float) -> bool:
        return at >= self._from and (self._addresses is None or address in self._addresses)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "decode",
        help="what was said and sold in a capture",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the capture, or - for stdin; several are one capture in the order given",
    )
    parser.add_argument(
        "--json", action="store_true", help="one event a line; with --stats the table, in one line"
    )
    parser.add_argument(
        "--since",
        type=_since,
        metavar="S",
        help="only from second S of the trace's clock on, or HH:MM:SS after its first line;"
        " what was before is still heard, so that the money is known",
    )
    parser.add_argument(
        "--address",
        type=_addresses,
        metavar="HH[,HH]",
        help="only these peripherals, in hex; 00 is what concerns the whole bus (resets, faults),"
        " and is left out unless it is named",
    )
    parser.add_argument(
        "--stats", action="store_true", help="instead of the conversation, a table of the devices"
    )
    parser.add_argument(
        "--vmc-only",
        action="store_true",
        help="the capture is of the VMC's line alone (a uart tap with one port): a command counts"
        " though no answer was heard",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0 whatever was heard.

    Raises:
        MistakeError: the file is no capture, or cannot be read.
    """
    choice = Choice(arguments.since, arguments.address, vmc_only=arguments.vmc_only)
    conversation = _conversation(arguments.files, choice)
    try:
        if arguments.stats:
            _count(conversation, as_json=arguments.json)
        elif arguments.json:
            for heard, progress in conversation:
                for event in heard.events:
                    progress.wipe()
                    print(json.dumps(as_json(event), ensure_ascii=False))
        else:
            colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            for heard, progress in conversation:
                for line in lines(heard, colour=colour):
                    progress.wipe()
                    print(line)
    finally:
        conversation.close()
    return 0


def _count(conversation: Conversation, *, as_json: bool) -> None:
    census = Census()
    for heard, _ in conversation:
        census.hear(heard)
    print("\n".join([json.dumps(census.as_json())] if as_json else census.lines()))


def _conversation(files: list[Path], choice: Choice) -> Conversation:
    """What was said, as chosen. A file that fails is a mistake here; our output is not."""
    listener: Sniffer | None = None
    for file in files:
        try:
            with opened(file) as (source, text):
                progress = Progress(source)
                try:
                    capture, heading = _with_heading(lines_of(text))
                    if listener is None:
                        vmc_only = choice.vmc_only or heading.vmc_only
                        listener = Sniffer(heading.context, vmc_only=vmc_only)
                    for heard in _listen(listener, capture, choice, progress):
                        yield heard, progress
                finally:
                    progress.wipe()
                if source.cut is not None:
                    cut = f"{file}: {source.cut}; what stands before that was read"
                    print(cut, file=sys.stderr)
                if not choice.began:
                    print(f"{file}: nothing was recorded", file=sys.stderr)
        except (NotATraceError, OSError) as error:
            raise of_file(file, error) from error
    for heard in listener.flush() if listener else ():
        yield choice.of(heard), progress


def _with_heading(text: Iterable[str]) -> tuple[Iterator[str], Heading]:
    """The lines, and what those before the first block say of the rest."""
    told, first = iter(text), list[str]()
    for line in told:
        first.append(line)
        if (line.strip() and not line.startswith("#")) or len(first) == MOST_HEADING:
            break
    return itertools.chain(first, told), read_heading(first)


def _listen(
    sniffer: Sniffer, text: Iterable[str], choice: Choice, progress: Progress
) -> Iterator[Heard]:
    """The loop of the day-long captures, so it does but little."""
    everything = choice.everything

    def unreadable(number: int, line: str) -> None:
        progress.wipe()
        print(f"line {number} cannot be read and is left out: {line[:60]!r}", file=sys.stderr)

    for count, signal in enumerate(read_trace(text, unreadable)):
        if not choice.began:
            choice.begin(signal.at)
        if not count % _LOOK_EVERY:
            progress.look()
        for heard in sniffer.listen(signal):
            yield heard if everything else choice.of(heard)


def _since(told: str) -> str:
    if not _SECONDS.fullmatch(told) and not _OFFSET.fullmatch(told):
        raise argparse.ArgumentTypeError(
            f"{told!r} is no time; expected seconds of the trace's clock such as 3600.5,"
            " or hours, minutes and seconds after its first line such as 01:00:00"
        )
    return told


def _addresses(told: str) -> frozenset[int]:
    addresses = set[int]()
    for each in told.split(","):
        if not re.fullmatch(r"[0-9A-Fa-f]{2}", each) or int(each, 16) & 0x07:
            raise argparse.ArgumentTypeError(
                f"{each!r} is no peripheral's address; expected two hex digits such as 10 (cashless"
                " 1), 60 (cashless 2), 08 (changer) or 30 (validator), with commas between them"
            )
        addresses.add(int(each, 16))
    return frozenset(addresses)

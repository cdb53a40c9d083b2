"""The trace: what was heard on a bus, as text, one block a line.

    # anything after a hash is a comment
    12.000 > 13 00 04 E3 00 01 FB     seconds, who, bytes with checksum
    12.010 < 00                       ACK
    12.500 > BREAK                    a bus reset
    12.600 >> 13* 00 04               mode bits as heard

`>` is the VMC, `<` a peripheral. The mode bit is implied: set on the first byte of a `>` block of
more than one byte, and on the last byte of a `<` block. Where noise left them otherwise, `>>` or
`<<` begins a line that tells them: a star after the byte whose mode bit was set. Sniff lines of a Qibixx adapter
(`x,00,0006528766,12,`) are recognised by themselves; see `mdb.qibixx`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mdb import qibixx
from mdb.block import MAX_BLOCK
from mdb.byte import BYTE_S, Break, BusByte, Line, Signal

_LINE: Final = re.compile(
    r"(?P<t>\d+(?:\.\d*)?)\s+(?P<dir>[<>])\s+(?P<what>BREAK|break|[0-9A-Fa-f\s]+)"
)
_TOLD: Final = re.compile(
    r"(?P<t>\d+(?:\.\d*)?)\s+(?P<dir><<|>>)\s+(?P<what>[0-9A-Fa-f]{2}\*?(?:\s+[0-9A-Fa-f]{2}\*?)*)"
)


class NotATraceError(ValueError):
    """The text is no trace of either form; the message names the line and what was expected."""


def read_trace(
    lines: Iterable[str], unreadable: Callable[[int, str], None] = lambda _number, _line: None
) -> Iterator[Signal]:
    """The signals of a trace, in the order of the bus.

    A line that cannot be read is told to `unreadable` and skipped, once the text has proved to be a
    trace: a recorder that lost its power leaves half a line.

    Raises:
        NotATraceError: the first line that is no comment is no line of a trace.
    """
    numbered = ((number, line.split("#")[0].strip()) for number, line in enumerate(lines, 1))
    told = ((number, line) for number, line in numbered if line)
    first = next(told, None)
    if first is None:
        return
    if qibixx.is_sniff_line(first[1]):
        yield from qibixx.read(line for _, line in _chain(first, told))
        return
    if parse_line(first[1]) is None:
        raise NotATraceError(
            f"line {first[0]} is no line of a trace: {first[1][:60]!r}; expected"
            " '<seconds> <direction> <hex bytes>' such as '12.5 > 12 12',"
            " or a Qibixx sniff line such as 'x,00,0006528766,12,'"
        )
    for number, line in _chain(first, told):
        signals_of_line = parse_line(line)
        if signals_of_line is None:
            unreadable(number, line)
        yield from signals_of_line or ()


def parse_line(line: str) -> list[Signal] | None:
    """The signals of one line of our own form; None if it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        return _mode_bits_told(line)
    at, who = float(match["t"]), Line(match["dir"])
    if match["what"].upper() == "BREAK":
        return [Break(at)] if who is Line.VMC else None
    try:
        values = bytes.fromhex(match["what"])
    except ValueError:
        return None
    return list(signals(who, values, at))


def signals(line: Line, values: bytes, at: float) -> Iterator[BusByte]:
    """A block's bytes with their mode bits; `at` is the first byte's time."""
    last = len(values) - 1
    for index, value in enumerate(values):
        mode = (index == 0 and last > 0) if line is Line.VMC else index == last
        yield BusByte(value, mode, line, at + index * BYTE_S)


def _mode_bits_told(line: str) -> list[Signal] | None:
    match = _TOLD.fullmatch(line)
    if match is None:
        return None
    at, who = float(match["t"]), Line(match["dir"][0])
    return [
        BusByte(int(told[:2], 16), told.endswith("*"), who, at + index * BYTE_S)
        for index, told in enumerate(match["what"].split())
    ]


class Transcript:
    """Signals written as lines of a trace; reading them gives the same signals.

    Only a line's first byte keeps its own time; the others follow at the bus's pace.
    """

    def __init__(self) -> None:
        self._open: list[BusByte] = []

    def feed(self, signal: Signal) -> list[str]:
        """Take the next signal; return the lines it completes."""
        if isinstance(signal, Break):
            return [*self.flush(), f"{signal.at:.6f} > BREAK"]
        if signal.line is Line.VMC:
            lines = [] if not signal.mode and self._hears(Line.VMC) else self.flush()
            self._open.append(signal)
            return lines
        lines = [] if self._hears(Line.PERIPHERAL) else self.flush()
        self._open.append(signal)
        return [*lines, *self.flush()] if signal.mode or len(self._open) > MAX_BLOCK else lines

    def flush(self) -> list[str]:
        """The line under way, if there is one."""
        block, self._open = self._open, []
        if not block:
            return []
        first = block[0]
        values = bytes(each.value for each in block)
        implied = [each.mode for each in signals(first.line, values, first.at)]
        if implied == [each.mode for each in block]:
            return [f"{first.at:.6f} {first.line.value} {values.hex(' ').upper()}"]
        told = " ".join(f"{each.value:02X}{'*' * each.mode}" for each in block)
        return [f"{first.at:.6f} {first.line.value * 2} {told}"]

    def _hears(self, line: Line) -> bool:
        return bool(self._open) and self._open[0].line is line and len(self._open) <= MAX_BLOCK


def _chain(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest

"""The trace: what was heard on a bus, as text, one block a line.

    # anything after a hash is a comment
    12.000 > 13 00 04 E3 00 01 FB     seconds, who, bytes with checksum
    12.010 < 00                       ACK
    12.500 > BREAK                    a bus reset
    12.600 >> 13* 00 04               mode bits as heard

`>` is the VMC, `<` a peripheral. The mode bit is implied: set on the first byte of a `>` block of
more than one byte, and on the last byte of a `<` block. Where noise left them otherwise, `>>` or
`<<` begins a line that tells them: a star after the byte whose mode bit was set. Sniff lines of a
Qibixx adapter (`x,00,0006528766,12,`) are recognised by themselves; see `mdb.qibixx`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

from mdb import qibixx
from mdb.block import MAX_BLOCK
from mdb.byte import BYTE_S, Break, BusByte, Line, Signal

_TIME: Final = re.compile(r"\d{1,12}(?:\.\d*)?", re.ASCII)
"""No clock goes on for thirty thousand years; a longer number is noise, and may be no finite one."""
_BYTES: Final = re.compile(r"[<>]\s+[0-9A-Fa-f\s]+")
_BYTES_AND_MODES: Final = re.compile(r"(?:<<|>>)\s+[0-9A-Fa-f]{2}\*?(?:\s+[0-9A-Fa-f]{2}\*?)*")
_BREAK: Final = re.compile(r">\s+BREAK", re.IGNORECASE)
_LINES: Final = {each.value: each for each in Line}
LONGEST_LINE: Final = 1000
"""Characters; a block takes 36 bytes."""
REMEMBERED: Final = 4096
"""Blocks whose reading is remembered: a bus says little that it has not said before."""

Said = tuple[tuple[int, bool, Line, float], ...]
"""A block's bytes, each with mode bit, line and seconds since the first; none is a break."""


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
    told = _lines(lines)
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
        else:
            yield from signals_of_line


def parse_line(line: str) -> list[Signal] | None:
    """The signals of one line of our own form; None if it is none."""
    parts = line.split(maxsplit=1)
    if len(parts) < 2 or len(line) > LONGEST_LINE:
        return None
    time, said = parts[0], _said(parts[1])
    if said is None or _TIME.fullmatch(time) is None:
        return None
    at = float(time)
    if not said:
        return [Break(at)]
    return [BusByte(value, mode, who, at + later) for value, mode, who, later in said]


@lru_cache(REMEMBERED)
def _said(what: str) -> Said | None:
    """What stands after the time."""
    what = what.strip()
    if _BREAK.fullmatch(what):
        return ()
    if _BYTES_AND_MODES.fullmatch(what):
        who, *told = what.split()
        return tuple(
            (int(each[:2], 16), each.endswith("*"), _LINES[who[0]], index * BYTE_S)
            for index, each in enumerate(told)
        )
    if not _BYTES.fullmatch(what):
        return None
    try:
        values = bytes.fromhex(what[1:])
    except ValueError:
        return None
    block = signals(_LINES[what[0]], values, 0.0)
    return tuple((each.value, each.mode, each.line, each.at) for each in block)


def signals(line: Line, values: bytes, at: float) -> Iterator[BusByte]:
    """A block's bytes with their mode bits; `at` is the first byte's time."""
    last = len(values) - 1
    for index, value in enumerate(values):
        mode = (index == 0 and last > 0) if line is Line.VMC else index == last
        yield BusByte(value, mode, line, at + index * BYTE_S)


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


def _lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """What is no comment, with its number."""
    for number, line in enumerate(lines, 1):
        told = (line.partition("#")[0] if "#" in line else line).strip()
        if told:
            yield number, told


def _chain(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest

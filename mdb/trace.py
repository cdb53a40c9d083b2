"""The trace: what was heard on a bus, as text, one block a line.

    # anything after a hash is a comment
    12.000 > 13 00 04 E3 00 01 FB     seconds, who, bytes with checksum
    12.010 < 00                       ACK
    12.500 > BREAK                    a bus reset

`>` is the VMC, `<` a peripheral. The mode bit is implied: set on the first byte of a `>` block of
more than one byte, and on the last byte of a `<` block. Sniff lines of a Qibixx adapter
(`x,00,0006528766,12,`) are recognised by themselves; see `mdb.qibixx`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mdb import qibixx
from mdb.byte import Break, BusByte, Line, Signal

BYTE_S: Final = 0.001146
"""One byte on the wire: 11 bits at 9600 baud."""

_LINE: Final = re.compile(
    r"(?P<t>\d+(?:\.\d*)?)\s+(?P<dir>[<>])\s+(?P<what>BREAK|break|[0-9A-Fa-f\s]+)"
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
        return None
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


def _chain(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest

"""A bus in bytes: any bytes are a conversation, and most of what may be said can be written so.

One byte says what comes, and its upper bits how much or which:

    ….00  a block of the VMC's, that many bytes of what follows, checksum put behind
    ….01  a peripheral's, the same
    ….10  a single byte: ACK, NAK, RET or any, by either
    ….11  raw: a byte with any mode bit, a break, or a leap of the clock
"""

from collections.abc import Iterable, Iterator
from math import inf, nan
from pathlib import Path

from mdb.block import Answer, Block, Single, checksum
from mdb.byte import BYTE_S, Break, BusByte, Line, Signal
from mdb.framing import Framed, Framer
from mdb.trace import read_trace, signals

TRACES = sorted((Path(__file__).parents[2] / "traces").glob("*.mdb"))
LEAPS = (0.0, 0.01, 0.3, 1.6, 11.0, 3600.0, -0.1, -5.0, -1e9, 1e9, 1e300, -1e300, inf, -inf, nan, 1)
"""Seconds that go by, or go back, before what is said next."""
SINGLES = (Answer.ACK, Answer.NAK, Answer.RET, 0x55)
LINES = (Line.VMC, Line.PERIPHERAL)


def signals_of(told: bytes) -> Iterator[Signal]:
    """What any bytes say."""
    at, rest = 0.0, iter(told)
    for head in rest:
        what, how = head & 3, head >> 2
        if what < 2:
            data = bytes(byte for byte, _ in zip(rest, range(how % 37), strict=False))
            yield from signals(LINES[what], data + bytes([checksum(data)]), at)
            at += BYTE_S * (len(data) + 1)
        elif what == 2:
            line = LINES[how >> 2 & 1]
            yield BusByte(SINGLES[how & 3], line is Line.PERIPHERAL, line, at)
            at += BYTE_S
        elif how < 16:
            at += LEAPS[how]
        elif how < 20:
            yield Break(at)
        else:
            yield BusByte(next(rest, 0), bool(how & 1), LINES[how >> 1 & 1], at)
            at += BYTE_S


def written(heard: Iterable[Signal]) -> bytes:
    """The bytes that say nearly the same: blocks, single bytes and breaks in their order."""
    framer, told = Framer(), bytearray()
    framed = [each for signal in heard for each in framer.feed(signal)]
    for each in [*framed, *framer.flush()]:
        told += _written(each)
    return bytes(told)


def _written(framed: Framed) -> bytes:
    match framed:
        case Block(line, data):
            return bytes([len(data) << 2 | LINES.index(line)]) + data
        case Single(line, answer):
            return bytes([(LINES.index(line) << 2 | SINGLES.index(answer)) << 2 | 2])
        case Break():
            return bytes([16 << 2 | 3])
        case _:
            return b""


SEEDS = [written(read_trace(each.read_text("utf-8").splitlines())) for each in TRACES]
"""Every trace that there is."""

"""Sniff lines of a Qibixx MDB Pi HAT or MDB-USB (`X,1`), read as signals.

    x,aa,tttttttttt,cc,dddd     aa 00 VMC, 80 peripheral; t in 0.1 ms; cc command, dddd data
    x,80,tttttttttt,dddd        a peripheral's data, or ACK NAK RET, which the VMC may say too

The adapter has checked the checksum and does not print it, so it is put back here. Lines may come
out of order: they are put right by their own counter.
"""

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Final

from mdb.block import Answer, checksum
from mdb.byte import BusByte, Line, Signal

TICK_S: Final = 0.0001
WINDOW: Final = 8
"""How many lines one may be late by."""

_LINE: Final = re.compile(
    r"x,(?P<status>[0-9A-Fa-f]{2}),(?P<tick>\d+),(?P<fields>[0-9A-Fa-f]*(?:,[0-9A-Fa-f]*)?|ACK|NAK|RET)"
)
_FROM_PERIPHERAL: Final = 0x80


def is_sniff_line(line: str) -> bool:
    """Whether the line is one of an adapter in sniff mode."""
    return _LINE.fullmatch(line) is not None


def read(lines: Iterable[str]) -> Iterator[Signal]:
    """The signals of sniff lines, in the order of the adapter's counter."""
    waiting: list[tuple[int, int, list[Signal]]] = []
    for order, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        tick = int(match["tick"])
        status = int(match["status"], 16)
        who = Line.PERIPHERAL if status & _FROM_PERIPHERAL else Line.VMC
        entry = (tick, order, _signals(who, match["fields"], tick * TICK_S))
        if len(waiting) < WINDOW:
            heapq.heappush(waiting, entry)
        else:
            yield from heapq.heappushpop(waiting, entry)[2]
    while waiting:
        yield from heapq.heappop(waiting)[2]


def _signals(line: Line, told: str, at: float) -> list[Signal]:
    if told in Answer.__members__:
        return [BusByte(Answer[told], line is Line.PERIPHERAL, line, at)]
    digits = told.replace(",", "")
    if len(digits) % 2 or not digits:
        return []
    data = bytes.fromhex(digits)
    values = [*data, checksum(data)]
    marked = 0 if line is Line.VMC else len(data)
    return [BusByte(value, index == marked, line, at) for index, value in enumerate(values)]

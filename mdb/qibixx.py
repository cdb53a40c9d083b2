"""Sniff lines of a Qibixx MDB Pi HAT or MDB-USB (`X,1`), read as signals.

    x,aa,tttttttttt,cc,dddd     aa 00 VMC, 80 peripheral; t in 0.1 ms; cc command, dddd data
    x,80,tttttttttt,dddd        a peripheral's data, or ACK NAK RET, which the VMC may say too

The adapter has checked the checksum and does not print it, so it is put back here. Lines may come
out of order: they are put right by their own counter.
"""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mdb.block import Answer, checksum
from mdb.byte import BusByte, Line, Signal

TICK_S: Final = 0.0001
WINDOW: Final = 8
"""How many lines one may be late by in a file, where nothing says when a line came."""
RESTART: Final = 100_000
"""Ticks (10 s) no line is late by: a counter that far behind has wrapped or started again."""

_LINE: Final = re.compile(
    r"x,(?P<status>[0-9A-Fa-f]{2}),(?P<tick>\d{1,20}),(?P<fields>[0-9A-Fa-f]*(?:,[0-9A-Fa-f]*)?|ACK|NAK|RET)",
    re.ASCII,
)
_FROM_PERIPHERAL: Final = 0x80


@dataclass(frozen=True, slots=True)
class Sniffed:
    """One sniff line: the adapter's counter, and what was heard. No signals: half a byte."""

    tick: int
    signals: tuple[Signal, ...]
    heard: float = 0.0
    """When the line came, by the listener's clock."""


class Order:
    """Sniff lines put right by their counter; those of one tick keep their order.

    Holds what it is given until it is asked. A counter that starts again begins a new order.
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, int, Sniffed]] = []
        self._count = 0
        self._newest = 0

    def add(self, line: Sniffed) -> list[Sniffed]:
        """Hold a line. Return those from before the counter started again, if it did."""
        before = self.flush() if line.tick < self._newest - RESTART else []
        self._newest = line.tick if before or not self._held else max(self._newest, line.tick)
        self._count += 1
        heapq.heappush(self._held, (line.tick, self._count, line))
        return before

    def beyond(self, count: int) -> list[Sniffed]:
        """Hold no more than so many."""
        return self._while(lambda: len(self._held) > count)

    def heard_by(self, time: float) -> list[Sniffed]:
        """What came by then, and whatever goes before it."""
        due = max((tick for tick, _, line in self._held if line.heard <= time), default=None)
        return [] if due is None else self._while(lambda: self._held[0][0] <= due)

    def flush(self) -> list[Sniffed]:
        """All of it."""
        return self.beyond(0)

    def _while(self, condition: Callable[[], bool]) -> list[Sniffed]:
        released = []
        while self._held and condition():
            released.append(heapq.heappop(self._held)[2])
        return released


def is_sniff_line(line: str) -> bool:
    """Whether the line is one of an adapter in sniff mode."""
    return _LINE.fullmatch(line) is not None


def parse(line: str, heard: float = 0.0) -> Sniffed | None:
    """The sniff line; None if it is none."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    tick = int(match["tick"])
    who = Line.PERIPHERAL if int(match["status"], 16) & _FROM_PERIPHERAL else Line.VMC
    return Sniffed(tick, tuple(_signals(who, match["fields"], tick * TICK_S)), heard)


def read(lines: Iterable[str]) -> Iterator[Signal]:
    """The signals of sniff lines, in the order of the adapter's counter."""
    order = Order()
    for line in lines:
        sniffed = parse(line)
        if sniffed is None:
            continue
        for each in [*order.add(sniffed), *order.beyond(WINDOW)]:
            yield from each.signals
    for each in order.flush():
        yield from each.signals


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

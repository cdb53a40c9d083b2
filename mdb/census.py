"""Census: how each peripheral of a bus behaves, counted one settled exchange at a time.

Says who is slow, silent or noisy; not what was sold. Its memory is bounded: a row an address, a
histogram a row, and a count for each reason of a fault.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from mdb.block import Address
from mdb.byte import BYTE_S
from mdb.event import BusFault, BusReset
from mdb.exchange import Exchange, Fate
from mdb.sniffer import Heard

BUCKET_MS: Final = 0.1
LAST_BUCKET: Final = 5000
"""Half a second: whatever took longer stands here, and in the maximum as it was."""
LATE_MS: Final = 5.0
"""The longest pause the standard allows before an answer (MDB 4.2, section 3.2)."""
TOO_LATE_MS: Final = 20.0
"""The longest that a VMC of today puts up with (MDB 4.2, appendix 3)."""
_NAMES: Final = {each.value: each.name.lower().replace("_", " ") for each in Address}
_HEAD: Final = (
    *("device", "exchanges", "polls", "answers", "silent", "NAKs", "repeated"),
    *("min", "median", "p95", "max ms", ">5 ms", ">20 ms"),
)


@dataclass(slots=True)
class Times:
    """Response times in milliseconds: extremes as they were, the middle to a tenth."""

    count: int = 0
    shortest: float = 0.0
    longest: float = 0.0
    late: int = 0
    too_late: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, ms: float) -> None:
        """Take one more answer's time."""
        self.shortest = min(self.shortest, ms) if self.count else ms
        self.longest = max(self.longest, ms)
        self.count += 1
        self.late += ms > LATE_MS
        self.too_late += ms > TOO_LATE_MS
        self.buckets[min(int(ms / BUCKET_MS), LAST_BUCKET)] += 1

    def below(self, share: float) -> float | None:
        """The time that a share (0 to 1) of the answers did not exceed; None without any."""
        wanted = max(1, ceil(share * self.count))
        for bucket in sorted(self.buckets):
            wanted -= self.buckets[bucket]
            if wanted <= 0:
                top = self.longest if bucket == LAST_BUCKET else (bucket + 1) * BUCKET_MS
                return min(max(top, self.shortest), self.longest)
        return None


@dataclass(slots=True)
class Row:
    """One peripheral; `exchanges` is the sum of `answers`, `silent` and `naks`."""

    address: int
    exchanges: int = 0
    polls: int = 0
    answers: int = 0
    silent: int = 0
    naks: int = 0
    repeated: int = 0
    times: Times = field(default_factory=Times)
    last_at: float = -1.0

    @property
    def name(self) -> str:
        """The peripheral in the standard's words."""
        return _NAMES.get(self.address, "unknown")

    def add(self, exchange: Exchange) -> None:
        """Count an exchange, once however often it is told."""
        fate = exchange.fate
        if fate is Fate.MOVED_ON or fate is Fate.GIVEN_UP:
            return  # what became of a command that was counted when it was silent
        if exchange.repeated and exchange.reply is not None and exchange.at <= self.last_at:
            return  # an answer that was held back, now believed
        self.last_at = exchange.at
        self.exchanges += 1
        self.polls += exchange.is_poll
        self.repeated += exchange.repeated
        answered = exchange.reply_at > exchange.at
        if fate is Fate.HEARD:
            self.answers += 1
        elif answered:
            self.naks += 1
        else:
            self.silent += 1
        if answered:
            ended = exchange.at + (len(exchange.command) + 1) * BYTE_S
            self.times.add(max(0.0, exchange.reply_at - ended) * 1000)


class Census:
    """Counts what a `Sniffer` heard: give it every `Heard`."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.faults: Counter[str] = Counter()
        self.resets = 0

    def hear(self, heard: Heard) -> None:
        """Count one settled piece of the conversation."""
        exchange = heard.exchange
        if exchange is not None:
            row = self.rows.get(exchange.address)
            if row is None:
                row = self.rows[exchange.address] = Row(exchange.address)
            row.add(exchange)
        for event in heard.events:
            if isinstance(event, BusFault):
                self.faults[_reason(event.reason)] += 1
            elif isinstance(event, BusReset):
                self.resets += 1

    def as_json(self) -> dict[str, object]:
        """The census as one JSON object; times in milliseconds, null where nobody answered."""
        return {
            "devices": [_row_as_json(self.rows[address]) for address in sorted(self.rows)],
            "faults": dict(sorted(self.faults.items())),
            "bus_resets": self.resets,
        }

    def lines(self) -> Iterator[str]:
        """The census as a table for a person."""
        table = [_HEAD, *(_row_as_text(self.rows[address]) for address in sorted(self.rows))]
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        for cells in table:
            first, *rest = zip(cells, widths, strict=True)
            yield "  ".join([first[0].ljust(first[1]), *(cell.rjust(wide) for cell, wide in rest)])
        yield ""
        yield f"bus resets: {self.resets}"
        yield f"faults: {self.faults.total()}"
        for reason, count in self.faults.most_common():
            yield f"{count:8}  {reason}"


def _reason(told: str) -> str:
    """A fault's reason without the bytes in it, so that there are but a few."""
    return "checksum" if told.startswith("checksum ") else told


def _row_as_json(row: Row) -> dict[str, object]:
    times = row.times
    heard = times.count > 0
    return {
        "address": f"{row.address:02x}",
        "name": row.name,
        "exchanges": row.exchanges,
        "polls": row.polls,
        "answers": row.answers,
        "silent": row.silent,
        "naks": row.naks,
        "repeated": row.repeated,
        "response_ms": {
            "min": round(times.shortest, 3) if heard else None,
            "median": _rounded(times.below(0.5)),
            "p95": _rounded(times.below(0.95)),
            "max": round(times.longest, 3) if heard else None,
        },
        "later_than_5_ms": times.late,
        "later_than_20_ms": times.too_late,
    }


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)


def _row_as_text(row: Row) -> tuple[str, ...]:
    times = row.times
    middle = (times.shortest, times.below(0.5), times.below(0.95), times.longest)
    told = ["-" if ms is None or not times.count else f"{ms:.1f}" for ms in middle]
    counts = (row.exchanges, row.polls, row.answers, row.silent, row.naks, row.repeated)
    late = (times.late, times.too_late)
    return (f"{row.address:02X} {row.name}", *map(str, counts), *told, *map(str, late))

"""What a machine has counted since it was initialised, and where in the file that stands.

Every counter is there twice, since initialisation and since the last reset. A plain read may reset
the latter, so only the former are evidence. Values are those of the price list, in the file's own
units; in which order count and value stand differs from segment to segment (DTS 6.1.1, chapter 5).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mdb.audit.segment import Segment


@dataclass(frozen=True, slots=True)
class Counter:
    """How many vends, and their value; None where the machine does not tell it."""

    count: int | None
    value: int | None

    @property
    def used(self) -> bool:
        """Whether it is more than zero, or may be."""
        return self.count != 0 or self.value != 0


class Means(NamedTuple):
    """How a selection was paid for: a device (CA cash, DA and DB cashless, TA token), at a list."""

    device: str
    price_list: str


@dataclass(frozen=True, slots=True)
class _Place:
    segment: str
    count: int
    value: int

    def of(self, segment: Segment) -> Counter:
        return Counter(segment.number(self.count), segment.number(self.value))


TOTALS: Final = {
    "paid": _Place("VA1", count=2, value=1),
    "test": _Place("VA2", count=2, value=1),
    "free": _Place("VA3", count=2, value=1),
    "cash": _Place("CA2", count=2, value=1),
    "cashless-1": _Place("DA2", count=2, value=1),
    "cashless-2": _Place("DB2", count=2, value=1),
    "token": _Place("TA2", count=2, value=1),
    "value token": _Place("TA2", count=6, value=5),
}
OF_SELECTION: Final = {
    "paid": _Place("PA2", count=1, value=2),
    "test": _Place("PA3", count=1, value=2),
    "free": _Place("PA4", count=1, value=2),
    "mixed": _Place("PA8", count=1, value=2),
}
"""`mixed`: paid by two means, and so counted at both; its value is the part in cash."""
CASH: Final = {
    "in": ("CA3", 5),
    "to cashbox": ("CA3", 6),
    "to tubes": ("CA3", 7),
    "bills": ("CA3", 10),
    "out": ("CA4", 3),
    "out by hand": ("CA4", 4),
    "overpaid": ("CA8", 2),
    "filled in": ("CA10", 2),
}
"""Sums of money. CA308, bills too, is told in two encodings, so it is not read."""
_BY_MEANS: Final = _Place("PA7", count=5, value=6)
NOT_TOLD: Final = Counter(None, None)


@dataclass(frozen=True, slots=True)
class Selection:
    """A product of the machine (PA1): its price, name, and vends by kind and by means."""

    price: int | None = None
    name: str = ""
    vends: Mapping[str, Counter] = field(default_factory=dict)
    by: Mapping[Means, Counter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals by kind and means, cash by where it went, selections by their number as told.

    None where a sum is not told, as in a counter.
    """

    totals: Mapping[str, Counter]
    cash: Mapping[str, int | None]
    selections: Mapping[str, Selection]


def counts_of(segments: Iterable[Segment]) -> Counts:
    """What the segments tell. Of what is told twice, the later stands.

    A field that is there and empty, or no number, is None; one that the segment does not reach is
    not there, but for the first: trailing empty fields may be left out.
    """
    totals, cash, products = dict[str, Counter](), dict[str, int | None](), _Products()
    for segment in segments:
        reach = max(1, len(segment.fields))
        for name, place in TOTALS.items():
            if place.segment == segment.name and min(place.count, place.value) <= reach:
                totals[name] = place.of(segment)
        for name, (told_in, at) in CASH.items():
            if told_in == segment.name and at <= reach:
                cash[name] = segment.number(at)
        products.take(segment)
    return Counts(totals, cash, products.selections)


class _Products:
    """The selections so far. What follows PA1 belongs to it; PA7 says itself whose it is."""

    def __init__(self) -> None:
        self.selections: dict[str, Selection] = {}
        self._vends: defaultdict[str, dict[str, Counter]] = defaultdict(dict)
        self._by: defaultdict[str, dict[Means, Counter]] = defaultdict(dict)
        self._current = ""

    def take(self, segment: Segment) -> None:
        if segment.name == "PA1":
            self._current = segment.text(1)
            self._open(self._current, segment.number(2), segment.text(3))
        elif segment.name == _BY_MEANS.segment:
            number = segment.text(1) or self._current
            means = Means(segment.text(2), segment.text(3))
            self._by[number][means] = _BY_MEANS.of(segment)
            if number not in self.selections:
                self._open(number)
        elif self._current:
            for kind, place in OF_SELECTION.items():
                if place.segment == segment.name:
                    self._vends[self._current][kind] = place.of(segment)

    def _open(self, number: str, price: int | None = None, name: str = "") -> None:
        self.selections[number] = Selection(price, name, self._vends[number], self._by[number])

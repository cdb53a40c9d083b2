"""Whether a machine's counters agree with each other, as the standard says they do.

Each check is an equation between counters; where a machine does not tell all of one, nothing is
said of it. Discounts and surcharges are counted differently by different machines, so
an imbalance is a question to the machine's maker or a damaged file, and no proof of a missing sale.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from mdb.audit.counts import NOT_TOLD, Counter, Counts, Selection

_AT_LEAST: Final = {"cash", "cashless-1"}
"""A machine without a second reader, or tokens, need not tell of them."""
_PAID_BY: Final = ("cash", "cashless-1", "cashless-2", "token", "value token")


class Imbalance(NamedTuple):
    """Two numbers that should be one: of money (in the file's units), or of vends."""

    what: str
    one: int
    other_is: str
    other: int
    of_money: bool = False


def imbalances(counts: Counts) -> list[Imbalance]:
    """What does not come out; empty where all does, and where too little is told to say so."""
    sides = [*_paid(counts), *_cash(counts.cash)]
    for number, selection in counts.selections.items():
        sides += _selection(number, selection)
    return [each for each in sides if each.one != each.other]


def _paid(counts: Counts) -> Iterator[Imbalance]:
    """VA101 = CA201 + DA201 + DB201 + TA201 + TA205; VA1 = the sum of PA2."""
    paid = counts.totals.get("paid", NOT_TOLD)
    by_means = [counts.totals[each].value for each in _PAID_BY if each in counts.totals]
    if counts.totals.keys() >= _AT_LEAST:
        yield from _money("paid vends", paid.value, "paid by each means", by_means)
    products = [each.vends.get("paid", NOT_TOLD) for each in counts.selections.values()]
    yield from _both("paid vends", paid, "paid vends of the selections", products)


def _selection(number: str, selection: Selection) -> Iterator[Imbalance]:
    """PA2 = the sum of PA7, less the vends of PA8, which two means have each counted."""
    paid = selection.vends.get("paid", NOT_TOLD)
    mixed = selection.vends.get("mixed", Counter(0, 0)).count
    twice = Counter(None if mixed is None else -mixed, 0)
    by = [*selection.by.values(), twice] if selection.by else []
    yield from _both(f"selection {number}", paid, "its vends by each means", by)


def _cash(cash: Mapping[str, int | None]) -> Iterator[Imbalance]:
    """CA305 = CA306 + CA307 + CA310."""
    parts = [cash.get(part) for part in ("to cashbox", "to tubes", "bills")]
    yield from _money("cash in", cash.get("in"), "cashbox, tubes and bills", parts)


def _both(what: str, whole: Counter, other_is: str, parts: list[Counter]) -> Iterator[Imbalance]:
    yield from _compared(what, whole.count, other_is, [each.count for each in parts])
    yield from _money(what, whole.value, other_is, [each.value for each in parts])


def _money(
    what: str, one: int | None, other_is: str, parts: list[int | None]
) -> Iterator[Imbalance]:
    for each in _compared(what, one, other_is, parts):
        yield each._replace(of_money=True)


def _compared(
    what: str, one: int | None, other_is: str, parts: list[int | None]
) -> Iterator[Imbalance]:
    told = [each for each in parts if each is not None]
    if one is not None and told and len(told) == len(parts):
        yield Imbalance(what, one, other_is, sum(told))

"""Shelves: the days of one slot. Pure.

What has no end holds until something else begins. What has one holds within it, and then what was
before holds again.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import msgspec

from cloud.fleet import Shelf

EVER: Final = date(2000, 1, 1)
"""From when on something is in a slot that had nothing before: late sales are its sales too."""


def begins(shelves: Iterable[Shelf], product: str, today: date) -> date:
    """From when on a product is in a slot, where nobody said a day.

    What was sold before today was another product, even if the sale arrives tomorrow; the same
    product only has other limits.
    """
    begun = [each for each in shelves if each.valid_from <= today]
    valid = [each for each in begun if each.valid_until is None or today < each.valid_until]
    if valid:
        last = max(valid, key=lambda each: each.valid_from)
        return last.valid_from if last.product == product else today
    return max((each.valid_until for each in begun if each.valid_until), default=EVER)


def overlapping(one: Shelf, others: Iterable[Shelf]) -> Shelf | None:
    """The first that holds on days on which `one` is said to hold, too.

    It is no contradiction that `one` has no end, nor that it lies within what has none.
    """
    for other in sorted(others, key=lambda each: each.valid_from):
        end, its_end = one.valid_until, other.valid_until
        reaches = end is not None and one.valid_from < other.valid_from < end
        reached = (
            end is not None and its_end is not None and other.valid_from < one.valid_from < its_end
        )
        if reaches or reached:
            return other
    return None


def settled(before: Iterable[Shelf], wanted: Iterable[Shelf]) -> list[Shelf]:
    """A slot's shelves with what is wanted put among them, as the store puts them one by one."""
    by_day = {each.valid_from: each for each in before}
    for one in sorted(wanted, key=lambda each: each.valid_from):
        if one.valid_until is None:
            for day, other in by_day.items():
                if day < one.valid_from and (
                    other.valid_until is None or one.valid_from < other.valid_until
                ):
                    by_day[day] = msgspec.structs.replace(other, valid_until=one.valid_from)
        by_day[one.valid_from] = one
    return [by_day[day] for day in sorted(by_day)]


def changed(before: Sequence[Shelf], after: Sequence[Shelf]) -> list[Shelf]:
    """Those that have to be written."""
    was = {each.valid_from: each for each in before}
    return [each for each in after if was.get(each.valid_from) != each]

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stall import a_shelf, a_site

from cloud.books.shelves import EVER, begins, changed, overlapping, settled
from cloud.fleet import Shelf

TODAY = date(2026, 11, 26)


def day(number: int) -> date:
    return TODAY + timedelta(number)


def a(product: str, begin: int | None, end: int | None = None) -> Shelf:
    return a_shelf(
        "0001",
        product,
        valid_from=EVER if begin is None else day(begin),
        valid_until=None if end is None else day(end),
    )


@pytest.mark.parametrize(
    ("there", "begin"),
    [
        ([], EVER),
        ([a("cola", None)], TODAY),
        ([a("juice", -9)], day(-9)),
        ([a("cola", None, -3)], day(-3)),
        ([a("cola", None), a("juice", -1)], day(-1)),
        ([a("juice", None), a("cola", -1)], TODAY),
        ([a("cola", 4)], EVER),
    ],
)
def test_a_product_begins_where_what_was_sold_before_keeps_its_name(
    there: list[Shelf], begin: date
) -> None:
    assert begins(there, "juice", TODAY) == begin


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        (a("x", 1, 5), a("y", 3, 7), True),
        (a("x", 3, 7), a("y", 1, 5), True),
        (a("x", 1, 5), a("y", 3), True),
        (a("x", 3), a("y", 1, 5), False),
        (a("x", 3, 4), a("y", 1), False),
        (a("x", 1, 3), a("y", 3, 5), False),
        (a("x", 3, 5), a("y", 1, 3), False),
        (a("x", 1), a("y", 3), False),
    ],
)
def test_two_ends_that_contradict_each_other_overlap(
    one: Shelf, other: Shelf, *, overlaps: bool
) -> None:
    assert overlapping(one, [other]) == (other if overlaps else None)


def test_what_has_no_end_ends_what_was_before() -> None:
    after = settled([a("cola", None)], [a("juice", 1)])
    assert after == [a("cola", None, 1), a("juice", 1)]
    assert changed([a("cola", None)], after) == after
    assert changed(after, settled(after, [a("juice", 1)])) == []


def test_what_has_an_end_lies_within_what_has_none() -> None:
    after = settled([a("cola", None)], [a("juice", 1, 3)])
    site = a_site()
    site.shelves["0001"] = tuple(after)
    sold = [site.shelf("0001", day(number)) for number in (0, 1, 2, 3)]
    assert [each and each.product for each in sold] == ["cola", "juice", "juice", "cola"]


SHELVES = st.lists(
    st.builds(a, st.sampled_from("xyz"), st.integers(0, 9), st.none() | st.integers(10, 19)),
    unique_by=lambda each: each.valid_from,
    max_size=5,
)


@given(SHELVES, SHELVES)
def test_the_same_rows_again_change_nothing(before: list[Shelf], wanted: list[Shelf]) -> None:
    after = settled(before, wanted)
    assert settled(after, wanted) == after

"""One vend that several devices are told of is one sale, and the order of events is kept."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from dialogue import ask, line
from hypothesis import given
from hypothesis import strategies as st

from mdb.context import Context
from mdb.event import (
    BusFault,
    Confidence,
    Event,
    FileTransferred,
    Kind,
    Return,
    Sale,
    SessionBegan,
    SessionEnded,
    Tender,
    VendRequested,
)
from mdb.scaling import Scaling
from mdb.vend_cycle import KEPT, MOST_WAITING, ONE_CYCLE_S, REPORT_FIRST_S, Told, VendCycle

Hear = Callable[..., list[Event]]
RAW = {"price": 100, "item": "000a"}
CARD = Sale(1.0, 0x10, "000a", Kind.PAID, 50, "EUR", (Tender("cashless-1", 50),), raw=RAW)
CASH = Sale(1.2, 0x10, "000a", Kind.PAID, 100, "EUR", (Tender("cash", 100),), raw=RAW)
CARD_2 = replace(CARD, at=1.1, address=0x60, tenders=(Tender("cashless-2", 50),))
BOTH = (Tender("cashless-1", 50), Tender("cash", 100))
WHOLE = replace(CARD, amount=150, tenders=BOTH, raw={**RAW, "cash": 100})
ENDED = SessionEnded(1.1, 0x10)
FAULT = BusFault(1.3, 0, "noise")


def report(cycle: VendCycle, vend: Sale | Return) -> list[Event] | None:
    """A report's vend; None if a reader was told of it."""
    return None if cycle.told_of(vend) else cycle.only_reported(vend)


def card(cycle: VendCycle, sale: Sale = CARD) -> list[Event]:
    return cycle.paid_by_card(sale, cash_in_play=True)


def cash(cycle: VendCycle, sale: Told = CASH) -> list[Event]:
    return cycle.paid_in_cash(sale, card_in_play=True)


def test_where_no_cash_is_in_play_a_card_s_sale_is_told_at_once() -> None:
    cycle = VendCycle()
    assert cycle.paid_by_card(CARD, cash_in_play=False) == [CARD]
    assert cycle.paid_in_cash(CASH, card_in_play=False) == [CASH]
    assert not cycle.holds


def test_a_card_s_part_and_then_the_cash_are_one_sale() -> None:
    cycle = VendCycle()
    assert card(cycle) == []
    assert cycle.holds
    assert cash(cycle) == [WHOLE]
    assert not cycle.holds


def test_the_cash_and_then_a_card_s_part_are_one_sale() -> None:
    cycle = VendCycle()
    later = replace(CARD, at=1.4)
    assert cash(cycle) == []
    assert card(cycle, later) == [replace(WHOLE, at=1.4)]


@pytest.mark.parametrize(
    "other",
    [
        replace(CASH, at=1.0 + ONE_CYCLE_S + 0.001),
        replace(CASH, item="000b"),
        replace(CASH, kind=Kind.TEST, amount=0, tenders=()),
        replace(CASH, kind=Kind.TOKEN, amount=None, tenders=(Tender("cash", None),)),
    ],
    ids=["later", "another item", "a test", "a token"],
)
def test_what_is_no_other_part_is_another_sale(other: Sale) -> None:
    cycle = VendCycle()
    card(cycle)
    assert [*cash(cycle, other), *cycle.flush()] == [CARD, other]


def test_at_the_last_moment_it_is_still_the_other_part() -> None:
    cycle = VendCycle()
    card(cycle)
    last = replace(CASH, at=1.0 + ONE_CYCLE_S)
    assert cycle.until(last.at) == []
    assert cash(cycle, last) == [WHOLE]


def test_a_return_is_no_other_part() -> None:
    cycle = VendCycle()
    card(cycle)
    back = Return(1.2, 0x10, "000a", 100, "EUR", (Tender("cash", 100),), raw=RAW)
    assert [*cash(cycle, back), *cycle.flush()] == [CARD, back]


@pytest.mark.parametrize("unknown", ["card", "cash"])
def test_a_part_without_an_amount_leaves_the_whole_without_one(unknown: str) -> None:
    cycle = VendCycle()
    none = None
    card(cycle, replace(CARD, amount=none) if unknown == "card" else CARD)
    (whole,) = cash(cycle, replace(CASH, amount=none) if unknown == "cash" else CASH)
    assert isinstance(whole, Sale)
    assert whole.amount is None
    assert len(whole.tenders) == 2


def test_two_cards_sales_are_two() -> None:
    """The other part of a card's payment is a CASH SALE (3.4)."""
    cycle = VendCycle()
    assert [*card(cycle), *card(cycle, CARD_2), *cycle.flush()] == [CARD, CARD_2]


def test_two_equal_sales_by_one_card_are_two() -> None:
    cycle = VendCycle()
    again = replace(CARD, at=1.5)
    assert [*card(cycle), *card(cycle, again), *cycle.flush()] == [CARD, again]


def test_after_a_mixed_sale_more_cash_is_another_sale() -> None:
    cycle = VendCycle()
    card(cycle)
    assert cash(cycle) == [WHOLE]
    more = replace(CASH, at=1.3)
    assert [*cash(cycle, more), *cycle.flush()] == [more]


@pytest.mark.parametrize(
    "sale",
    [
        replace(CARD, kind=Kind.FREE, amount=0, tenders=()),
        replace(CARD, kind=Kind.TOKEN, amount=None),
        replace(CARD, confidence=Confidence.PRESUMED),
    ],
    ids=["free", "a token", "presumed"],
)
def test_what_has_no_other_part_is_told_at_once(sale: Sale) -> None:
    assert card(VendCycle(), sale) == [sale]


def test_a_sale_that_is_held_back_is_told_when_its_time_is_over() -> None:
    cycle = VendCycle()
    card(cycle)
    assert cycle.until(1.0 + ONE_CYCLE_S) == []
    assert cycle.until(1.001 + ONE_CYCLE_S) == [CARD]
    assert not cycle.holds


def test_what_is_concluded_meanwhile_waits_behind_it() -> None:
    cycle = VendCycle()
    assert [*card(cycle), *cycle.conclude(ENDED), *cycle.conclude(FAULT)] == []
    assert cycle.until(3.0) == [CARD, ENDED, FAULT]
    assert [*card(cycle), *cycle.conclude(ENDED)] == []
    assert cash(cycle) == [WHOLE, ENDED]


def test_when_another_vend_begins_at_the_reader_nothing_waits() -> None:
    cycle = VendCycle()
    card(cycle)
    cycle.conclude(ENDED)
    event = VendRequested(1.4, CARD.address, "000b", 50, "EUR")
    assert cycle.conclude(event) == [CARD, ENDED, event]


@pytest.mark.parametrize(
    "event", [SessionBegan(1.4, 0x10), VendRequested(1.4, 0x60, "000b", 50, "EUR")]
)
def test_a_card_that_comes_early_and_the_other_reader_s_vend_keep_it_waiting(event: Event) -> None:
    cycle = VendCycle()
    card(cycle)
    assert cycle.conclude(event) == []
    assert cash(cycle) == [WHOLE, event]


def test_at_the_end_nothing_is_lost() -> None:
    cycle = VendCycle()
    card(cycle)
    cycle.conclude(ENDED)
    assert cycle.flush() == [CARD, ENDED]
    assert cycle.flush() == []


REPORT = replace(WHOLE, address=0x18)
BY_CARD = replace(CARD, address=0x18)


def test_a_report_is_of_the_oldest_vend_not_reported_yet() -> None:
    cycle = VendCycle()
    for _ in range(3):
        cycle.paid_by_card(CARD, cash_in_play=False)
    assert [report(cycle, BY_CARD) for _ in range(4)] == [None, None, None, [BY_CARD]]


def test_a_vend_reported_before_it_was_told_is_told_once() -> None:
    cycle = VendCycle()
    assert report(cycle, BY_CARD) == [BY_CARD]
    assert card(cycle) == []
    assert [*card(cycle), *cycle.flush()] == [CARD]


def test_both_parts_of_a_vend_reported_before_are_told_once() -> None:
    cycle = VendCycle()
    assert report(cycle, REPORT) == [REPORT]
    assert [*card(cycle), *cash(cycle), *cycle.flush()] == []


def test_a_vend_reported_between_its_parts_is_told_once_and_done_with() -> None:
    cycle = VendCycle()
    card(cycle)
    assert report(cycle, REPORT) is None
    assert cash(cycle) == [WHOLE]
    assert report(cycle, REPORT) == [REPORT]  # of the next vend


def test_a_free_card_that_was_not_heard_to_come_is_reported_as_free() -> None:
    cycle = VendCycle()
    assert cycle.paid_by_card(CARD, cash_in_play=False) == [CARD]
    assert report(cycle, replace(BY_CARD, kind=Kind.FREE, tenders=())) is None


def test_a_vend_reported_before_the_one_that_begins_is_another() -> None:
    cycle = VendCycle()
    assert report(cycle, BY_CARD) == [BY_CARD]
    cycle.conclude(VendRequested(0.0, 0x10, "000a", 50, "EUR"))
    assert cycle.paid_by_card(CARD, cash_in_play=False) == [CARD]


def test_a_cash_sale_that_is_settled_after_the_next_vend_began_is_the_reported_one() -> None:
    """Nobody was heard to acknowledge it, so it is known only later that it counts."""
    cycle = VendCycle()
    by_cash = replace(CASH, address=0x18, at=1.1)
    assert report(cycle, by_cash) == [by_cash]
    cycle.conclude(SessionBegan(1.4, 0x10))
    assert cycle.paid_in_cash(replace(CASH, at=1.0), card_in_play=False) == []


def test_a_vend_reported_long_ago_is_another() -> None:
    cycle = VendCycle()
    assert report(cycle, BY_CARD) == [BY_CARD]
    later = replace(CARD, at=BY_CARD.at + REPORT_FIRST_S + 0.1)
    assert cycle.paid_by_card(later, cash_in_play=False) == [later]


@pytest.mark.parametrize(
    "other",
    [
        replace(BY_CARD, item="000b"),
        replace(BY_CARD, tenders=(Tender("cash", 50),)),
        replace(BY_CARD, tenders=(Tender("cashless-2", 50),)),
    ],
    ids=["item", "by cash", "by the other card"],
)
def test_a_report_of_another_vend_is_another_sale(other: Sale) -> None:
    cycle = VendCycle()
    cycle.paid_by_card(CARD, cash_in_play=False)
    assert report(cycle, other) == [other]


def test_the_same_cash_sale_at_the_other_reader_was_told_before() -> None:
    cycle = VendCycle()
    second = replace(CASH, at=1.3, address=0x60)
    assert [cycle.told_before(each) for each in (CASH, second, CASH, second)] == [
        False,
        True,
        False,
        True,
    ]
    later = replace(CASH, at=9.0)
    assert not cycle.told_before(later)
    assert not cycle.told_before(replace(later, at=9.0 + ONE_CYCLE_S + 0.1, address=0x60))


kinds = st.sampled_from([CARD, CARD_2, CASH, WHOLE, replace(CARD, item="000b"), ENDED, FAULT])


@given(st.lists(st.tuples(kinds, st.floats(0, 3)), max_size=60))
def test_nothing_is_told_twice_and_what_waits_is_bounded(heard: list[tuple[Event, float]]) -> None:
    cycle, at, told = VendCycle(), 0.0, list[Event]()
    for each, pause in heard:
        at += pause
        event = replace(each, at=at)
        told += cycle.until(at)
        if isinstance(event, Sale) and event.tenders[0].by == "cash":
            told += cash(cycle, event)
        elif isinstance(event, Sale):
            told += card(cycle, event)
        else:
            told += cycle.conclude(event)
    told += cycle.flush()
    others = [each for each in told if not isinstance(each, Sale)]
    assert len(others) == sum(not isinstance(each, Sale) for each, _ in heard)
    assert [each.at for each in others] == sorted(each.at for each in others)
    tenders = sum(len(each.tenders) for each in told if isinstance(each, Sale))
    assert tenders == sum(len(each.tenders) for each, _ in heard if isinstance(each, Sale))


def test_what_is_kept_is_bounded_though_the_clock_stands_still() -> None:
    cycle = VendCycle()
    card(cycle)
    told: list[Event] = []
    for _ in range(10 * MOST_WAITING):
        told += [*cycle.until(1.0), *cycle.conclude(ENDED)]
    assert len(cycle._waiting) <= MOST_WAITING + 1  # noqa: SLF001
    for _ in range(10 * KEPT):
        cycle.told_before(CASH)
        report(cycle, replace(CASH, item="000c"))
        cycle.paid_in_cash(CASH, card_in_play=False)
    for kept in (cycle._cash_sales, cycle._unreported, cycle._only_reported):  # noqa: SLF001
        assert len(kept) == KEPT


EUR = Context(3, 1, Scaling(1, 2, "EUR"))
APPROVED = ask("13 00 0032 000A") + ask("12", "05 0032")
SUCCESS, CASH_PART, CASH_PART_2 = ask("13 02 000A"), ask("13 05 0064 000A"), ask("63 05 0064 000A")
LATER = ask("12") * 10
VAIN_2 = line(">", "63 05 0064 000A") * 30
MIXED = {
    "card first": APPROVED + SUCCESS + CASH_PART,
    "cash first": APPROVED + CASH_PART + SUCCESS,
    "card first, cash told to both": APPROVED + SUCCESS + CASH_PART + CASH_PART_2,
    "cash first, told to both": APPROVED + CASH_PART + CASH_PART_2 + SUCCESS,
    "card first, cash told to the other reader": APPROVED + SUCCESS + CASH_PART_2,
    "the session ends in between": APPROVED + SUCCESS + ask("13 04", "07") + CASH_PART,
    "card first, and long in vain the other reader": APPROVED + SUCCESS + VAIN_2 + CASH_PART_2,
    "cash first, told to both, the other long in vain": (
        APPROVED + CASH_PART + VAIN_2 + CASH_PART_2 + SUCCESS
    ),
}


@pytest.mark.parametrize("story", MIXED.values(), ids=MIXED)
def test_a_mixed_payment_on_the_bus_is_one_sale(hear: Hear, story: str) -> None:
    events = hear(story + LATER, {0x10: EUR, 0x60: EUR})
    (sale,) = [each for each in events if isinstance(each, Sale)]
    assert (sale.item, sale.amount, set(sale.tenders)) == ("000a", 150, set(BOTH))
    assert [each.at for each in events] == sorted(each.at for each in events)


def test_a_file_that_went_by_waits_behind_a_sale_that_is_held_back(hear: Hear) -> None:
    blocks = ask("0B", "1F 00 08 01 01 00") + ask("0B", "1D 00 00 4458") + ask("0B", "1D 00 01")
    events = hear(APPROVED + SUCCESS + blocks + LATER, {0x10: EUR})
    assert [each for each in events if isinstance(each, FileTransferred)]
    told = [each.name for each in events if isinstance(each, Sale | FileTransferred)]
    assert told == ["sale", "file_transferred"]

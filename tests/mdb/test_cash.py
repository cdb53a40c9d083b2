"""The ledger: what is left of the credit, and when a movement is concluded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.block import Address
from mdb.cash import NOTHING, Ledger, Moved
from mdb.event import CashMovement, Event


def movement(
    amount: int | None, deposited: int, paid_out: int, told: int = 0, **more: int
) -> CashMovement:
    raw = {"deposited": deposited, "paid_out": paid_out, **more, "told": told}
    return CashMovement(1.0, Address.CHANGER, amount, "RUB", raw)


def add(ledger: Ledger, moved: Moved) -> list[Event]:
    return ledger.add(moved, "RUB", 1.0, Address.CHANGER)


def test_money_that_comes_back_whole_is_a_movement_of_nothing() -> None:
    ledger = Ledger()
    assert add(ledger, Moved(deposited=100)) == []
    assert ledger.open
    assert add(ledger, Moved(paid_out=100)) == [movement(0, 100, 100)]
    assert not ledger.open
    assert ledger.flush(1.0) == []


def test_what_was_told_as_sold_is_spent() -> None:
    ledger = Ledger()
    add(ledger, Moved(deposited=100))
    assert ledger.spent(60, 1.0) == []
    assert add(ledger, Moved(paid_out=40)) == [movement(60, 100, 40, 60)]


def test_the_change_may_come_before_the_sale_is_told() -> None:
    ledger = Ledger()
    add(ledger, Moved(deposited=100))
    assert add(ledger, Moved(paid_out=40)) == []
    assert ledger.spent(60, 1.0) == [movement(60, 100, 40, 60)]


def test_several_sales_are_paid_from_one_credit() -> None:
    ledger = Ledger()
    add(ledger, Moved(deposited=100))
    assert ledger.spent(60, 1.0) == []
    assert ledger.spent(40, 1.0) == [movement(100, 100, 0, 100)]


def test_what_nobody_told_of_is_kept_and_known_at_the_end() -> None:
    ledger = Ledger()
    add(ledger, Moved(deposited=100))
    add(ledger, Moved(paid_out=40))
    assert ledger.flush(1.0) == [movement(60, 100, 40)]
    assert ledger.flush(1.0) == []


def test_a_sale_for_which_no_coin_was_heard_moves_nothing() -> None:
    ledger = Ledger()
    assert ledger.spent(60, 1.0) == []
    assert ledger.flush(1.0) == []


def test_a_payout_for_which_no_coin_was_heard_is_a_movement_at_the_end() -> None:
    ledger = Ledger()
    assert add(ledger, Moved(paid_out=40)) == []
    assert ledger.flush(1.0) == [movement(None, 0, 40)]


def test_a_movement_with_a_coin_of_no_known_worth_has_no_amount() -> None:
    ledger = Ledger()
    assert add(ledger, Moved(unknown=True)) == []
    assert add(ledger, Moved(deposited=100, paid_out=100)) == []
    assert ledger.flush(1.0) == [movement(None, 100, 100)]


@pytest.mark.parametrize(
    "beside", [Moved(returned=500), Moved(rejected=500), Moved(by_hand=-500), Moved(by_hand=500)]
)
def test_what_is_no_credit_is_written_down_beside_it(beside: Moved) -> None:
    ledger = Ledger()
    assert add(ledger, beside) == []
    assert not ledger.open
    assert ledger.flush(1.0) == []
    add(ledger, Moved(deposited=100))
    add(ledger, beside)
    (told,) = add(ledger, Moved(paid_out=100))
    assert isinstance(told, CashMovement)
    assert told.amount == 0
    known = {"returned": 0, "rejected": 0, "by_hand": 0, **told.raw}
    assert {abs(int(known[each] or 0)) for each in ("returned", "rejected", "by_hand")} == {0, 1000}


def test_what_can_be_paid_out_again_is_part_of_what_came_in() -> None:
    ledger = Ledger()
    add(ledger, Moved(deposited=100, recycled=100))
    assert ledger.flush(1.0) == [movement(100, 100, 0, recycled=100)]


def test_nothing_moved_concludes_nothing() -> None:
    ledger = Ledger()
    assert add(ledger, NOTHING) == []
    add(ledger, Moved(deposited=100))
    assert add(ledger, NOTHING) == []
    assert ledger.open


def test_a_currency_not_known_at_first_is_learned() -> None:
    ledger = Ledger()
    ledger.add(Moved(deposited=100), None, 1.0, Address.VALIDATOR)
    assert add(ledger, Moved(paid_out=100)) == [movement(0, 100, 100)]


def test_after_a_movement_the_books_are_empty() -> None:
    ledger = Ledger()
    for _ in range(3):
        add(ledger, Moved(deposited=100, rejected=5))
        assert add(ledger, Moved(paid_out=100)) == [movement(0, 100, 100, rejected=5)]


sums = st.integers(0, 1000)
moves = st.builds(Moved, deposited=sums, paid_out=sums, by_hand=st.integers(-9, 9), rejected=sums)


@given(st.lists(moves | sums, max_size=30))
def test_nothing_that_moved_is_lost_or_told_twice(told: list[Moved | int]) -> None:
    ledger = Ledger()
    events: list[Event] = []
    for each in told:
        events += add(ledger, each) if isinstance(each, Moved) else ledger.spent(each, 1.0)
    events += ledger.flush(1.0)
    moved = [each for each in told if isinstance(each, Moved)]
    known = [each for each in events if isinstance(each, CashMovement)]
    assert sum(int(each.raw["deposited"] or 0) for each in known) == sum(m.deposited for m in moved)
    assert sum(int(each.raw["paid_out"] or 0) for each in known) == sum(m.paid_out for m in moved)
    for each in known:
        kept = int(each.raw["deposited"] or 0) - int(each.raw["paid_out"] or 0)
        assert each.amount == (kept if kept >= 0 else None)

"""Bulk: one answer for many sales; what cannot go on is told, and holds nothing up."""

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, meet
from shop import OPERATOR, SITE, a_sale, id_of, now_ms, rows, sell, states

from cloud.desk import bulk
from cloud.desk.bulk import Tally, Wanted, requeue_all
from cloud.desk.settled import By
from cloud.errors import DecisionError
from cloud.fleet import Answers, Policies
from cloud.store import Store
from cloud.store.schema import answer, receipt
from cloud.store.sites import Sites

LATE_BY_HAND = msgspec.structs.replace(
    SITE, operator=msgspec.structs.replace(OPERATOR, policies=Policies(late="by_hand"))
)
LONG_AGO = "2026-10-01T12:00:00Z"


async def late(store: Store, *numbers: int, **told: object) -> None:
    sales = [a_sale(number, sold_at=LONG_AGO, **told) for number in numbers]
    await sell(store, *sales, site=LATE_BY_HAND)


async def do(store: Store, wanted: Wanted, notes: list[str] | None = None) -> Tally:
    note = notes.append if notes is not None else lambda _: None
    return await requeue_all(store, Sites(), wanted, By("anna", now_ms()), note, batch=2)


async def test_one_answer_lets_all_of_a_cause_go_on(either: Store) -> None:
    await late(either, 1, 2, 3)
    await sell(either, a_sale(4, amount=None))
    notes: list[str] = []
    wanted = Wanted(cause="late", answers=Answers(late="correction"))
    tally = await do(either, wanted, notes)
    assert (tally.gone_on, tally.skipped, tally.left) == (3, 0, 0)
    assert notes == ["2 of 3", "3 of 3"]
    purposes = await rows(either, sa.select(receipt.c.sale_id, receipt.c.purpose))
    assert [tuple(each) for each in purposes] == [(id_of(n), "correction") for n in (1, 2, 3)]


async def test_a_bulk_that_is_only_tried_counts_and_changes_nothing(store: Store) -> None:
    await late(store, 1, 2)
    wanted = Wanted(cause="late", answers=Answers(late="receipt"), dry_run=True)
    tally = await do(store, wanted)
    assert tally.gone_on == 2
    assert bulk.lines(wanted, tally) == ["2 were looked at: 2 would go on"]
    assert await states(store) == {}


async def test_a_bulk_is_of_one_machine_if_one_is_named(store: Store) -> None:
    await late(store, 1)
    wanted = Wanted(cause="late", machine="vm-2", answers=Answers(late="receipt"))
    assert (await do(store, wanted)).seen == 0
    assert await states(store) == {}


async def test_refused_receipts_go_again_and_one_that_cannot_is_left(either: Store) -> None:
    await sell(either, a_sale(1), a_sale(2), a_sale(3))
    await meet(either, REFUSED, 1)
    await meet(either, LOST, 2)
    await meet(either, REFUSED, 3)
    tally = await do(either, Wanted(cause="refused"))
    assert (tally.gone_on, tally.left) == (2, 0)
    assert await states(either) == {
        id_of(1): "waiting",
        id_of(2): "attention",
        id_of(3): "waiting",
    }


async def test_what_is_left_says_why(either: Store) -> None:
    await sell(either, a_sale(1), a_sale(2))
    for number in (1, 2):
        await meet(either, REFUSED, number)
    wanted = Wanted(cause="refused", answers=Answers(product="nothing"))
    tally = await do(either, wanted)
    assert (tally.gone_on, tally.left) == (0, 2)
    told = "\n".join(bulk.lines(wanted, tally))
    assert "2 still need a hand" in told
    assert f"{id_of(1)}: unknown product nothing" in told
    assert set((await states(either)).values()) == {"attention"}
    # Nothing of the try is left.
    assert await rows(either, sa.select(answer)) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(cause="nonsense"), "no cause is called 'nonsense'"),
        (Wanted(cause="unknown"), "has to be looked for"),
        (Wanted(cause="overdue"), "go their way by themselves"),
        (Wanted(cause="amount", answers=Answers(amount=1)), "--amount is of one sale"),
        (Wanted(cause="marking", answers=Answers(code="x")), "--code is of one sale"),
        (Wanted(cause="late", register="main"), "--register is for receipts"),
    ],
)
async def test_what_is_right_for_one_sale_is_not_said_of_many(
    sqlite_store: Store, wanted: Wanted, said: str
) -> None:
    with pytest.raises(DecisionError, match=said):
        await do(sqlite_store, wanted)

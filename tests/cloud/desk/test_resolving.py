"""Resolving: a person's word ends a doubt, and never makes two receipts or none."""

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, accept, issue, leave, meet
from shop import (
    a_document,
    a_sale,
    id_of,
    incidents,
    now_ms,
    rows,
    sell,
    states,
    the_receipt,
)

from cloud.desk.orders import Decision, Requeue, Resolve, Return, decide
from cloud.desk.settled import By, Settled
from cloud.errors import DecisionError
from cloud.receipt import Purpose
from cloud.store import Store
from cloud.store.schema import attempt, sale
from cloud.store.sites import Sites


async def order(store: Store, what: Decision, number: int = 1) -> Settled:
    return await decide(store, Sites(), id_of(number), what, By("anna", now_ms()))


async def test_a_receipt_in_doubt_is_issued_by_the_text_of_its_qr_code(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    settled = await order(store, Resolve(issued=f" {a_document(5).qr}\n"))
    assert settled.state == "issued"
    assert (await the_receipt(store)).fd == 5
    assert await incidents(store) == []


async def test_a_receipt_that_was_not_issued_may_be_sent_under_a_new_key(either: Store) -> None:
    await sell(either, a_sale())
    await meet(either, LOST)
    settled = await order(either, Resolve(not_issued=True))
    assert f"requeue {id_of(1)}" in settled.told
    assert await states(either) == {id_of(1): "attention"}
    await order(either, Requeue())
    assert await leave(either) == [f"{id_of(1)}-1"]


async def test_nothing_is_not_issued_that_is_not_in_doubt(store: Store) -> None:
    await sell(store, a_sale())
    await accept(store)
    with pytest.raises(DecisionError, match="nothing is in doubt"):
        await order(store, Resolve(not_issued=True))


@pytest.mark.parametrize(
    ("qr", "said"),
    [
        ("https://example.org", "no text of a fiscal QR code"),
        (a_document(5, total=12000).qr, r"receipt is of 120.10, that document of 120.00"),
        (a_document(5).qr[:-1] + "2", r"a return of income \(n=2\)"),
    ],
)
async def test_a_document_that_cannot_be_the_receipts_is_refused(
    store: Store, qr: str, said: str
) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    before = await the_receipt(store)
    with pytest.raises(DecisionError, match=said):
        await order(store, Resolve(issued=qr))
    assert await the_receipt(store) == before
    assert await incidents(store) == []


async def test_another_sum_is_taken_when_a_person_insists_and_is_an_incident(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    await order(store, Resolve(issued=a_document(5, total=12000).qr, other_sum=True))
    assert await states(store) == {id_of(1): "issued"}
    assert await incidents(store) == ["another sum"]


async def test_the_document_of_another_sale_is_refused_and_leaves_no_trace(either: Store) -> None:
    await sell(either, a_sale(1), a_sale(2))
    await issue(either, 1, fd=5)
    await meet(either, LOST, 2)
    with pytest.raises(DecisionError, match="the document of another sale"):
        await order(either, Resolve(issued=a_document(5).qr), 2)
    assert (await states(either))[id_of(2)] == "attention"
    assert await incidents(either) == []


async def test_a_second_document_of_an_issued_receipt_is_written_down(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    same = await order(store, Resolve(issued=a_document(5).qr))
    assert same.told.startswith("it is issued already")
    assert await incidents(store) == []
    other = await order(store, Resolve(issued=a_document(6).qr))
    assert "--duplicate" in other.told
    assert await incidents(store) == ["duplicate receipt"]
    assert (await the_receipt(store)).fd == 5


async def test_a_sale_that_needs_a_hand_is_skipped_with_its_reason(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    settled = await order(store, Resolve(skip="a technician's test"))
    assert settled.state == "skipped"
    (row,) = await rows(store, sa.select(sale))
    assert (row.disposition, row.cause, row.reason) == ("skipped", "by_hand", "a technician's test")


async def test_a_refused_receipt_is_closed_and_one_in_doubt_is_not(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await meet(store, REFUSED, 1)
    await meet(store, LOST, 2)
    assert (await order(store, Resolve(skip="no goods came"), 1)).state == "closed"
    with pytest.raises(DecisionError, match="--not-issued"):
        await order(store, Resolve(skip="no goods came"), 2)
    assert await states(store) == {id_of(1): "closed", id_of(2): "attention"}


async def test_a_skip_says_why(store: Store) -> None:
    await sell(store, a_sale(amount=None))
    with pytest.raises(DecisionError, match="why"):
        await order(store, Resolve(skip="  "))


async def test_of_two_receipts_the_one_that_needs_a_hand_is_meant(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    await order(store, Return())
    await meet(store, LOST, purpose=Purpose.INCOME_RETURN)
    settled = await order(store, Resolve(issued=a_document(6).qr[:-1] + "2"))
    assert (settled.purpose, settled.state) == ("income_return", "issued")
    with pytest.raises(DecisionError, match="say which by --purpose"):
        await order(store, Resolve(skip="both are issued"))
    with pytest.raises(DecisionError, match="no receipt of correction"):
        await order(store, Resolve(skip="there is none", purpose="correction"))


async def test_a_key_of_an_attempt_names_its_sale(store: Store) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    (key,) = [row.key for row in await rows(store, sa.select(attempt))]
    by = By("anna", now_ms())
    settled = await decide(store, Sites(), f"{key}-1", Resolve(not_issued=True), by)
    assert settled.sale_id == id_of(1)


def test_one_thing_is_said_at_a_time() -> None:
    for told in ({}, {"issued": "t=", "not_issued": True}, {"skip": "x", "not_issued": True}):
        with pytest.raises(msgspec.ValidationError, match="one of issued, not_issued and skip"):
            msgspec.convert(told, Resolve)

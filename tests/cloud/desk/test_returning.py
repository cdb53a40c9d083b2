"""Returning: what was issued is returned once, whole; a second document alone leaves the sale."""

import dataclasses
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa
from fate import LOST, REFUSED, accept, hear, issue, meet
from shop import a_document, a_sale, id_of, incidents, now_ms, rows, sell

from cloud.desk.orders import Requeue, Resolve, Return, decide
from cloud.desk.settled import By, Settled
from cloud.errors import DecisionError
from cloud.outcome import Done, Outcome, Unsent
from cloud.receipt import Purpose, Receipt
from cloud.store import Store, attention, history, replies
from cloud.store.receipts import AT_ONCE
from cloud.store.schema import receipt
from cloud.store.sites import Sites


async def give_back(store: Store, number: int = 1, **told: bool) -> Settled:
    by = By("anna", now_ms())
    return await decide(store, Sites(), id_of(number), Return(**told), by)


async def the_return(store: Store) -> tuple[Receipt, str]:
    (row,) = await rows(store, sa.select(receipt).where(receipt.c.purpose == "income_return"))
    return msgspec.json.decode(row.request, type=Receipt), row.state


def a_return(fd: int) -> Done:
    return Done(dataclasses.replace(a_document(fd), sign=2))


async def test_a_return_says_what_its_receipt_said_and_names_its_fiscal_sign(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await issue(store)
    settled = await give_back(store)
    assert (settled.state, settled.purpose) == ("waiting", "income_return")
    assert "120.10" in settled.told
    asked, state = await the_return(store)
    assert (asked.amount, asked.basis, state) == (12010, str(a_document().fp), "waiting")
    assert not asked.duplicate


async def test_what_was_recorded_is_returned_though_another_sum_was_asked_for(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    found = Resolve(issued=a_document(total=12000).qr, other_sum=True)
    await decide(store, Sites(), id_of(1), found, By("anna", now_ms()))
    settled = await give_back(store)
    asked, _ = await the_return(store)
    assert "120.00" in settled.told
    assert (asked.amount, asked.cash + asked.cashless) == (12000, 12000)


async def test_a_return_is_of_now_where_the_machine_stands(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    by = By("anna", round(noon.timestamp() * 1000))
    await decide(store, Sites(), id_of(1), Return(), by)
    asked, _ = await the_return(store)
    local = noon.astimezone(ZoneInfo("Europe/Moscow"))
    assert asked.sold_at == local.replace(tzinfo=None).isoformat()


async def test_there_is_one_return_and_it_says_where_it_is(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    await give_back(store)
    with pytest.raises(DecisionError, match="its return is waiting"):
        await give_back(store)
    await meet(store, a_return(7), purpose=Purpose.INCOME_RETURN)
    with pytest.raises(DecisionError, match=r"it is returned: t=.*&n=2"):
        await give_back(store)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_return_that_is_only_tried_asks_for_none(store: Store, *, dry_run: bool) -> None:
    await sell(store, a_sale())
    await issue(store)
    settled = await give_back(store, dry_run=dry_run)
    assert settled.dry_run is dry_run
    found = await rows(store, sa.select(receipt.c.purpose))
    assert len(found) == (1 if dry_run else 2)


async def test_what_was_not_issued_cannot_be_returned(store: Store) -> None:
    await sell(store, a_sale(1, amount=None))
    with pytest.raises(DecisionError, match="no receipt that could be returned"):
        await give_back(store, 1)
    await sell(store, a_sale(2))
    await accept(store, 2)
    with pytest.raises(DecisionError, match="wait until it is issued"):
        await give_back(store, 2)
    await sell(store, a_sale(3))
    await meet(store, REFUSED, 3)
    with pytest.raises(DecisionError, match="there is nothing to return: tag 1009"):
        await give_back(store, 3)


async def test_a_second_document_is_undone_and_the_sale_stays_settled(either: Store) -> None:
    await sell(either, a_sale())
    await issue(either, fd=5)
    other = a_document(6)
    await meet(either, Done(other))
    assert await incidents(either) == ["duplicate receipt"]
    settled = await give_back(either, duplicate=True)
    assert other.qr in settled.told
    asked, _ = await the_return(either)
    assert (asked.duplicate, asked.basis) == (True, str(other.fp))
    await meet(either, a_return(7), purpose=Purpose.INCOME_RETURN)
    async with either.reading() as connection:
        (told,) = await replies.untold(connection, now_ms())
    assert told.receipt.status == "issued"


async def test_a_sale_has_one_return_and_what_else_is_to_be_returned_is_said(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    for number in (1, 2):
        await issue(store, number)
        await meet(store, Done(a_document(number + 20)), number)
    await give_back(store, 1, duplicate=True)
    with pytest.raises(DecisionError, match="one return is of a second document of it"):
        await give_back(store, 1)
    await give_back(store, 2)
    with pytest.raises(DecisionError, match=r"return is of the sale itself.* --undone REASON"):
        await give_back(store, 2, duplicate=True)
    async with store.reading() as connection:
        pending = await attention.duplicates(connection)
    assert [each.sale_id for each in pending] == [id_of(2)]


async def test_no_second_document_is_undone_that_nobody_knows(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    with pytest.raises(DecisionError, match="no second document of it is known"):
        await give_back(store, duplicate=True)


async def test_a_second_document_of_another_sum_is_not_undone_by_us(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    by = By("anna", now_ms())
    told = Resolve(issued=a_document(6, total=100).qr, other_sum=True, second=True)
    await decide(store, Sites(), id_of(1), told, by)
    with pytest.raises(
        DecisionError, match=f"provider's cabinet, then: .* {id_of(1)} --undone REASON"
    ):
        await give_back(store, duplicate=True)


@pytest.mark.parametrize("outcomes", [[], [Unsent("no connection")], [REFUSED]], ids=repr)
async def test_a_return_that_was_closed_by_mistake_is_asked_for_again(
    either: Store, outcomes: list[Outcome]
) -> None:
    await sell(either, a_sale())
    await issue(either)
    await give_back(either)
    for outcome in outcomes:
        await meet(either, outcome, purpose=Purpose.INCOME_RETURN)
    by = By("anna", now_ms())
    closed = Resolve(skip="the wrong sale", purpose="income_return")
    await decide(either, Sites(), id_of(1), closed, by)
    with pytest.raises(DecisionError, match=r"closed: the wrong sale; ask for it again: .* return"):
        await decide(either, Sites(), id_of(1), Requeue(purpose="income_return"), by)
    settled = await give_back(either)
    assert (settled.state, settled.purpose) == ("waiting", "income_return")
    of_return = receipt.c.purpose == "income_return"
    (row,) = await rows(either, sa.select(receipt).where(of_return))
    assert (row.state, row.error, row.tries, row.next_at) == ("waiting", None, 0, AT_ONCE)
    async with either.reading() as connection:
        last = (await history.of(connection, id_of(1)))[-1]
    assert (last.who, last.state) == ("anna", "waiting")
    assert last.detail == "it was closed, and is asked for again; it waits for register main"
    # Its key is one that no attempt had.
    number = len(outcomes)
    back = a_return(7)
    assert await meet(either, back, purpose=Purpose.INCOME_RETURN, attempt=number) == "issued"


async def test_a_closed_return_may_be_followed_by_one_of_the_other_kind(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    await meet(store, Done(a_document(6)))
    await give_back(store)
    by = By("anna", now_ms())
    closed = Resolve(skip="it was the second one", purpose="income_return")
    await decide(store, Sites(), id_of(1), closed, by)
    await give_back(store, duplicate=True)
    asked, state = await the_return(store)
    assert (asked.duplicate, state) == (True, "waiting")


async def test_a_closed_return_that_was_recorded_after_all_is_of_what_its_key_asked_for(
    store: Store,
) -> None:
    """Refused, closed, and begun again for the second document; then the first was recorded."""
    await sell(store, a_sale())
    await issue(store, fd=5)
    await meet(store, Done(a_document(6)))
    await give_back(store)
    asked, _ = await the_return(store)
    await meet(store, REFUSED, purpose=Purpose.INCOME_RETURN)
    by = By("anna", now_ms())
    closed = Resolve(skip="it was the second one", purpose="income_return")
    await decide(store, Sites(), id_of(1), closed, by)
    await give_back(store, duplicate=True)
    await hear(store, f"{id_of(1)}-r", a_return(7))
    assert await the_return(store) == (asked, "issued")
    assert not asked.duplicate


async def test_what_is_to_be_returned_beside_the_one_return_is_named(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store, fd=5)
    await meet(store, Done(a_document(6)))
    await give_back(store, duplicate=True)
    await meet(store, a_return(7), purpose=Purpose.INCOME_RETURN)
    with pytest.raises(DecisionError) as error:
        await give_back(store)
    assert f"own receipt, {a_document(5).qr}, in the provider's cabinet" in str(error.value)

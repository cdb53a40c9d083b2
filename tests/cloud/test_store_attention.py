"""What needs a hand, as the store finds it."""

import sqlalchemy as sa
from fate import LOST, REFUSED, issue, meet
from shop import a_document, a_sale, id_of, now_ms, sell, write

from cloud.desk.orders import Return, decide
from cloud.desk.settled import By
from cloud.outcome import Accepted, Done, Unsent
from cloud.store import Store, attention, history
from cloud.store.attention import REFUSED as REFUSED_CAUSE
from cloud.store.attention import UNKNOWN
from cloud.store.history import Change
from cloud.store.schema import receipt, sale
from cloud.store.sites import Sites


async def test_sales_that_could_not_be_placed_come_oldest_first(store: Store) -> None:
    await sell(store, a_sale(1, amount=None), a_sale(2, item="0009"), a_sale(3))
    await write(store, sa.update(sale).where(sale.c.sale_id == id_of(2)).values(received_at=5))
    async with store.reading() as connection:
        found = await attention.unplaced(connection)
        one = await attention.unplaced(connection, cause="amount")
        none = await attention.unplaced(connection, machine="vm-2")
    assert [(each.sale_id, each.cause, each.amount) for each in found] == [
        (id_of(2), "unknown_slot", 12010),
        (id_of(1), "amount", None),
    ]
    assert found[0].since == 5
    assert [each.sale_id for each in one] == [id_of(1)]
    assert none == []


async def test_a_receipt_is_refused_or_its_fate_is_unknown(store: Store) -> None:
    before = now_ms()
    await sell(store, a_sale(1), a_sale(2), a_sale(3), a_sale(4))
    await meet(store, REFUSED, 1)
    await meet(store, LOST, 2)
    await issue(store, 3)
    async with store.reading() as connection:
        found = {each.sale_id: each for each in await attention.unissued(connection)}
        unknown = await attention.unissued(connection, cause=UNKNOWN)
        sums = await attention.sums(connection)
        elsewhere = await attention.sums(connection, machine="vm-2")
    assert {name: each.cause for name, each in found.items()} == {
        id_of(1): REFUSED_CAUSE,
        id_of(2): UNKNOWN,
    }
    assert found[id_of(1)].reason == REFUSED.reason
    assert found[id_of(1)].since >= before
    assert [each.sale_id for each in unknown] == [id_of(2)]
    assert {each.cause: each.count for each in sums} == {REFUSED_CAUSE: 1, UNKNOWN: 1}
    assert elsewhere == []


async def test_receipts_can_be_gone_through_by_their_place(store: Store) -> None:
    await sell(store, *(a_sale(number) for number in (1, 2, 3)))
    for number in (1, 2, 3):
        await meet(store, REFUSED, number)
    seen, past = list[str](), ("", "")
    async with store.reading() as connection:
        while page := await attention.unissued(connection, past=past, most=2):
            seen += [each.sale_id for each in page]
            past = (page[-1].sale_id, page[-1].purpose.value)
    assert seen == [id_of(1), id_of(2), id_of(3)]


async def test_a_queue_is_what_waits_and_not_what_was_sent(store: Store) -> None:
    await sell(store, a_sale(1))
    await meet(store, Accepted("p"), 1)
    await sell(store, a_sale(2), a_sale(3))
    async with store.reading() as connection:
        queues = await attention.queues(connection)
    assert queues["main"].count == 2
    assert queues["main"].oldest <= now_ms()


async def test_a_second_document_needs_a_hand_until_it_is_undone(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    await meet(store, Done(a_document(2)))
    async with store.reading() as connection:
        (found,) = await attention.duplicates(connection)
        happened = await attention.incidents(connection, 0, most=10)
        later = await attention.incidents(connection, now_ms() + 1000, most=10)
    assert (found.sale_id, found.kind) == (id_of(1), "duplicate receipt")
    assert happened == [found]
    assert later == []
    by = By("anna", now_ms())
    await decide(store, Sites(), id_of(1), Return(duplicate=True), by)
    async with store.reading() as connection:
        assert await attention.duplicates(connection) == []


async def test_a_second_document_that_is_found_after_a_word_on_the_first_needs_a_hand(
    store: Store,
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    for number in (1, 2):
        await issue(store, number)
        await meet(store, Done(a_document(number + 20)), number)
    async with store.transaction() as connection:
        for number, at in ((1, now_ms() - 60_000), (2, now_ms())):
            said = Change(at, "anna", id_of(number), None, attention.UNDONE, "a mistake")
            await history.add(connection, [said])
        left = await attention.duplicates(connection)
    assert [each.sale_id for each in left] == [id_of(1)]


async def test_whether_a_machine_has_sold_is_known(store: Store) -> None:
    await sell(store, a_sale())
    async with store.reading() as connection:
        assert await attention.has_sold(connection, "vm-000123")
        assert not await attention.has_sold(connection, "vm-2")


async def test_a_key_that_surely_never_left_leaves_nothing_in_doubt(store: Store) -> None:
    await sell(store, a_sale())
    assert await meet(store, Unsent("no connection")) == "waiting"
    await write(store, sa.update(receipt).values(state="attention", error="a person stopped it"))
    async with store.reading() as connection:
        (found,) = await attention.unissued(connection)
    assert found.cause == REFUSED_CAUSE

"""What people look at: each sale with how far it is, and the gauges."""

import pytest
import sqlalchemy as sa
from shop import (
    MACHINE,
    RECEIPT,
    a_config,
    a_document,
    a_sale,
    id_of,
    now_ms,
    sell,
    token_of,
    write,
)

from cloud.outcome import Accepted, Dead, Done, Outcome
from cloud.store import Store, journal, receipts, replies
from cloud.store.journal import Counts, Entry
from cloud.store.schema import sale
from edge.wire import Sale

T = 1_800_000_000_000


async def answer(store: Store, number: int, outcome: Outcome) -> None:
    async with store.transaction() as connection:
        held = await receipts.lease(connection, "main", "one", T)
        job = await receipts.next_job(connection, "main", now_ms())
        assert held is not None
        assert job is not None
        assert job.key == id_of(number)
        await receipts.intend(connection, held, job, "{}", T)
        await receipts.record(connection, job.key, outcome, T, held)


async def entry(store: Store, number: int = 1) -> Entry:
    async with store.transaction() as connection:
        found = await journal.by_token(connection, token_of(number))
    assert found is not None
    return found


async def counts(store: Store) -> Counts:
    async with store.transaction() as connection:
        return await journal.counts(connection)


async def test_a_sale_on_its_way_has_its_request_and_no_document(store: Store) -> None:
    await sell(store, a_sale())
    found = await entry(store)
    assert (found.sale, found.receipt) == (a_sale(), RECEIPT)
    assert (found.state, found.document, found.on_machine) == ("waiting", None, False)


async def test_an_issued_receipt_has_its_document_and_its_delay(store: Store) -> None:
    await sell(store, a_sale())
    await answer(store, 1, Done(a_document(7), "sc_1", "https://ofd.example/7"))
    found = await entry(store)
    assert found.state == "issued"
    assert found.document == a_document(7)
    assert (found.link, found.issued_at, found.reason) == ("https://ofd.example/7", T, None)
    assert not found.on_machine
    async with store.transaction() as connection:
        await replies.told(connection, MACHINE, id_of(1), 1)
    assert (await entry(store)).on_machine


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        (a_sale(kind="free"), "skipped", "free vend"),
        (a_sale(kind="return"), "attention", "goods came back: a return receipt is made by hand"),
    ],
)
async def test_a_sale_without_a_receipt_says_why(
    store: Store, told: Sale, state: str, reason: str
) -> None:
    await sell(store, told)
    found = await entry(store)
    assert (found.state, found.reason, found.receipt) == (state, reason, None)


async def test_a_refused_receipt_says_why(store: Store) -> None:
    await sell(store, a_sale())
    await answer(store, 1, Dead("code 13: too little"))
    found = await entry(store)
    assert (found.state, found.reason, found.document) == ("attention", "code 13: too little", None)


async def test_a_token_that_nobody_has_opens_nothing(store: Store) -> None:
    await sell(store, a_sale())
    async with store.transaction() as connection:
        assert await journal.by_token(connection, token_of(2)) is None
        assert await journal.by_token(connection, "%") is None


async def test_the_newest_sales_come_first_and_no_more_than_asked(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3))
    for number, at in ((1, 20), (2, 30), (3, 10)):
        arrived = sa.update(sale).where(sale.c.seq == number).values(received_at=at)
        await write(store, arrived)
    async with store.transaction() as connection:
        newest = await journal.latest(connection, 2)
    assert [each.sale.seq for each in newest] == [2, 1]


async def test_the_gauges_count_what_needs_a_hand(store: Store) -> None:
    assert await counts(store) == Counts(0, None, 0, 0, 0, 0)
    await sell(store, a_sale(1), a_sale(2), a_sale(3), a_sale(4, kind="test"))
    await sell(store, a_sale(5), config=a_config(machines={}))
    oldest = (await entry(store, 2)).received_at
    await answer(store, 1, Dead("code 13"))
    await answer(store, 2, Accepted("sc_2"))
    await answer(store, 3, Done(a_document(3)))
    await sell(store, a_sale(3, amount=1))
    async with store.transaction() as connection:
        await replies.note_presence(connection, MACHINE, T, online=True)
        await replies.note_presence(connection, "vm-9", T, online=False)
    assert await counts(store) == Counts(
        open_receipts=1,
        oldest_open_at=oldest,
        attention=2,
        untold=2,
        incidents=1,
        machines_online=1,
    )

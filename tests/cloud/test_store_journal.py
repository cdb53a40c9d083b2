"""What people look at: each sale with how far it is, and the gauges."""

from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa
from shop import (
    ASKED,
    MACHINE,
    OPERATOR,
    a_document,
    a_sale,
    hear,
    id_of,
    leave,
    sell,
    token_of,
    write,
)

from cloud.outcome import Accepted, Dead, Done, Outcome
from cloud.receipt import Purpose
from cloud.store import Store, decisions, journal, receipts, replies
from cloud.store.incidents import report
from cloud.store.journal import Counts, Entry, Trouble
from cloud.store.receipts import Asked
from cloud.store.schema import sale
from edge.wire import Sale

T = 1_800_000_000_000
KEY = id_of(1)
REFUSED = Dead("code 13: too little")
BACK = replace(a_document(9), sign=2)


async def answer(store: Store, number: int, outcome: Outcome) -> None:
    await leave(store, at=T)
    await hear(store, outcome, id_of(number), at=T)


async def ask(store: Store, purpose: Purpose, **told: object) -> None:
    """Another receipt of the first sale."""
    other = msgspec.structs.replace(ASKED, purpose=purpose, **told)
    async with store.transaction() as connection:
        await receipts.ask(connection, [Asked(other, MACHINE, "main", T)], "olga", T)
    await leave(store, at=T)


async def close(store: Store, purpose: Purpose = Purpose.INCOME) -> None:
    async with store.transaction() as connection:
        await decisions.close(connection, KEY, purpose, f"no {purpose.value}", "olga", T)


async def entry(store: Store, number: int = 1) -> Entry:
    async with store.transaction() as connection:
        found = await journal.by_token(connection, token_of(number))
        assert await journal.by_id(connection, id_of(number)) == found
    assert found is not None
    return found


async def latest(store: Store, most: int = 9) -> list[Entry]:
    async with store.transaction() as connection:
        return list(await journal.latest(connection, most))


async def counts(store: Store) -> Counts:
    async with store.transaction() as connection:
        return await journal.counts(connection)


async def test_a_sale_on_its_way_has_its_request_and_no_document(store: Store) -> None:
    await sell(store, a_sale())
    found = await entry(store)
    assert (found.sale, found.receipt) == (a_sale(), ASKED)
    assert (found.state, found.document, found.on_machine) == ("waiting", None, False)
    assert found.operator == OPERATOR.name


async def test_a_sale_of_a_machine_that_nobody_knows_is_nobodys(store: Store) -> None:
    await sell(store, a_sale(machine="vm-9"), site=None)
    found = await entry(store)
    assert (found.state, found.operator) == ("attention", None)


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
        (
            a_sale(kind="return"),
            "attention",
            f"goods came back, of which sale? python -m cloud requeue {KEY} --of SALE",
        ),
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
    await answer(store, 1, REFUSED)
    found = await entry(store)
    assert (found.state, found.reason, found.document) == ("attention", "code 13: too little", None)


# Several receipts of one sale are one line. ------------------------------------------------------


async def test_a_correction_stands_for_the_receipt_in_whose_place_it_is(store: Store) -> None:
    await sell(store, a_sale())
    await answer(store, 1, REFUSED)
    await close(store)
    assert ((await entry(store)).state, (await entry(store)).reason) == ("closed", "no income")
    await ask(store, Purpose.CORRECTION)
    (found,) = await latest(store)
    assert found.state == "submitted"
    await hear(store, Done(a_document(2)), f"{KEY}-c", at=T)
    (found,) = await latest(store)
    assert found.receipt is not None
    assert (found.state, found.receipt.purpose) == ("issued", Purpose.CORRECTION)
    assert found.document == a_document(2)


async def test_a_receipt_that_was_recorded_after_all_stands_for_its_closed_correction(
    store: Store,
) -> None:
    await sell(store, a_sale())
    await answer(store, 1, REFUSED)
    await close(store)
    other = msgspec.structs.replace(ASKED, purpose=Purpose.CORRECTION)
    async with store.transaction() as connection:
        await receipts.ask(connection, [Asked(other, MACHINE, "main", T)], "olga", T)
    await hear(store, Done(a_document(2)), at=T)
    (found,) = await latest(store)
    assert (found.state, found.document) == ("issued", a_document(2))


async def test_of_two_that_were_closed_the_correction_speaks(store: Store) -> None:
    await sell(store, a_sale())
    await answer(store, 1, REFUSED)
    await close(store)
    await ask(store, Purpose.CORRECTION)
    await hear(store, REFUSED, f"{KEY}-c", at=T)
    await close(store, Purpose.CORRECTION)
    (found,) = await latest(store)
    assert (found.state, found.reason) == ("closed", "no correction")


@pytest.mark.parametrize("duplicate", [False, True])
async def test_a_return_is_told_beside_its_sale_unless_it_undid_a_second_document(
    store: Store, *, duplicate: bool
) -> None:
    await sell(store, a_sale())
    await answer(store, 1, Done(a_document()))
    await ask(store, Purpose.INCOME_RETURN, duplicate=duplicate)
    assert (await entry(store)).returned is None
    await hear(store, Done(BACK), f"{KEY}-r", at=T)
    (found,) = await latest(store)
    assert (found.state, found.document) == ("issued", a_document())
    assert found.returned == (None if duplicate else BACK)


async def test_a_token_that_nobody_has_opens_nothing(store: Store) -> None:
    await sell(store, a_sale())
    async with store.transaction() as connection:
        for nobodys in (token_of(2), "%", "", "\0"):
            assert await journal.by_token(connection, nobodys) is None
        assert await journal.by_id(connection, id_of(2)) is None


async def test_the_newest_sales_come_first_and_no_more_than_asked(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3))
    for number, at in ((1, 20), (2, 30), (3, 10)):
        arrived = sa.update(sale).where(sale.c.seq == number).values(received_at=at)
        await write(store, arrived)
    assert [each.sale.seq for each in await latest(store, 2)] == [2, 1]


async def test_the_newest_incidents_come_first_and_no_more_than_asked(store: Store) -> None:
    async with store.transaction() as connection:
        for number in range(3):
            await report(connection, T + number, "gap", f"seq {number}", MACHINE)
        newest = await journal.troubles(connection, 2)
    assert newest == [
        Trouble(MACHINE, T + 2, "gap", "seq 2"),
        Trouble(MACHINE, T + 1, "gap", "seq 1"),
    ]


async def test_the_gauges_count_what_needs_a_hand(store: Store) -> None:
    assert await counts(store) == Counts(0, None, 0, 0, 0, 0)
    await sell(store, a_sale(1), a_sale(2), a_sale(3), a_sale(4, kind="test"))
    await sell(store, a_sale(5), site=None)
    oldest = (await entry(store, 2)).received_at
    await answer(store, 1, REFUSED)
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

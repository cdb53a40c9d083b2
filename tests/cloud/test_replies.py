"""A machine is told of its receipt through a real broker, until it says that it has it."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from parts import Mosquitto, until
from shop import (
    MACHINE,
    Peer,
    a_cloud,
    a_document,
    a_machine,
    a_sale,
    eventually,
    id_of,
    now_ms,
    sell,
    the_receipt,
    token_of,
    write,
)

from cloud.outcome import Dead, Done
from cloud.store import Store, receipts
from cloud.store.schema import receipt
from edge.wire import Channel, Receipt, ReceiptAck, State, encode

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
async def machine(broker: Mosquitto) -> AsyncIterator[Peer]:
    async with a_machine(broker) as connected:
        yield connected


async def issue(store: Store, number: int = 1) -> None:
    async with store.transaction() as connection:
        done = Done(a_document(number))
        await receipts.record(connection, id_of(number), done, now_ms(), None)


async def overdue(store: Store) -> None:
    await write(store, sa.update(receipt).values(tell_at=0))


async def test_a_machine_is_told_until_it_says_that_it_has_it(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale())
    async with a_cloud(store, broker) as cloud:
        await issue(store)
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt))
        await overdue(store)
        cloud.news.ring()
        await until(lambda: len(machine.heard(Receipt)) == 2)
        machine.send(Channel.RECEIPT_ACK.of(MACHINE), encode(ReceiptAck(sale_id=id_of(1), rev=1)))

        async def heard() -> bool:
            return bool((await the_receipt(store)).acked_rev)

        await eventually(heard)
        await overdue(store)
        # Another sale's receipt comes; of the first nothing is said any more.
        await sell(store, a_sale(2))
        await issue(store, 2)
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt)[-1].sale_id == id_of(2))
    first, again, other = machine.heard(Receipt)
    assert first == again
    assert (first.sale_id, first.rev, first.status) == (id_of(1), 1, "issued")
    assert first.qr == a_document(1).qr
    assert first.link == f"https://receipts.example/r/{token_of(1)}"
    assert first.fiscal is not None
    assert (first.fiscal.fd, first.fiscal.total) == (1, 12010)
    assert other.qr == a_document(2).qr


async def test_it_is_said_again_later_and_later(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale())
    await issue(store)
    waits = []
    async with a_cloud(store, broker) as cloud:
        for times in range(1, 8):
            await overdue(store)
            before = now_ms()
            cloud.news.ring()

            async def said(times: int = times) -> bool:
                return (await the_receipt(store)).told_times == times

            await eventually(said)
            waits.append(round(((await the_receipt(store)).tell_at - before) / 1000))
        await until(lambda: len(machine.heard(Receipt)) == 7)
    assert waits == [10, 30, 60, 300, 900, 3600, 3600]


async def test_a_machine_that_comes_back_is_told_at_once(store: Store, broker: Mosquitto) -> None:
    await sell(store, a_sale())
    await issue(store)
    async with a_cloud(store, broker) as cloud:
        cloud.news.ring()

        async def said() -> bool:
            return (await the_receipt(store)).told_times == 1

        await eventually(said)
        async with a_machine(broker) as machine:
            assert machine.heard(Receipt) == []
            machine.send(Channel.STATE.of(MACHINE), encode(State(online=True)))
            await until(lambda: machine.heard(Receipt))


async def test_a_refusal_is_told_without_a_qr_or_a_page(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale())
    async with store.transaction() as connection:
        held = await receipts.lease(connection, "main", "one", now_ms())
        job = await receipts.next_job(connection, "main", now_ms())
        assert held is not None
        assert job is not None
        await receipts.intend(connection, held, job, "{}", now_ms())
        await receipts.record(connection, job.key, Dead("code 13"), now_ms(), held)
    async with a_cloud(store, broker) as cloud:
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt))
        await issue(store)
        cloud.news.ring()
        await until(lambda: len(machine.heard(Receipt)) == 2)
    refused, issued = machine.heard(Receipt)
    assert refused == Receipt(sale_id=id_of(1), rev=1, status="refused")
    assert (issued.status, issued.rev, issued.qr) == ("issued", 2, a_document(1).qr)


async def test_nobody_is_told_while_the_broker_is_away(store: Store, broker: Mosquitto) -> None:
    await sell(store, a_sale())
    await issue(store)
    broker.kill()
    async with a_cloud(store, broker, connected=False) as cloud:
        for _ in range(10):
            cloud.news.ring()
            # The store has one connection: whoever wanted it before us has had it.
            assert (await the_receipt(store)).told_times == 0
        broker.start()

        async def said() -> bool:
            cloud.news.ring()
            return (await the_receipt(store)).told_times == 1

        await eventually(said)

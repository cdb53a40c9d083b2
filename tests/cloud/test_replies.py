"""A machine is told of its receipt through a real broker, until it says that it has it."""

from collections.abc import AsyncIterator
from functools import partial
from itertools import groupby
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from parts import Mosquitto, until
from shop import (
    MACHINE,
    OPERATOR,
    Peer,
    a_cloud,
    a_document,
    a_machine,
    a_sale,
    eventually,
    hear,
    id_of,
    leave,
    now_ms,
    rows,
    sell,
    stock,
    token_of,
    write,
)

from cloud.fleet import Policies
from cloud.outcome import Dead, Done
from cloud.store import Store
from cloud.store.schema import reply
from edge.wire import Channel, Receipt, ReceiptAck, State, encode

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
async def machine(broker: Mosquitto) -> AsyncIterator[Peer]:
    async with a_machine(broker) as connected:
        yield connected


async def issue(store: Store, number: int = 1) -> None:
    """Its document is there; it was sent before, if it was not yet."""
    await leave(store)
    await hear(store, Done(a_document(number)), id_of(number))


async def overdue(store: Store) -> None:
    await write(store, sa.update(reply).values(tell_at=0))


async def is_said(store: Store, times: int) -> bool:
    """Whether it is written down that it was said so often."""
    return bool((await the_reply(store)).told_times == times)


async def the_reply(store: Store, number: int = 1) -> Any:  # noqa: ANN401, a row
    (row,) = await rows(store, sa.select(reply).where(reply.c.sale_id == id_of(number)))
    return row


async def test_a_machine_is_told_until_it_says_that_it_has_it(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale())
    async with a_cloud(store, broker) as cloud:
        await issue(store)
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt))
        await eventually(lambda: is_said(store, 1))
        await overdue(store)
        cloud.news.ring()
        await until(lambda: len(machine.heard(Receipt)) == 2)
        machine.send(Channel.RECEIPT_ACK.of(MACHINE), encode(ReceiptAck(sale_id=id_of(1), rev=1)))

        async def heard() -> bool:
            return bool((await the_reply(store)).acked_rev)

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
    before = now_ms()
    await issue(store)
    waits, longer = [], []
    async with a_cloud(store, broker) as cloud:
        for times in range(1, 8):
            if times > 1:  # the first is due by itself
                before = now_ms()
                await overdue(store)
            cloud.news.ring()
            await eventually(partial(is_said, store, times))
            at = (await the_reply(store)).tell_at
            # It was said between the two, whenever that was.
            waits.append((at - now_ms()) / 1000)
            longer.append((at - before) / 1000)
        await until(lambda: len(machine.heard(Receipt)) >= 7)
    for least, said, most in zip(waits, [10, 30, 60, 300, 900, 3600, 3600], longer, strict=True):
        assert least <= said <= most


async def test_a_machine_that_comes_back_is_told_at_once(store: Store, broker: Mosquitto) -> None:
    await sell(store, a_sale())
    await issue(store)
    # The passer-by is there before the cloud, which may tell all of it at its first look.
    async with (
        a_machine(broker, "a passer-by") as passer_by,
        a_cloud(store, broker) as cloud,
    ):
        cloud.news.ring()
        await eventually(partial(is_said, store, 1))
        # Written down is not yet said: what is still on its way, the machine would hear.
        await until(lambda: passer_by.heard(Receipt))
        # It would be said again in ten seconds, whoever comes back.
        await write(store, sa.update(reply).values(tell_at=now_ms() + 3_600_000))
        async with a_machine(broker) as machine:
            assert machine.heard(Receipt) == []
            machine.send(Channel.STATE.of(MACHINE), encode(State(online=True)))
            await until(lambda: machine.heard(Receipt))


async def test_a_refusal_is_told_without_a_qr_or_a_page(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale())
    await leave(store)
    await hear(store, Dead("code 13"))
    async with a_cloud(store, broker) as cloud:
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt))
        await issue(store)
        cloud.news.ring()
        await until(lambda: len(machine.heard(Receipt)) == 2)
    refused, issued = machine.heard(Receipt)
    assert refused == Receipt(sale_id=id_of(1), rev=1, status="refused")
    assert (issued.status, issued.rev, issued.qr) == ("issued", 2, a_document(1).qr)


async def test_a_machine_whose_operator_wants_no_link_gets_the_fiscal_code_alone(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    await sell(store, a_sale())
    await stock(store, msgspec.structs.replace(OPERATOR, policies=Policies(qr="fiscal")))
    await issue(store)
    async with a_cloud(store, broker) as cloud:
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt))
    (told,) = machine.heard(Receipt)
    assert (told.status, told.qr, told.link) == ("issued", a_document(1).qr, None)


async def test_what_became_news_while_it_was_being_told_is_told_too(
    store: Store, broker: Mosquitto, machine: Peer
) -> None:
    """The machine has the refusal, and never the last word on a sale that was issued since."""
    await sell(store, a_sale())
    await leave(store)
    await hear(store, Dead("code 13"))
    async with a_cloud(store, broker) as cloud:
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt))
        await issue(store)
        heard = encode(ReceiptAck(sale_id=id_of(1), rev=1))
        machine.send(Channel.RECEIPT_ACK.of(MACHINE), heard)
        cloud.news.ring()
        await until(lambda: machine.heard(Receipt)[-1].rev == 2)
    # Any of it may be said again, and nothing out of its order.
    assert [status for status, _ in groupby(each.status for each in machine.heard(Receipt))] == [
        "refused",
        "issued",
    ]


async def test_nobody_is_told_while_the_broker_is_away(store: Store, broker: Mosquitto) -> None:
    await sell(store, a_sale())
    await issue(store)
    broker.kill()
    async with a_cloud(store, broker, connected=False) as cloud:
        for _ in range(10):
            cloud.news.ring()
            # The store has one connection: whoever wanted it before us has had it.
            assert (await the_reply(store)).told_times == 0
        broker.start()

        async def said() -> bool:
            cloud.news.ring()
            return (await the_reply(store)).told_times == 1

        await eventually(said)

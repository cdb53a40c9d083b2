"""Sales: kept once, whatever repeats; what conflicts is kept beside."""

import msgspec
import pytest
import sqlalchemy as sa
from shop import (
    EPOCH,
    MACHINE,
    RECEIPT,
    a_config,
    a_sale,
    id_of,
    incidents,
    now_ms,
    placed,
    rows,
    sell,
    token_of,
)

from cloud.intake import Attention
from cloud.receipt import Receipt
from cloud.sequence import Received
from cloud.store import Store, sales, streams
from cloud.store.sales import Arrival, Kept
from cloud.store.schema import incident, receipt, sale
from edge.wire import Sale, decode, encode


async def sequence(store: Store, epoch: str = EPOCH) -> Received:
    async with store.transaction() as connection:
        return await streams.sequence(connection, MACHINE, epoch)


async def test_a_sale_is_kept_with_its_receipt(store: Store) -> None:
    assert await sell(store, a_sale()) == [Kept.NEW]
    (kept,) = await rows(store, sa.select(sale))
    assert decode(kept.body.encode(), Sale) == a_sale()
    assert (kept.disposition, kept.reason) == ("receipt", None)
    (asked,) = await rows(store, sa.select(receipt))
    assert (asked.register, asked.state, asked.key, asked.rev) == ("main", "waiting", id_of(1), 0)
    assert msgspec.json.decode(asked.request, type=Receipt) == RECEIPT


@pytest.mark.parametrize(
    ("told", "disposition", "reason"),
    [
        (a_sale(kind="test"), "skipped", "test vend"),
        (a_sale(amount=None), "attention", "the amount is not known: the bus did not say it"),
    ],
)
async def test_a_sale_without_a_receipt_has_its_reason(
    store: Store, told: Sale, disposition: str, reason: str
) -> None:
    await sell(store, told)
    (kept,) = await rows(store, sa.select(sale))
    assert (kept.disposition, kept.reason) == (disposition, reason)
    assert await rows(store, sa.select(receipt)) == []


async def test_the_same_sale_again_is_the_same_row(store: Store) -> None:
    assert await sell(store, a_sale(), a_sale()) == [Kept.NEW, Kept.AGAIN]
    assert await sell(store, a_sale()) == [Kept.AGAIN]
    assert len(await rows(store, sa.select(sale))) == 1
    assert len(await rows(store, sa.select(receipt))) == 1
    assert await incidents(store) == []


@pytest.mark.parametrize(
    "other",
    [
        a_sale(amount=1),
        a_sale(item="0002"),
        a_sale(seq=2),
        a_sale(epoch="00000000"),
        # The same page, and another sale.
        a_sale(sale_id=id_of(2)),
        a_sale(2, token=token_of(1)),
    ],
)
async def test_the_same_name_with_another_body_is_an_incident_and_both_are_kept(
    store: Store, other: Sale
) -> None:
    assert await sell(store, a_sale(), other, other) == [Kept.NEW, Kept.CONFLICT, Kept.CONFLICT]
    (kept,) = await rows(store, sa.select(sale))
    assert decode(kept.body.encode(), Sale) == a_sale()
    (beside,) = await rows(store, sa.select(incident))
    assert (beside.kind, beside.machine, beside.sale_id) == ("conflict", MACHINE, other.sale_id)
    assert decode(beside.body, Sale) == other
    assert len(await rows(store, sa.select(receipt))) == 1


async def test_another_sale_at_the_same_place_is_kept_with_its_receipt_and_an_incident(
    store: Store,
) -> None:
    """A card that forgot its last sale gives its place to the next; both were sold."""
    other = a_sale(2, seq=1)
    assert await sell(store, a_sale(), other, other) == [Kept.NEW, Kept.NEW, Kept.AGAIN]
    assert len(await rows(store, sa.select(receipt))) == 2
    assert await incidents(store) == ["two sales at one place"]
    assert await sequence(store) == Received(1, 1, ())


@pytest.mark.parametrize(
    ("first", "told", "kept", "beside"),
    [
        pytest.param(a_sale(1), a_sale(1), Kept.AGAIN, [], id="the machine has another name now"),
        pytest.param(
            a_sale(9), a_sale(9, seq=1), Kept.CONFLICT, ["conflict"], id="its id is another's"
        ),
        pytest.param(
            a_sale(9),
            a_sale(1, token=token_of(9)),
            Kept.CONFLICT,
            ["conflict"],
            id="its page is another's",
        ),
    ],
)
async def test_a_sale_that_is_kept_elsewhere_is_told_as_stored(
    store: Store, first: Sale, told: Sale, kept: Kept, beside: list[str]
) -> None:
    """Or its machine would repeat it for ever."""
    await sell(store, first)
    before = await rows(store, sa.select(sale))
    by_another = Arrival("vm-new", told, encode(told).decode(), Attention("another machine"))
    async with store.transaction() as connection:
        assert await sales.keep(connection, by_another, now_ms()) is kept
        behind = Arrival("vm-new", a_sale(2), "{}", Attention("another machine"))
        await sales.keep(connection, behind, now_ms())
        assert await streams.sequence(connection, "vm-new", EPOCH) == Received(2, 2, ())
    assert await rows(store, sa.select(sale).where(sale.c.machine == MACHINE)) == before
    assert await incidents(store) == beside


async def test_two_different_conflicts_are_two_incidents(store: Store) -> None:
    await sell(store, a_sale(), a_sale(amount=1), a_sale(amount=2), a_sale(amount=1))
    assert await incidents(store) == ["conflict", "conflict"]


async def test_two_machines_may_count_alike(store: Store) -> None:
    other = a_sale(2, seq=1, machine="vm-9")
    assert await sell(store, a_sale(), other) == [Kept.NEW, Kept.NEW]


async def test_a_machine_with_a_new_card_begins_again(store: Store) -> None:
    other = a_sale(2, seq=1, epoch="00000001")
    assert await sell(store, a_sale(), other) == [Kept.NEW, Kept.NEW]
    assert await sequence(store) == await sequence(store, "00000001") == Received(1, 1, ())


async def test_a_sale_that_can_be_placed_at_last_goes_its_way_once(store: Store) -> None:
    await sell(store, a_sale(), config=a_config(machines={}))
    async with store.transaction() as connection:
        ((machine, body, received_at),) = await sales.in_attention(connection)
        assert machine == MACHINE
        assert received_at <= now_ms()
        arrival = placed(decode(body.encode(), Sale))
        await sales.place_again(connection, arrival.disposition, now_ms())  # type: ignore[arg-type]
    async with store.transaction() as connection:
        assert await sales.in_attention(connection) == []
    (kept,) = await rows(store, sa.select(sale))
    assert (kept.disposition, kept.reason) == ("receipt", None)
    (asked,) = await rows(store, sa.select(receipt))
    assert asked.state == "waiting"

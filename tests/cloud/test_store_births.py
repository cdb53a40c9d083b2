"""Births: a machine's word against what is here."""

import asyncio

import sqlalchemy as sa
from shop import EPOCH, MACHINE, a_sale, incidents, now_ms, rows, sell

from cloud.sequence import Received
from cloud.store import Store, births, streams
from cloud.store.schema import incident


async def born(store: Store, claimed: int, nonce: str, epoch: str = EPOCH) -> Received:
    """A birth of a machine that knows all up to `claimed` as acknowledged; where it stands then."""
    async with store.transaction() as connection:
        await births.meet(connection, MACHINE, epoch, now_ms())
        await births.settle(connection, MACHINE, epoch, claimed, nonce, now_ms())
        return await streams.sequence(connection, MACHINE, epoch)


async def test_what_a_machine_knows_as_acknowledged_and_is_not_here_is_an_incident_by_its_numbers(
    store: Store,
) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(4), a_sale(300))
    await born(store, 299, "a")
    await born(store, 299, "b")
    (told,) = await rows(store, sa.select(incident))
    assert (told.kind, told.machine) == ("gap", MACHINE)
    assert told.detail == (
        f"epoch {EPOCH}: 296 sales that the machine knows as acknowledged are not here:"
        " seq 3, 5 to 299; was the database restored or replaced? Compare with the machine's outbox"
    )


async def test_what_two_births_know_as_acknowledged_is_asked_for_no_more(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(30))
    assert await born(store, 29, "a") == Received(2, 30, tuple(range(3, 30)))
    assert await born(store, 30, "b") == Received(30, 30, ())


async def test_one_birth_alone_never_makes_a_machine_drop_a_sale(store: Store) -> None:
    """It counted a sale as acknowledged that it was just making; the next birth knows better."""
    assert await born(store, 1, "a") == Received(0, 0, ())
    # The broker repeats a birth, which it retains, to a cloud that comes back.
    assert await born(store, 1, "a") == Received(0, 0, ())
    assert await born(store, 0, "b") == Received(0, 0, ())
    assert await born(store, 1, "c") == Received(0, 0, ())
    assert await incidents(store) == ["gap"]


async def test_births_of_a_version_without_nonces_are_each_another(store: Store) -> None:
    assert await born(store, 5, "") == Received(0, 0, ())
    assert await born(store, 5, "") == Received(5, 5, ())


async def test_only_what_both_births_knew_is_believed(store: Store) -> None:
    await born(store, 5, "a")
    assert await born(store, 9, "b") == Received(5, 5, ())
    assert await born(store, 7, "c") == Received(7, 7, ())


async def test_a_birth_that_agrees_is_no_incident(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    for nonce in ("a", "b"):
        assert await born(store, 2, nonce) == Received(2, 2, ())
        assert await born(store, 0, nonce, epoch="00000001") == Received(0, 0, ())
    assert await incidents(store) == ["another outbox"]


async def test_many_holes_are_counted_and_the_lowest_named(store: Store) -> None:
    await sell(store, *(a_sale(number) for number in range(2, 62, 2)))
    await born(store, 61, "a")
    (told,) = await rows(store, sa.select(incident.c.detail))
    assert "31 sales that" in told.detail
    assert "seq 1, 3, 5," in told.detail
    assert " 39 and 11 gaps more; was" in told.detail


async def test_of_two_births_at_once_the_later_knows_what_the_earlier_said(
    store: Store, database: str
) -> None:
    await born(store, 0, "first")
    other = Store(database)
    async with store.transaction() as connection:
        await births.settle(connection, MACHINE, EPOCH, 5, "a", now_ms())
        later = asyncio.ensure_future(born(other, 6, "b"))
        done, _ = await asyncio.wait([later], timeout=0.1)
        assert not done
    assert await later == Received(5, 5, ())
    await other.close()

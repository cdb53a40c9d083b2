"""The seat: of many processes one speaks to the broker, and knows at once when it does no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import sqlalchemy as sa
from shop import eventually, now_ms, rows, stocked, write
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import LeaseLostError
from cloud.seat import seat
from cloud.store import Store, lanes
from cloud.store.lanes import LEASE_MS
from cloud.store.schema import lane, register

DAY_MS = 86_400_000


async def holder(store: Store) -> tuple[str, int]:
    ((owner, fence),) = await rows(store, sa.select(lane.c.owner, lane.c.fence))
    return owner, fence


async def lost(keeping: "asyncio.Task[None]") -> str:
    """Wait until it is lost; what is said of it."""
    await asyncio.wait([keeping], timeout=10)
    with pytest.raises(LeaseLostError) as told:
        keeping.result()
    return str(told.value)


async def test_a_seat_is_held_by_a_name_that_no_register_can_have(store: Store) -> None:
    await stocked(store)
    async with seat(store, "link", "one") as keeping:
        assert not keeping.done()
        ((name, owner),) = await rows(store, sa.select(lane.c.register, lane.c.owner))
        assert (name, owner) == ("@link", "one")
    assert "@link" not in [row.id for row in await rows(store, sa.select(register.c.id))]


async def test_who_leaves_lets_the_next_one_sit_down_at_once(store: Store) -> None:
    async with seat(store, "link", "one"):
        pass
    async with asyncio.timeout(5), seat(store, "link", "two"):
        assert await holder(store) == ("two", 2)


async def test_two_seats_are_two(store: Store) -> None:
    async with seat(store, "link", "one"), asyncio.timeout(5), seat(store, "other", "two"):
        assert len(await rows(store, sa.select(lane))) == 2


async def test_the_second_waits_for_the_first_to_leave(store: Store) -> None:
    order: list[str] = []

    async def sit() -> None:
        async with seat(store, "link", "two"):
            order.append("two")

    async with seat(store, "link", "one"):
        coming = asyncio.ensure_future(sit())
        # Its first look is over, and it has not sat down.
        await asyncio.wait([coming], timeout=0.2)
        order.append("one leaves")
    async with asyncio.timeout(10):
        await coming
    assert order == ["one leaves", "two"]


async def test_it_is_renewed_as_long_as_it_is_held(store: Store) -> None:
    async with seat(store, "link", "one", renew_s=0.01) as keeping:
        await write(store, sa.update(lane).values(lease_until=0))

        async def renewed() -> bool:
            ((until_ms,),) = await rows(store, sa.select(lane.c.lease_until))
            return bool(until_ms > now_ms())

        await eventually(renewed)
        assert not keeping.done()
    assert await holder(store) == ("one", 1)


async def test_who_lost_it_is_told_and_takes_it_from_nobody(store: Store) -> None:
    async with seat(store, "link", "one", renew_s=0.01) as keeping:
        async with store.transaction() as connection:
            taken = await lanes.lease(connection, "@link", "two", now_ms() + LEASE_MS + 1)
            assert taken is not None
        assert await lost(keeping) == "seat @link: another process took it"
    ((owner, until_ms),) = await rows(store, sa.select(lane.c.owner, lane.c.lease_until))
    assert (owner, until_ms > now_ms()) == ("two", True)


async def test_a_seat_that_was_lost_and_won_again_by_ones_own_name_is_lost(store: Store) -> None:
    """In between another one spoke."""
    async with seat(store, "link", "one", renew_s=0.01) as keeping:
        await write(store, sa.update(lane).values(fence=lane.c.fence + 2))
        assert await lost(keeping) == "seat @link: another process took it"


@pytest.mark.parametrize("by_ms", [DAY_MS, -DAY_MS], ids=["on", "back"])
async def test_a_clock_that_steps_takes_the_seat_from_nobody_who_keeps_it(
    store: Store, by_ms: int
) -> None:
    """What is in the store is as if it had been written by another clock."""
    async with seat(store, "link", "one", renew_s=0.01) as keeping:
        await write(store, sa.update(lane).values(lease_until=lane.c.lease_until + by_ms))

        async def right() -> bool:
            ((until_ms,),) = await rows(store, sa.select(lane.c.lease_until))
            return abs(until_ms - now_ms()) <= 2 * LEASE_MS

        await eventually(right)
        assert not keeping.done()


class Busy(Store):
    """Another process writes all the time, while it is said to."""

    busy = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            if self.busy:
                self.busy -= 1
                raise sa.exc.TimeoutError("another process has been writing all the time")
            yield await stack.enter_async_context(super().transaction())


@pytest.fixture
async def busy(database: str) -> AsyncIterator[Busy]:
    opened = Busy(database)
    yield opened
    await opened.close()


async def test_a_busy_store_costs_nobody_the_seat(busy: Busy) -> None:
    async with seat(busy, "link", "one", renew_s=0.01) as keeping:
        busy.busy = 3

        async def tried() -> bool:
            return busy.busy == 0

        await eventually(tried)
        await write(busy, sa.update(lane).values(lease_until=0))

        async def renewed() -> bool:
            ((until_ms,),) = await rows(busy, sa.select(lane.c.lease_until))
            return bool(until_ms > now_ms())

        await eventually(renewed)
        assert not keeping.done()


async def test_a_busy_store_is_waited_for_before_one_sits_down(busy: Busy) -> None:
    busy.busy = 1
    async with asyncio.timeout(10), seat(busy, "link", "one"):
        assert await holder(busy) == ("one", 1)


async def test_a_seat_that_cannot_be_given_back_runs_out(busy: Busy) -> None:
    async with seat(busy, "link", "one"):
        busy.busy = 1
    ((until_ms,),) = await rows(busy, sa.select(lane.c.lease_until))
    assert until_ms > now_ms()

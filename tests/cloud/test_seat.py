"""The seat: of many processes one speaks to the broker, and knows at once when it does no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import sqlalchemy as sa
from postgres import Cluster
from shop import (
    a_register,
    a_sale,
    eventually,
    hurry,
    now_ms,
    rows,
    sell,
    states,
    stocked,
    write,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import LeaseLostError
from cloud.seat import seat
from cloud.store import Store, migrate
from cloud.store.dialect import clock_of
from cloud.store.lanes import LEASE_MS
from cloud.store.schema import lane, register

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


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


@pytest.mark.usefixtures("patient")
async def test_who_leaves_lets_the_next_one_sit_down_at_once(store: Store) -> None:
    async with seat(store, "link", "one"):
        pass
    async with asyncio.timeout(10), seat(store, "link", "two"):
        assert await holder(store) == ("two", 2)


async def test_two_seats_are_two(store: Store) -> None:
    async with seat(store, "link", "one"), asyncio.timeout(10), seat(store, "other", "two"):
        assert len(await rows(store, sa.select(lane))) == 2


@pytest.mark.usefixtures("patient")
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
        # It ran out, and another was there before this one looked.
        taken = {"owner": "two", "fence": lane.c.fence + 1, "lease_until": now_ms() + LEASE_MS}
        await write(store, sa.update(lane).values(taken))
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


async def servers_clock(store: Store, by_s: int) -> None:
    """Of this database the server's clock is so much ahead: the time of another host."""
    await write(
        store,
        sa.text(
            "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
            f" 'SELECT pg_catalog.clock_timestamp() + interval ''{by_s} s'' '"
        ),
    )
    async with store.transaction() as connection:
        name = await connection.scalar(sa.text("SELECT current_database()"))
        await connection.execute(
            sa.text(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
        )


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("by_s", [86_400, -86_400])
async def test_two_hosts_whose_clocks_differ_go_by_the_servers(
    postgres: Cluster, by_s: int
) -> None:
    """The server's is a day from ours here: a host of the right time would see no other."""
    with postgres.database() as url:
        migrate(url)
        first = Store(url)
        await servers_clock(first, by_s)
        await first.close()
        store = Store(url)
        async with store.transaction() as connection:
            assert abs(await clock_of(connection) - now_ms() - 1000 * by_s) < HOUR_MS
        async with seat(store, "link", "one", renew_s=0.01) as keeping:
            await write(store, sa.update(lane).values(lease_until=0))
            await eventually(lambda: rows(store, sa.select(lane).where(lane.c.lease_until > 0)))
            async with a_register(store, pushes=False) as mute:
                await sell(store, a_sale())
                async with mute.at_work(store):
                    await eventually(lambda: is_issued(store))
                    ends = await rows(store, sa.select(lane.c.lease_until))
            assert not keeping.done()
        assert len(ends) == 2
        assert all(abs(until - now_ms() - 1000 * by_s) < HOUR_MS for (until,) in ends)
        await store.close()


async def is_issued(store: Store) -> bool:
    await hurry(store)
    return set((await states(store)).values()) == {"issued"}


async def test_a_file_goes_by_the_clock_of_its_host(sqlite_store: Store) -> None:
    before = now_ms()
    async with sqlite_store.transaction() as connection:
        assert before <= await clock_of(connection) <= now_ms()


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

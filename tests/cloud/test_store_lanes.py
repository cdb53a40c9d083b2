"""Lanes: whose a register's queue is, for how long, and how its last requests went."""

import asyncio

import pytest
import sqlalchemy as sa
from shop import rows, write
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.breaker import FAILURES, Circuit
from cloud.errors import LeaseLostError
from cloud.outcome import Pause
from cloud.store import Store, lanes
from cloud.store.lanes import FAR_MS, LEASE_MS, Lease, Standing
from cloud.store.schema import lane

T = 1_800_000_000_000
DAY_MS = 86_400_000


async def take(
    store: Store, owner: str = "one", at: int = T, register: str = "main"
) -> Lease | None:
    async with store.transaction() as connection:
        return await lanes.lease(connection, register, owner, at)


async def taken(store: Store, owner: str = "one", at: int = T) -> Lease:
    held = await take(store, owner, at)
    assert held is not None
    return held


async def release(store: Store, held: Lease) -> None:
    async with store.transaction() as connection:
        await lanes.release(connection, held)


async def check(store: Store, held: Lease) -> None:
    async with store.transaction() as connection:
        await lanes.check(connection, held)


async def goes(store: Store, circuit: Circuit, at: int = T, register: str = "main") -> Standing:
    """The circuit is so now; how the lane stands then."""
    async with store.transaction() as connection:
        await lanes.set_circuit(connection, register, circuit, at)
        (standing,) = [
            each for each in await lanes.standings(connection) if each.register == register
        ]
        assert await lanes.circuit(connection, register) == standing.circuit
    return standing


async def test_a_lane_is_one_processs_until_its_lease_runs_out(store: Store) -> None:
    assert await take(store, "one") == Lease("main", "one", 1)
    assert await take(store, "two", T + LEASE_MS) is None
    assert await take(store, "two", T + LEASE_MS + 1) == Lease("main", "two", 2)
    assert await take(store, "one", T + LEASE_MS + 1) is None


async def test_ones_own_lease_goes_on_under_the_same_fence(store: Store) -> None:
    assert await take(store, "one") == await take(store, "one", T + 1000)
    assert await take(store, "two", T + LEASE_MS + 500) is None


async def test_ones_own_lease_goes_on_even_after_it_ran_out_if_nobody_came(store: Store) -> None:
    held = await taken(store)
    assert await take(store, "one", T + 10 * LEASE_MS) == held


async def test_each_register_has_a_lane_of_its_own(store: Store) -> None:
    assert await take(store, "one") == Lease("main", "one", 1)
    assert await take(store, "two", register="side") == Lease("side", "two", 1)


async def test_a_lane_that_was_let_go_is_free_at_once(store: Store) -> None:
    await release(store, await taken(store))
    assert await take(store, "two") == Lease("main", "two", 2)


async def test_an_old_lease_lets_nobodys_lane_go(store: Store) -> None:
    old = await taken(store)
    await taken(store, "two", T + LEASE_MS + 1)
    await release(store, old)
    assert await take(store, "one", T + LEASE_MS + 2) is None


async def test_an_old_term_of_ones_own_lets_nothing_go(store: Store) -> None:
    """The lane was lost and won again in between."""
    old = await taken(store)
    await taken(store, "two", T + LEASE_MS + 1)
    await taken(store, "one", T + 2 * LEASE_MS + 2)
    await release(store, old)
    assert await take(store, "two", T + 2 * LEASE_MS + 3) is None


async def test_an_old_fence_holds_nothing(store: Store) -> None:
    old = await taken(store)
    await check(store, old)
    await taken(store, "two", T + LEASE_MS + 1)
    with pytest.raises(LeaseLostError, match="register main: another process took the lane"):
        await check(store, old)
    with pytest.raises(LeaseLostError):
        await check(store, Lease("never", "one", 1))


# Clocks. -----------------------------------------------------------------------------------------


async def test_a_lease_from_the_future_is_a_clock_that_was_set_back(store: Store) -> None:
    await taken(store, "one", T)
    assert await take(store, "two", T - 3 * 3_600_000) == Lease("main", "two", 2)


async def test_the_latest_that_the_servers_clock_has_said_stays(store: Store) -> None:
    said = [
        await take(store, owner, at)
        for owner, at in (("one", T), ("one", T + 5), ("two", T - DAY_MS), ("two", T + 9))
    ]
    assert [held and held.latest_ms for held in said] == [T, T + 5, T + 5, T + 9]


async def test_a_servers_clock_that_was_a_year_ahead_is_forgotten_once_it_is_set_right(
    store: Store,
) -> None:
    """Else each key in doubt would be too old for a year, and a person's."""
    await take(store, "one", T + 365 * DAY_MS)
    assert (await taken(store, "two", T)).latest_ms == T
    await take(store, "two", T + FAR_MS)
    assert (await taken(store, "two", T)).latest_ms == T + FAR_MS


@pytest.mark.parametrize("slow_ms", [1, LEASE_MS])
async def test_a_process_whose_clock_is_slow_takes_nobodys_lane(store: Store, slow_ms: int) -> None:
    held = await taken(store, "one", T)
    assert await take(store, "two", T - slow_ms) is None
    assert await take(store, "one", T) == held
    assert await take(store, "two", T - LEASE_MS - 1) == Lease("main", "two", 2)


async def test_a_clock_that_was_set_on_gives_the_lane_away_and_the_fence_says_so(
    store: Store,
) -> None:
    old = await taken(store)
    assert await take(store, "two", T + DAY_MS) == Lease("main", "two", 2)
    with pytest.raises(LeaseLostError):
        await check(store, old)


# Two at once. ------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [False, True])
async def test_of_many_that_take_a_lane_at_once_one_has_it(store: Store, *, known: bool) -> None:
    if known:
        await release(store, await taken(store, "somebody"))
    took = await asyncio.gather(*(take(store, f"process {number}") for number in range(6)))
    assert len([held for held in took if held is not None]) == 1


@pytest.mark.needs("postgres")
async def test_who_holds_a_lane_in_a_transaction_cannot_lose_it_in_it(
    postgres_store: Store,
) -> None:
    """The next holder waits until what is being written is written."""
    store = postgres_store
    held = await taken(store)
    order: list[str] = []

    async def next_one() -> Lease | None:
        took = await take(store, "two", T + LEASE_MS + 1)
        order.append("taken")
        return took

    async with store.transaction() as connection:
        await lanes.check(connection, held)
        coming = asyncio.ensure_future(next_one())
        await waits(store)
        order.append("written")
    assert await coming == Lease("main", "two", 2)
    assert order == ["written", "taken"]


async def waits(store: Store) -> None:
    """Until somebody waits for a lock."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    async def one(connection: AsyncConnection) -> bool:
        return await connection.scalar(waiting) == 1

    async with asyncio.timeout(10), store.reading() as connection:
        while not await one(connection):
            await asyncio.sleep(0.005)


# The circuit. ------------------------------------------------------------------------------------


async def test_a_lane_that_nobody_has_worked_has_a_closed_circuit(store: Store) -> None:
    async with store.transaction() as connection:
        assert await lanes.circuit(connection, "main") == Circuit()
        assert await lanes.standings(connection) == []


@pytest.mark.parametrize("known", [False, True])
async def test_a_pause_is_kept_with_its_reason_and_its_beginning(
    store: Store, *, known: bool
) -> None:
    if known:
        await taken(store)
    paused = Circuit(0, T + 5, Pause.BILLING, "nothing is paid for")
    standing = await goes(store, paused, T)
    assert (standing.circuit, standing.since) == (paused, T)
    assert (await goes(store, paused, T + 9)).since == T
    unpaid = Circuit(0, T + 9, Pause.AUTH, "who are you?")
    assert (await goes(store, unpaid, T + 10)).since == T + 10
    assert await goes(store, Circuit(), T + 11) == Standing(
        "main", "one" if known else "", T + LEASE_MS if known else 0, Circuit(), None
    )


async def test_failures_that_open_the_circuit_say_since_when(store: Store) -> None:
    await taken(store)
    for failures in range(1, FAILURES):
        assert (await goes(store, Circuit(failures), T + failures)).since is None
    for failures in range(FAILURES, FAILURES + 3):
        still = Circuit(failures, T + 99, None, "no connection")
        assert (await goes(store, still, T + failures)).since == T + FAILURES
    assert (await goes(store, Circuit(), T + 99)).since is None


async def test_a_pause_without_a_word_has_its_own_name_for_a_reason(store: Store) -> None:
    assert (await goes(store, Circuit(pause=Pause.DRIVE))).circuit.reason == "fiscal drive"


async def test_a_pause_outlives_the_process_that_met_it(store: Store) -> None:
    held = await taken(store)
    paused = Circuit(0, T + 5, Pause.AUTH, "401")
    await goes(store, paused)
    await release(store, held)
    await taken(store, "two")
    async with store.transaction() as connection:
        assert await lanes.circuit(connection, "main") == paused


async def test_a_register_may_be_paused_before_anybody_works_its_lane(store: Store) -> None:
    by_hand = Circuit(pause=Pause.BY_HAND, reason="the drive is changed today")
    await goes(store, by_hand)
    assert await take(store) == Lease("main", "one", 1)
    async with store.transaction() as connection:
        assert await lanes.circuit(connection, "main") == by_hand


async def test_one_registers_pause_is_nobody_elses(store: Store) -> None:
    await goes(store, Circuit(pause=Pause.AUTH, reason="401"))
    assert (await goes(store, Circuit(), register="side")).since is None
    async with store.transaction() as connection:
        told = await lanes.standings(connection)
    assert [(each.register, each.circuit.pause) for each in told] == [
        ("main", Pause.AUTH),
        ("side", None),
    ]


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"pause": "auth"}, "lane_paused"),
        ({"owner": None}, "owner"),
        ({"fence": None}, "fence"),
        ({"register": "side"}, r"lane[._](register|pkey)"),
    ],
)
async def test_an_intruder_cannot_leave_a_lane_without_a_reason_or_a_holder(
    store: Store, values: dict[str, object], broken: str
) -> None:
    await take(store)
    await take(store, register="side")
    before = await rows(store, sa.select(lane).order_by(lane.c.register))
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, sa.update(lane).where(lane.c.register == "main").values(**values))
    assert await rows(store, sa.select(lane).order_by(lane.c.register)) == before

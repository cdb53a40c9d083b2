"""Streams: what an ack says of a sequence, and what it costs to say it."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from shop import EPOCH, MACHINE, a_sale, id_of, rows, sell, token_of

from cloud.sequence import Received, Run, received
from cloud.store import Store, streams
from cloud.store.schema import run
from edge.wire import Sale


async def sequence(store: Store) -> Received:
    async with store.transaction() as connection:
        return await streams.sequence(connection, MACHINE, EPOCH)


async def reach(store: Store, *reached: Run) -> None:
    async with store.transaction() as connection:
        for first, last in reached:
            await streams.reach(connection, MACHINE, EPOCH, first, last)


async def kept(store: Store) -> list[Run]:
    told = await rows(store, sa.select(run.c.first, run.c.last).order_by(run.c.first))
    return [(first, last) for first, last in told]


async def test_the_sequence_remembers_how_far_it_is_whole(store: Store) -> None:
    assert await sequence(store) == Received(0, 0, ())
    await sell(store, *(a_sale(number) for number in (1, 2, 4, 7)))
    assert await sequence(store) == Received(2, 7, (3, 5, 6))
    await sell(store, a_sale(3))
    assert await sequence(store) == Received(4, 7, (5, 6))
    assert await sequence(store) == Received(4, 7, (5, 6))
    await sell(store, a_sale(6), a_sale(5))
    assert await sequence(store) == Received(7, 7, ())
    assert await kept(store) == [(1, 7)]


async def test_runs_beyond_the_gaps_that_are_named_are_told_from_the_highest(store: Store) -> None:
    # Every second sale is here: 170 runs, more than either of the two looks takes.
    await sell(store, *(a_sale(number) for number in range(1, 341, 2)))
    told = await sequence(store)
    assert (told.contiguous, told.upto) == (1, 201)
    assert told.missing == tuple(range(2, 201, 2))
    assert told.also == tuple((seq, seq) for seq in range(213, 341, 2))


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("count", [99, 100, 101, 102, 165, 166])
async def test_an_ack_says_what_all_runs_would_say_though_it_looks_at_few(
    store: Store, first: int, count: int
) -> None:
    every = [(first + 2 * number, first + 2 * number) for number in range(count)]
    await reach(store, *every)
    assert await kept(store) == every
    assert await sequence(store) == received(0, every)


@pytest.mark.parametrize(
    ("reached", "whole"),
    [
        ([(1, 3), (5, 6), (4, 4)], [(1, 6)]),
        ([(5, 6), (2, 3), (1, 9)], [(1, 9)]),
        ([(5, 6), (9, 9), (6, 8)], [(5, 9)]),
        ([(5, 9), (7, 8), (5, 9), (9, 9)], [(5, 9)]),
        ([(5, 6), (20, 30), (1, 3)], [(1, 3), (5, 6), (20, 30)]),
        ([(5, 6), (20, 30), (1, 4)], [(1, 6), (20, 30)]),
        ([(5, 6), (20, 30), (7, 19)], [(5, 30)]),
    ],
)
async def test_what_touches_is_one_run(store: Store, reached: list[Run], whole: list[Run]) -> None:
    await reach(store, *reached)
    assert await kept(store) == whole


RANGES = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda each: (each[0], sum(each))),
    max_size=25,
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    file = tmp_path_factory.mktemp("streams") / "cloud.sqlite"
    file.write_bytes(migrated.read_bytes())
    return file


async def afresh(file: Path, reached: Sequence[Run]) -> tuple[list[Run], Received]:
    store = Store(file)
    async with store.transaction() as connection:
        await connection.execute(sa.delete(run))
    await reach(store, *reached)
    told = await kept(store), await sequence(store)
    await store.close()
    return told


@given(reached=RANGES)
def test_runs_are_the_numbers_that_were_reached_whatever_the_order(
    one: Path, reached: list[Run]
) -> None:
    runs, told = asyncio.run(afresh(one, reached))
    numbers = {seq for first, last in reached for seq in range(first, last + 1)}
    assert {seq for first, last in runs for seq in range(first, last + 1)} == numbers
    assert all(first > last + 1 for (_, last), (first, _) in pairwise(runs))
    assert set(told.missing) == set(range(1, max(numbers, default=0) + 1)) - numbers


TOLD = st.lists(
    st.builds(
        lambda seq, known, page: a_sale(
            seq, seq=seq, sale_id=id_of(known or seq), token=token_of(page or seq)
        ),
        st.integers(1, 12),
        st.none() | st.integers(1, 12),
        st.none() | st.integers(1, 12),
    ),
    max_size=20,
)


async def answered(file: Path, told: Sequence[Sale]) -> Received:
    store = Store(file)
    async with store.transaction() as connection:
        for table in ("run", "receipt", "sale", "incident"):
            await connection.execute(sa.text(f"DELETE FROM {table}"))
    await sell(store, *told)
    now = await sequence(store)
    await store.close()
    return now


@given(told=TOLD)
def test_an_ack_never_asks_for_what_has_come_whatever_ids_and_pages_it_claimed(
    one: Path, told: list[Sale]
) -> None:
    now = asyncio.run(answered(one, told))
    came = {each.seq for each in told}
    assert now.upto == max(came, default=0)
    assert set(now.missing) == set(range(1, now.upto + 1)) - came


async def steps_of_an_ack(store: Store) -> int:
    """The instructions of SQLite's machine that an ack takes: a measure without a clock."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    async with store.transaction() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.set_progress_handler(step, 1)
        await streams.sequence(connection, MACHINE, EPOCH)
        await driver.set_progress_handler(None, 1)
    return steps


async def test_an_ack_costs_the_same_however_many_sales_lie_behind_a_hole(
    sqlite_store: Store,
) -> None:
    await sell(sqlite_store, *(a_sale(number) for number in range(2, 12)))
    few = await steps_of_an_ack(sqlite_store)
    await sell(sqlite_store, *(a_sale(number) for number in range(12, 512)))
    assert await steps_of_an_ack(sqlite_store) == few > 0
    assert await sequence(sqlite_store) == Received(0, 511, (1,))


async def test_two_inboxes_that_store_sales_of_one_machine_make_one_run(database: str) -> None:
    stores = [Store(database), Store(database)]

    async def some(store: Store, numbers: Sequence[int]) -> None:
        for number in numbers:
            async with store.transaction() as connection:
                await streams.reach(connection, MACHINE, EPOCH, number, number)
                # The other one is at it by now, and has to wait.
                await asyncio.sleep(0)

    await asyncio.gather(*(some(stores[each % 2], range(1 + each, 81, 4)) for each in range(4)))
    assert await kept(stores[0]) == [(1, 80)]
    for store in stores:
        await store.close()

"""Threads as steps: one verb after another, in virtual time; and a dead process has not done its own."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from random import Random

import aiosqlite
import pytest
from simulation.clockwork import Clockwork
from simulation.process import Computer, Process
from simulation.threads import COMMIT_S, STATEMENT_S, DiskThread, as_steps

from edge.storage import disk
from edge.storage.disk import Disk

Rows = list[tuple[int]]


@pytest.fixture(autouse=True)
def steps() -> Iterator[None]:
    driver = aiosqlite.core.Connection.__init__
    with as_steps(Random(1)):
        yield
    assert disk.ThreadPoolExecutor is ThreadPoolExecutor
    assert aiosqlite.core.Connection.__init__ is driver


def alive(name: str = "one") -> Process:
    return Process(name, Computer(name))


# The outbox's thread. --------------------------------------------------------------------------


def test_verbs_are_done_in_order_and_each_takes_its_time(loop: Clockwork) -> None:
    done: list[tuple[int, float]] = []

    async def story() -> list[int]:
        ours = Disk()

        def verb(number: int) -> int:
            done.append((number, loop.time()))
            return number * number

        turns = [asyncio.create_task(ours.do(verb, number)) for number in range(10)]
        await asyncio.sleep(0)
        assert not done
        return await asyncio.gather(*turns)

    assert loop.run_until_complete(story()) == [number * number for number in range(10)]
    assert [number for number, _ in done] == list(range(10))
    times = [0.0, *(at for _, at in done)]
    for before, after in pairwise(times):
        assert COMMIT_S[0] * 0.999 <= after - before <= COMMIT_S[1] * 1.001


def test_what_a_verb_raises_is_its_callers_and_the_next_is_done(loop: Clockwork) -> None:
    async def story() -> object:
        ours = Disk()
        first = asyncio.create_task(ours.do(divmod, 1, 0))
        second = asyncio.create_task(ours.do(divmod, 7, 2))
        with pytest.raises(ZeroDivisionError):
            await first
        return await second

    assert loop.run_until_complete(story()) == (3, 1)


def test_a_slow_card_takes_so_many_times_longer_and_another_does_not(loop: Clockwork) -> None:
    DiskThread.slow["slow"] = 1000.0
    took: dict[str, float] = {}

    async def work() -> None:
        name = asyncio.current_task().get_name()  # type: ignore[union-attr]
        await Disk().do(bool)
        took[name] = loop.time()

    async def story() -> None:
        await asyncio.gather(*(alive(name).begin(work) for name in ("slow", "quick")))

    loop.run_until_complete(story())
    assert took["quick"] <= COMMIT_S[1] * 1.001
    assert took["slow"] >= COMMIT_S[0] * 999


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.02, 0.03])
def test_the_dead_have_not_done_what_was_still_to_be_done(loop: Clockwork, after_s: float) -> None:
    done: list[int] = []
    process = alive()

    async def work() -> None:
        ours = Disk()
        for number in range(100):
            ours.later(done.append, number)
        await asyncio.sleep(10)

    async def story() -> int:
        loop.remembered.append(process.begin(work))
        await asyncio.sleep(after_s)
        process.kill()
        count = len(done)
        await asyncio.sleep(10)
        assert len(done) == count
        return count

    assert (after_s > 0) == (loop.run_until_complete(story()) > 0)
    assert done == list(range(len(done)))
    assert len(done) < 100


def test_who_stands_still_does_nothing_on_its_disk_either(loop: Clockwork) -> None:
    done: list[float] = []
    process = alive()

    async def work() -> None:
        await Disk().do(lambda: done.append(loop.time()))

    async def story() -> None:
        end = process.begin(work)
        await asyncio.sleep(0)
        process.stand()
        loop.call_later(50, process.go_on)
        await end

    loop.run_until_complete(story())
    assert done == [50]


def test_what_waits_is_done_before_it_is_closed_and_nothing_after(loop: Clockwork) -> None:
    done: list[int] = []

    async def story() -> None:
        thread = DiskThread(1, "disk")
        turns: list[Future[None]] = [thread.submit(done.append, number) for number in range(3)]
        thread.shutdown()
        assert done == [0, 1, 2]
        assert all(each.done() for each in turns)
        with pytest.raises(RuntimeError, match="after shutdown"):
            thread.submit(done.append, 3)
        await asyncio.sleep(1)

    loop.run_until_complete(story())
    assert done == [0, 1, 2]


# aiosqlite's. ----------------------------------------------------------------------------------


class Store:
    """A file with numbers, as processes open it."""

    def __init__(self, loop: Clockwork, file: Path) -> None:
        self.loop = loop
        self.file = file
        with sqlite3.connect(file) as plain:
            plain.execute("PRAGMA journal_mode=WAL")
            plain.execute("CREATE TABLE numbers (number INTEGER)")
        plain.close()

    async def opened(self) -> aiosqlite.Connection:
        made = await aiosqlite.connect(self.file, isolation_level=None, timeout=0)
        self.loop.remembered.append(made)
        return made

    def rows(self) -> Rows:
        plain = sqlite3.connect(self.file)
        try:
            return plain.execute("SELECT number FROM numbers ORDER BY number").fetchall()
        finally:
            plain.close()

    def is_free(self) -> bool:
        """Whether another could write."""
        plain = sqlite3.connect(self.file, isolation_level=None, timeout=0)
        try:
            plain.execute("BEGIN IMMEDIATE")
            plain.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        else:
            return True
        finally:
            plain.close()

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                await story()
            finally:
                for each in self.loop.remembered:
                    if isinstance(each, aiosqlite.Connection):
                        each._connection = None  # or it says that nobody closed it

        self.loop.run_until_complete(whole())


@pytest.fixture
def store(loop: Clockwork, tmp_path: Path) -> Store:
    return Store(loop, tmp_path / "store.sqlite")


async def insert(connection: aiosqlite.Connection, number: int) -> None:
    await connection.execute("INSERT INTO numbers VALUES (?)", (number,))


def test_a_statement_takes_virtual_time_and_its_rows_come_back(store: Store) -> None:
    async def story() -> None:
        connection = await store.opened()
        began = store.loop.time()
        await connection.execute("BEGIN")
        await insert(connection, 1)
        await connection.commit()
        assert store.loop.time() - began == pytest.approx(3 * STATEMENT_S)
        async with connection.execute("SELECT number FROM numbers") as cursor:
            assert await cursor.fetchall() == [(1,)]
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await connection.execute("SELECT * FROM letters")
        await connection.close()

    store.run(story)
    assert store.rows() == [(1,)]


@pytest.mark.parametrize("committed", [False, True])
def test_what_the_dead_had_not_committed_is_not_there_and_their_locks_are_gone(
    store: Store, *, committed: bool
) -> None:
    process = alive()

    async def work() -> None:
        connection = await store.opened()
        await connection.execute("BEGIN IMMEDIATE")
        await insert(connection, 1)
        if committed:
            await connection.commit()
            await connection.execute("BEGIN IMMEDIATE")
            await insert(connection, 2)
        await asyncio.sleep(100)

    async def story() -> None:
        store.loop.remembered.append(process.begin(work))
        await asyncio.sleep(1)
        assert not store.is_free()
        process.kill()
        await asyncio.sleep(0.001)
        assert store.is_free()
        await alive("next").begin(next_life)

    async def next_life() -> None:
        connection = await store.opened()
        await connection.execute("BEGIN IMMEDIATE")
        await insert(connection, 3)
        await connection.commit()
        await connection.close()

    store.run(story)
    assert store.rows() == [(1,), (3,)] if committed else [(3,)]


def test_killed_at_any_step_all_of_a_transaction_is_there_or_nothing(store: Store) -> None:
    found = set()

    async def work() -> None:
        connection = await store.opened()
        await connection.execute("BEGIN IMMEDIATE")
        for number in range(3):
            await insert(connection, number)
        await connection.commit()
        await asyncio.sleep(100)

    async def story() -> None:
        for step in range(1, 30):
            process = alive()
            process.after(step, process.kill)
            store.loop.remembered.append(process.begin(work))
            await asyncio.sleep(1)
            process.kill()
            await asyncio.sleep(0.001)
            found.add(len(store.rows()))
            plain = sqlite3.connect(store.file, isolation_level=None, timeout=0)
            plain.execute("DELETE FROM numbers")
            plain.close()

    store.run(story)
    assert found == {0, 3}


def test_who_stands_still_amid_a_transaction_keeps_its_lock(store: Store) -> None:
    process = alive()

    async def work() -> None:
        connection = await store.opened()
        await connection.execute("BEGIN IMMEDIATE")
        await insert(connection, 1)
        await asyncio.sleep(5)
        await connection.commit()
        await connection.close()

    async def story() -> None:
        end = process.begin(work)
        await asyncio.sleep(1)
        process.stand()
        await asyncio.sleep(60)
        assert not store.is_free()
        process.go_on()
        await end
        assert store.is_free()

    store.run(story)
    assert store.rows() == [(1,)]


def test_what_is_asked_while_a_statement_is_under_way_comes_after_it(store: Store) -> None:
    """A caller who has lost his patience rolls back: what he gave up was begun before."""

    async def story() -> None:
        connection = await store.opened()
        await connection.execute("BEGIN IMMEDIATE")
        given_up = asyncio.create_task(insert(connection, 1))
        await asyncio.sleep(0)
        given_up.cancel()
        await connection.rollback()
        await asyncio.sleep(1)
        assert store.is_free()
        assert store.rows() == []
        await connection.close()

    store.run(story)
    assert store.rows() == []

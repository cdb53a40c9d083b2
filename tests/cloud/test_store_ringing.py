"""Bells that ring in every process of a server: two stores stand for two processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from parts import until
from postgres import Cluster

from cloud.bell import Bell
from cloud.store import Store
from cloud.store.ringing import ringing


@dataclass
class Process:
    due: Bell = field(default_factory=Bell)
    news: Bell = field(default_factory=Bell)


@asynccontextmanager
async def a_process(database: str) -> AsyncIterator[Process]:
    """One that hears the others."""
    store, process = Store(database), Process()
    ring = process.due.listen()
    async with ringing(store, {"due": process.due, "news": process.news}):
        async with asyncio.timeout(10):
            await ring.wait()
        yield process
    await store.close()


def ends(postgres: Cluster) -> None:
    """The server ends every connection."""
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'chekomat-cloud'"
    )


def listening(postgres: Cluster) -> int:
    ((count,),) = postgres.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'chekomat-cloud' AND query LIKE 'LISTEN%'"
    )
    return int(count)


@pytest.mark.needs("postgres")
async def test_a_bell_that_one_process_rings_rings_in_the_other(postgres_database: str) -> None:
    async with a_process(postgres_database) as one, a_process(postgres_database) as other:
        for bells in ((one.due, other.due), (other.news, one.news)):
            heard = bells[1].listen()
            bells[0].ring()
            async with asyncio.timeout(10):
                await heard.wait()


@pytest.mark.needs("postgres")
async def test_only_the_bell_that_was_rung_rings_and_no_echo_comes_back(
    postgres_database: str,
) -> None:
    async with a_process(postgres_database) as one, a_process(postgres_database) as other:
        heard, quiet = other.due.listen(), other.news.listen()
        one.due.ring()
        again = one.due.listen()
        async with asyncio.timeout(10):
            await heard.wait()
        assert not quiet.is_set()
        # What came back would have come by the time at which the third of these does.
        for _ in range(3):
            heard = one.news.listen()
            other.news.ring()
            async with asyncio.timeout(10):
                await heard.wait()
        assert not again.is_set()


@pytest.mark.needs("postgres")
async def test_a_process_whose_connection_broke_hears_again(
    postgres_database: str, postgres: Cluster
) -> None:
    async with a_process(postgres_database) as one, a_process(postgres_database) as other:
        missed = other.due.listen()
        ends(postgres)
        # It rings by itself once it hears again: something may have rung meanwhile.
        async with asyncio.timeout(10):
            await missed.wait()
        await until(lambda: listening(postgres) == 2)
        heard = other.due.listen()
        one.due.ring()
        async with asyncio.timeout(10):
            await heard.wait()


async def test_on_a_file_nobody_else_is_rung_for(sqlite_database: Path) -> None:
    store, bell = Store(sqlite_database), Bell()
    before = asyncio.all_tasks()
    async with ringing(store, {"due": bell}):
        assert asyncio.all_tasks() == before
        heard = bell.listen()
        bell.ring()
        assert heard.is_set()
    await store.close()

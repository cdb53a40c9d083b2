"""The desk's tests take a file with the ordinary fleet in it; and a server where it could differ."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from shop import stocked

from cloud.store import Store


@pytest.fixture(scope="session")
def stocked_file(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """Made once: to put a fleet together takes longer than most of what is done with it."""
    file = Path(shutil.copy(migrated, tmp_path_factory.mktemp("store") / "stocked.sqlite"))

    async def put() -> None:
        store = Store(file)
        await stocked(store)
        await store.close()

    asyncio.run(put())
    return file


@pytest.fixture
def sqlite_database(tmp_path: Path, stocked_file: Path) -> Path:
    """A file of today's schema, with the ordinary fleet."""
    return Path(shutil.copy(stocked_file, tmp_path / "cloud.sqlite"))


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """On SQLite."""
    return sqlite_store


@pytest.fixture
async def either(database: str) -> AsyncIterator[Store]:
    """On SQLite, and on PostgreSQL."""
    opened = Store(database)
    yield opened
    await opened.close()


@pytest.fixture
async def empty(tmp_path: Path, migrated: Path) -> AsyncIterator[Store]:
    """Without a fleet."""
    opened = Store(Path(shutil.copy(migrated, tmp_path / "empty.sqlite")))
    yield opened
    await opened.close()

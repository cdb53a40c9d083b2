"""The desk's tests take a file, and a server as well where the two databases could differ."""

from collections.abc import AsyncIterator

import pytest

from cloud.store import Store


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

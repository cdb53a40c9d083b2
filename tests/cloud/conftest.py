"""A store of its own for every test, on both databases, and registers that issue into it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from stores import (
    database,
    kept_open,
    migrated,
    postgres,
    postgres_database,
    postgres_store,
    sqlite_database,
    sqlite_store,
    store,
)

from cloud.store import Store

if TYPE_CHECKING:
    from shop import Register

__all__ = [
    "database",
    "kept_open",
    "migrated",
    "mute",
    "patient",
    "postgres",
    "postgres_database",
    "postgres_store",
    "register",
    "sqlite_database",
    "sqlite_store",
    "store",
]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lets a lane or a seat go may take its time to write that down: a disk may stall."""
    monkeypatch.setattr("cloud.lane.RELEASE_S", 10)
    monkeypatch.setattr("cloud.seat.RELEASE_S", 10)


@pytest.fixture
async def register(store: Store) -> "AsyncIterator[Register]":
    """A register whose pushes arrive."""
    from shop import a_register

    async with a_register(store, pushes=True) as running:
        yield running


@pytest.fixture
async def mute(store: Store) -> "AsyncIterator[Register]":
    """A register that never pushes: it has to be asked."""
    from shop import a_register

    async with a_register(store, pushes=False) as running:
        yield running

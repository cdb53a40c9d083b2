"""A store of its own for every test, and registers that issue into it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from shop import Register, a_register

from cloud.store import Store, migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "migrated.sqlite"
    migrate(file)
    return file


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Path:
    """A database of today's schema, for whoever opens it."""
    return Path(shutil.copy(migrated, tmp_path / "cloud.sqlite"))


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    opened = Store(database)
    yield opened
    await opened.close()


@pytest.fixture
async def register(store: Store) -> AsyncIterator[Register]:
    """A register whose pushes arrive."""
    async with a_register(store, pushes=True) as running:
        yield running


@pytest.fixture
async def mute(store: Store) -> AsyncIterator[Register]:
    """A register that never pushes: it has to be asked."""
    async with a_register(store, pushes=False) as running:
        yield running

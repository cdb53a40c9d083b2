"""A store of its own for every test, on both databases; a conftest imports what it wants of it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres import Cluster, cluster

from cloud.store import Store, migrate
from cloud.store.schema import metadata

POSTGRES = pytest.param("postgres", marks=pytest.mark.needs("postgres"))
BOTH = ["sqlite", POSTGRES]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "migrated.sqlite"
    migrate(file)
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A server; ask for it, or for what is in it, in a test that is marked ``needs("postgres")``."""
    with cluster() as running:
        running.execute("CREATE DATABASE kept")
        migrate(running.url("kept"))
        yield running


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated: Path) -> Path:
    """A file of today's schema."""
    return Path(shutil.copy(migrated, tmp_path / "cloud.sqlite"))


@pytest.fixture(scope="session")
def kept_open(postgres: Cluster) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.url("kept"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def postgres_database(postgres: Cluster, kept_open: psycopg.Connection[Any]) -> Iterator[str]:
    """A database of today's schema on a server, empty: its URL. One test has it after the other."""
    yield postgres.url("kept")
    postgres.empty(kept_open, [*metadata.tables])


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> str:
    """A database of today's schema, for whoever opens it: one test with a file, one with a server."""
    return str(request.getfixturevalue(f"{request.param}_database"))


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = Store(database)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(sqlite_database: Path) -> AsyncIterator[Store]:
    opened = Store(sqlite_database)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres_store(postgres_database: str) -> AsyncIterator[Store]:
    opened = Store(postgres_database)
    yield opened
    await opened.close()

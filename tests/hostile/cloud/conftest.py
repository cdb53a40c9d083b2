"""A store of its own for every test, on both databases; as the cloud's own tests have it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from postgres import Cluster, cluster

from cloud.store import Store, migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "migrated.sqlite"
    migrate(file)
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "cloud.sqlite"))


@pytest.fixture
def postgres_database(postgres: Cluster) -> Iterator[str]:
    with postgres.database() as url:
        migrate(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def database(request: pytest.FixtureRequest) -> str:
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

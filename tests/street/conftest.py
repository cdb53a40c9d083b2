"""A store of the cloud for every test that wants it as the judge."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.store import Store, migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "migrated.sqlite"
    migrate(file)
    return file


@pytest.fixture
async def store(tmp_path: Path, migrated: Path) -> AsyncIterator[Store]:
    opened = Store(Path(shutil.copy(migrated, tmp_path / "cloud.sqlite")))
    yield opened
    await opened.close()

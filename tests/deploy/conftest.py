"""One authority for all tests, one broker for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.secured import Secured, make_authority, secured_broker


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates for everybody who is needed; only to be read."""
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    return folder


@pytest.fixture(scope="module")
def secured(authority: Path) -> Iterator[Secured]:
    """One broker for a module's tests, which leave nothing behind in it."""
    with secured_broker(authority) as running:
        yield running

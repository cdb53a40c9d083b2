"""One authority for all checks; only to be read."""

from pathlib import Path

import pytest
from deploy.secured import make_authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    return folder

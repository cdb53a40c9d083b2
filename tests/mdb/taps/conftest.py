from collections.abc import Iterator
from pathlib import Path

import pytest
from boards.outlet import Socket

from mdb.taps import port


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Socket]:
    made = Socket(tmp_path / "tty")
    yield made
    made.close()


@pytest.fixture
def second_socket(tmp_path: Path) -> Iterator[Socket]:
    made = Socket(tmp_path / "tty2")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(port, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(port, "DTR_S", 0.001)

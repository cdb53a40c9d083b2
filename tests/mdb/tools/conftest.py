from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from console import Started, Terminal


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def start() -> Iterator[Started]:
    with ExitStack() as running:
        yield Started(running)


@pytest.fixture
def polls(tmp_path: Path) -> Path:
    """Ten seconds of a quiet bus."""
    file = tmp_path / "polls.mdb"
    told = (f"{at / 10:.1f} > 12 12\n{at / 10 + 0.005:.3f} < 00\n" for at in range(10, 110))
    file.write_text("".join(told), "utf-8")
    return file

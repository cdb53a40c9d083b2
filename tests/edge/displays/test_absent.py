import asyncio
import os
import tty
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from parts import until

from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.displays.absent import Absent
from edge.displays.pole import Pole
from edge.errors import ConfigError

HELLO = Picture("notice", "Hello", "Hello")


@pytest.fixture
def plugged(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A port's path, where nothing is yet, and the other end of the line that will be there."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    (tmp_path / "line").symlink_to(os.ttyname(theirs))
    yield tmp_path / "port", ours
    os.close(ours)
    os.close(theirs)


def nothing_against(_panel: Panel | None) -> None:
    pass


def unlawful(_panel: Panel | None) -> None:
    raise ConfigError("too small")


async def test_it_is_opened_with_the_first_picture_that_finds_it(
    plugged: tuple[Path, int], tmp_path: Path
) -> None:
    port, line = plugged
    frames = list[str]()
    display = Absent(partial(Pole, str(port)), nothing_against)
    with pytest.raises(OSError, match="port cannot be opened"):
        display.show(HELLO, frames.append)
    assert display.panel is None

    (tmp_path / "line").rename(port)
    display.show(HELLO, frames.append)
    await until(lambda: frames)
    said = b""
    while b"Hello" not in said:  # the line gives it in as many pieces as it likes
        said += await asyncio.to_thread(os.read, line, 4096)
    display.close()


async def test_one_that_turns_out_to_be_unlawful_shows_nothing(
    plugged: tuple[Path, int], tmp_path: Path
) -> None:
    port, _ = plugged
    (tmp_path / "line").rename(port)
    display = Absent(partial(Pole, str(port)), unlawful)
    with pytest.raises(OSError, match="too small"):
        display.show(HELLO, lambda _: None)
    display.close()

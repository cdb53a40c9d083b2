"""The thread that paints: the newest picture wins, and what a driver raises stays with it."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
from parts import until

from edge.buyer.picture import Picture
from edge.displays import Painter


class Glass:
    """A glass that takes as long as the test wants, and can be broken."""

    def __init__(self) -> None:
        self.on_it: list[str] = []
        self.wiped = 0
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()
        self.broken: Exception | None = None
        self.threads: set[int] = set()

    def paint(self, picture: Picture) -> str:
        self.threads.add(threading.get_ident())
        self.begun.set()
        assert self.free.wait(10)
        if self.broken is not None:
            raise self.broken
        self.on_it.append(picture.title)
        return f"hash of {picture.title}"

    def wipe(self) -> None:
        self.wiped += 1
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def glass() -> Glass:
    return Glass()


@pytest.fixture
def painter(glass: Glass) -> Iterator[Painter]:
    made = Painter("glass", glass.paint, glass.wipe)
    yield made
    glass.free.set()
    made.close()


def picture(title: str) -> Picture:
    return Picture("idle", title, "")


async def test_a_picture_is_painted_elsewhere_and_told_in_the_event_loop(
    glass: Glass, painter: Painter
) -> None:
    told: list[tuple[str, int]] = []
    painter.show(picture("one"), lambda frame: told.append((frame, threading.get_ident())))
    await until(lambda: told)
    assert told == [("hash of one", threading.get_ident())]
    assert threading.get_ident() not in glass.threads


async def test_of_the_pictures_that_wait_only_the_newest_is_painted(
    glass: Glass, painter: Painter
) -> None:
    told: list[str] = []
    glass.free.clear()
    painter.show(picture("first"), told.append)
    await asyncio.to_thread(glass.begun.wait, 10)
    for title in ("second", "third", "last"):
        painter.show(picture(title), told.append)
    glass.free.set()
    await until(lambda: told)
    assert glass.on_it == ["first", "last"]
    assert told == ["hash of last"]


async def test_a_failure_is_one_line_nothing_painted_and_a_wiped_glass(
    glass: Glass, painter: Painter, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    glass.broken = OSError("no such device")
    painter.show(picture("lost"), told.append)
    await until(lambda: glass.wiped)
    glass.broken = None
    painter.show(picture("shown"), told.append)
    await until(lambda: told)
    assert told == ["hash of shown"]
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert [each.getMessage() for each in errors] == ["display glass: no such device"]
    assert errors[0].exc_info is None


async def test_an_error_without_words_is_told_by_its_name(
    glass: Glass, painter: Painter, caplog: pytest.LogCaptureFixture
) -> None:
    glass.broken = AssertionError()
    painter.show(picture("lost"), lambda _: None)
    await until(lambda: glass.wiped)
    assert "display glass: AssertionError" in caplog.messages


async def test_closing_wipes_the_glass_and_tells_nothing_more(glass: Glass) -> None:
    told: list[str] = []
    painter = Painter("glass", glass.paint, glass.wipe)
    painter.show(picture("one"), told.append)
    painter.close()
    painter.close()
    await asyncio.sleep(0)
    assert glass.wiped == 1
    assert told == []


async def test_a_glass_that_hangs_is_left_behind_and_said(
    glass: Glass, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.displays.PATIENCE_S", 0.05)
    painter = Painter("glass", glass.paint, glass.wipe)
    glass.free.clear()
    painter.show(picture("one"), lambda _: None)
    await asyncio.to_thread(glass.begun.wait, 10)
    painter.close()
    assert "display glass: does not answer; left as it is" in caplog.messages
    glass.free.set()
    painter.close()
    assert len(caplog.messages) == 1

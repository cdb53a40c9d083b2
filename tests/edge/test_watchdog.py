"""The watchdog: decided by a table of times, fed over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from parts import until

from edge.notify import Notify
from edge.watchdog import LIMITS_S, Part, Probe, Progress, Watchdog, feed

ALL: tuple[Part, ...] = ("bus", "outbox", "link")


def may_feed(marks: dict[Part, float], now: float, *, waits: bool = False) -> bool:
    progress = Progress(0.0)
    for part, at in marks.items():
        progress.mark(part, at)
    return Watchdog(progress, lambda: waits).may_feed(now)


@pytest.mark.parametrize("part", ALL)
def test_a_part_that_stands_still_beyond_its_limit_ends_the_feeding(part: Part) -> None:
    limit = LIMITS_S[part]
    others = {each: 1000.0 for each in ALL if each != part}
    assert may_feed({**others, part: 1000.0 - limit}, 1000.0)
    assert not may_feed({**others, part: 1000.0 - limit - 0.1}, 1000.0)


def test_at_the_start_every_part_has_its_whole_limit() -> None:
    assert may_feed({}, min(LIMITS_S.values()))
    assert not may_feed({}, min(LIMITS_S.values()) + 0.1)


@pytest.mark.parametrize("part", ALL)
def test_a_sale_that_waits_for_the_disk_is_worth_more_than_a_restart(part: Part) -> None:
    marks = {each: 9000.0 for each in ALL if each != part}
    assert not may_feed(marks, 9000.0)
    assert may_feed(marks, 9000.0, waits=True)


def test_it_tells_what_stands_still() -> None:
    progress = Progress(0.0)
    watchdog = Watchdog(progress, lambda: False)
    assert watchdog.words(10) == ""
    progress.mark("outbox", 100)
    progress.mark("link", 100)
    assert watchdog.words(101) == "bus for 101 s"


class Machine:
    """Boot time that the test turns, and what systemd heard."""

    def __init__(self, heard: socket.socket) -> None:
        self.now = 0.0
        self.waits = False
        self.progress = Progress(0.0)
        self._heard = heard

    def fed(self) -> int:
        """How often since the last question."""
        count = 0
        with suppress(BlockingIOError):
            while self._heard.recv(64) == b"WATCHDOG=1":
                count += 1
        return count


@asynccontextmanager
async def fed_machine(folder: Path, probes: dict[Part, Probe]) -> AsyncIterator[Machine]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.setblocking(False)
        heard.bind(str(folder / "notify"))
        machine = Machine(heard)
        notify = Notify(str(folder / "notify"), watchdog_s=0.015)
        feeding = asyncio.create_task(
            feed(notify, machine.progress, lambda: machine.waits, probes, lambda: machine.now)
        )
        try:
            yield machine
            assert not feeding.done()
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding


async def well() -> bool:
    return True


async def test_it_is_fed_again_and_again_while_all_get_on(tmp_path: Path) -> None:
    async with fed_machine(tmp_path, dict.fromkeys(ALL, well)) as machine:
        for _ in range(3):
            machine.now += 1000
            await until(machine.fed)


async def test_it_starves_when_one_stands_still_and_says_which(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with fed_machine(tmp_path, {"outbox": well, "link": well}) as machine:
        await until(machine.fed)
        machine.now = 50.0
        await until(lambda: "no progress: bus for 50 s; systemd will restart it" in caplog.text)
        machine.fed()
        machine.now = 60.0
        rounds = 0

        def many_rounds() -> bool:
            nonlocal rounds
            rounds += 1
            return rounds > 20

        await until(many_rounds)
        assert machine.fed() == 0
        assert caplog.text.count("no progress") == 1
        machine.waits = True
        await until(machine.fed)
        assert "bus for 60 s; a sale waits for the disk" in caplog.text
        machine.waits = False
        machine.progress.mark("bus", machine.now)
        await until(lambda: "progress again" in caplog.text)
        await until(machine.fed)


async def test_a_probe_that_never_comes_back_is_asked_once_and_holds_up_no_other(
    tmp_path: Path,
) -> None:
    asked = {"outbox": 0, "link": 0}

    async def stuck() -> bool:
        asked["outbox"] += 1
        await asyncio.Event().wait()
        return True

    async def link() -> bool:
        asked["link"] += 1
        return True

    async with fed_machine(tmp_path, {"bus": well, "outbox": stuck, "link": link}) as machine:
        await until(lambda: asked["link"] > 5)
        assert asked["outbox"] == 1
        assert list(machine.progress.late(121.0)) == ["bus", "outbox", "link"]
        machine.now = 121.0
        await until(lambda: list(machine.progress.late(121.0)) == ["outbox"])


async def test_a_probe_that_says_no_or_fails_is_no_progress(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def no() -> bool:
        return False

    async def fails() -> bool:
        raise ValueError("no thread")

    async with fed_machine(tmp_path, {"bus": well, "outbox": no, "link": fails}) as machine:
        machine.now = 500.0
        await until(lambda: list(machine.progress.late(500.0)) == ["outbox", "link"])
        await until(lambda: "probe of the link failed" in caplog.text)


async def test_without_a_watchdog_there_is_nothing_to_do() -> None:
    async with asyncio.timeout(20):
        await feed(Notify(), Progress(0.0), lambda: False, {}, lambda: 0.0)

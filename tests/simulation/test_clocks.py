"""Time and chance: each computer's own while the world stands, and the real ones after it."""

import asyncio
import os
import random
import secrets
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

import pytest
from simulation.clocks import BEGAN_S, OwnClock, ours
from simulation.clockwork import Clockwork
from simulation.process import Computer, Process

from cloud.clock import SinceBoot, now_ms, since_boot

T = TypeVar("T")
BORROWED = (
    *((time, name) for name in ("time", "time_ns", "monotonic", "clock_gettime")),
    *((time, "clock_gettime_ns"), (os, "urandom"), (os, "getpid"), (socket, "gethostname")),
    (random, "_urandom"),
)


@pytest.fixture
def clocks(loop: Clockwork) -> Iterator[None]:
    with ours(loop, Random(1)):
        yield


def on(computer: Computer, ask: Callable[[], T], loop: Clockwork, at: float = 0.0) -> T:
    """What a process of that computer is told then."""

    async def work() -> T:
        return ask()

    async def story() -> T:
        await asyncio.sleep(at - loop.time())
        return await Process("one", computer).begin(work)

    return loop.run_until_complete(story())


@pytest.mark.usefixtures("clocks")
def test_each_computer_has_a_time_of_day_of_its_own(loop: Clockwork) -> None:
    right, wrong = Computer("right"), Computer("wrong", wall_s=-3600)
    for at in (0.0, 100.25):
        assert on(right, time.time, loop, at) == BEGAN_S + at
        assert on(wrong, time.time, loop, at) == BEGAN_S + at - 3600
        of_wrong = pytest.approx(BEGAN_S + at - 3600, abs=0.001)
        assert on(wrong, time.time_ns, loop, at) / 1e9 == of_wrong
        assert on(wrong, now_ms, loop, at) / 1e3 == of_wrong
    wrong.wall_s = 86_400
    assert on(wrong, time.time, loop, 200) == BEGAN_S + 200 + 86_400


@pytest.mark.usefixtures("clocks")
def test_nobodys_time_of_day_is_the_truth(loop: Clockwork) -> None:
    loop.run_until_complete(asyncio.sleep(5))
    assert time.time() == BEGAN_S + 5


@pytest.mark.usefixtures("clocks")
def test_a_jump_of_the_time_of_day_moves_no_timer(loop: Clockwork) -> None:
    computer = Computer("pi")

    def both() -> tuple[float, float]:
        return time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)

    before = on(computer, both, loop, 10)
    computer.wall_s = 10 * 365 * 86_400
    after = on(computer, both, loop, 25)
    assert [late - early for early, late in zip(before, after, strict=True)] == [15, 15]


@pytest.mark.usefixtures("clocks")
def test_boot_time_begins_with_a_boot_and_has_its_name(loop: Clockwork) -> None:
    computer = Computer("pi")
    assert on(computer, since_boot, loop, 10) == SinceBoot("pi-boot-1", 1_010_000)
    computer.reboot(60.0)
    assert on(computer, since_boot, loop, 61.5) == SinceBoot("pi-boot-2", 1500)
    assert on(Computer("cloud"), since_boot, loop, 61.5) == SinceBoot("cloud-boot-1", 1_061_500)


@pytest.mark.usefixtures("clocks")
def test_an_agents_clock_says_the_same_with_its_quality(loop: Clockwork) -> None:
    computer = Computer("pi", wall_s=90)
    clock = OwnClock(loop, computer)
    moment = on(computer, clock.now, loop, 10)
    assert moment.unix_ms / 1e3 == on(computer, time.time, loop, 10) == BEGAN_S + 100
    assert moment.boottime_ms == on(computer, since_boot, loop, 10).ms
    assert clock.boottime() == 1010
    assert (moment.boot_id, moment.quality) == ("pi-boot-1", "synced")
    computer.synced = False
    computer.reboot(20)
    moment = on(computer, clock.now, loop, 21)
    assert (moment.boottime_ms, moment.boot_id, moment.quality) == (1000, "pi-boot-2", "unsynced")


@pytest.mark.usefixtures("clocks")
def test_a_host_is_called_as_its_computer(loop: Clockwork) -> None:
    assert on(Computer("pi"), socket.gethostname, loop) == "pi"
    assert socket.gethostname() == "nowhere"


def _drawn(seed: int) -> list[object]:
    """Whatever the product may draw from."""
    loop = Clockwork()
    with ours(loop, Random(seed)):
        drawn: list[object] = [
            os.urandom(8),
            secrets.token_hex(8),
            uuid.uuid4(),
            random.random(),
            random.SystemRandom().random(),
            os.getpid(),
        ]
    loop.close()
    return drawn


def test_all_chance_is_of_one_seed() -> None:
    first, second = _drawn(7), _drawn(8)
    assert first == _drawn(7)
    same = [one == other for one, other in zip(first, second, strict=True)]
    assert same == [False] * 5 + [True]


def test_after_the_block_time_and_chance_are_everybodys(loop: Clockwork) -> None:
    before = [getattr(module, name) for module, name in BORROWED]
    state = random.getstate()
    amid: list[object] = []

    def fall_over() -> None:
        with ours(loop, Random(1)):
            amid.extend(getattr(module, name) for module, name in BORROWED)
            raise KeyError

    with pytest.raises(KeyError):
        fall_over()
    assert not [ours for ours, theirs in zip(amid, before, strict=True) if ours is theirs]
    assert [getattr(module, name) for module, name in BORROWED] == before
    assert random.getstate() == state
    assert since_boot().boot_id.count("-") == 4

import argparse
import asyncio
import fcntl
import logging
import os
import pty
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from console import Started

from mdb import Signal
from mdb.byte import Break
from mdb.tools.listening import (
    Silence,
    TapFailedError,
    above_zero,
    listen,
    open_named,
    silence_words,
    telling,
)
from mdb.tools.mistake import MistakeError


class Bus:
    """A tap of a few signals; then it ends, fails or waits for ever."""

    vmc_only = False

    def __init__(self, count: int, end: str = "ends") -> None:
        self._count = count
        self._end = end
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[Signal]:
        try:
            for at in range(self._count):
                yield Break(float(at))
            if self._end == "fails":
                raise OSError(5, "Input/output error")
            if self._end == "waits":
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def nothing() -> None:
    return


async def test_every_signal_is_taken_until_the_tap_ends() -> None:
    taken: list[Signal] = []
    await listen(Bus(1000), taken.append, nothing, 60)
    assert [each.at for each in taken] == list(range(1000))


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
async def test_the_user_may_have_heard_enough(which: signal.Signals) -> None:
    bus = Bus(3, "waits")

    def take(told: Signal) -> None:
        if told.at == 2:
            os.kill(os.getpid(), which)

    await listen(bus, take, nothing, 60)
    assert bus.closed


async def test_a_tap_that_never_waits_does_not_keep_ctrl_c_from_being_heard() -> None:
    taken = 0

    def take(_: Signal) -> None:
        nonlocal taken
        taken += 1
        if taken == 10:
            os.kill(os.getpid(), signal.SIGINT)

    await listen(Bus(10**9), take, nothing, 60)
    assert taken < 10**6


async def test_a_tap_that_gives_up_is_an_error_of_its_own() -> None:
    taken: list[Signal] = []
    with pytest.raises(TapFailedError, match="the tap gave up: Input/output error"):
        await listen(Bus(2, "fails"), taken.append, nothing, 60)
    assert len(taken) == 2


async def test_what_goes_wrong_in_taking_is_not_hidden() -> None:
    def take(_: Signal) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await listen(Bus(1, "waits"), take, nothing, 60)


async def test_it_ticks_while_nothing_is_heard() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            os.kill(os.getpid(), signal.SIGINT)

    await listen(Bus(0, "waits"), lambda _: None, tick, 0.001)
    assert ticks >= 3


def test_a_silence_is_told_once_and_so_is_its_end() -> None:
    silence = Silence(5, 100)
    assert not silence.look(104.9)
    assert silence.look(105)
    assert not silence.look(200)
    assert silence.length(200) == 100
    assert silence.heard(201) == 101
    assert silence.heard(202) is None
    assert not silence.look(206.9)
    assert silence.look(207)


def test_a_silence_names_what_to_check() -> None:
    told = silence_words("uart:/dev/ttyAMA0", 5)
    assert told.startswith("nothing heard for 5 s")
    assert "`python -m mdb wiring uart`" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("telepathy:", "telepathy:: no tap is called 'telepathy'"),
        ("replay:/nowhere.mdb", "replay:/nowhere.mdb: No such file or directory"),
        ("virtual:1", "virtual:1: "),
    ],
)
def test_a_tap_that_cannot_be_opened_is_a_mistake(name: str, told: str) -> None:
    with pytest.raises(MistakeError) as mistake:
        open_named(name)
    assert str(mistake.value).startswith(told)


def test_a_port_in_use_ends_the_command_at_once(start: Started, tmp_path: Path) -> None:
    end, other = pty.openpty()
    port = os.ttyname(other)
    fcntl.flock(other, fcntl.LOCK_EX)
    for command in (["watch", f"lines:{port}"], ["record", f"uart:{port}", tmp_path / "bus.mdb"]):
        running = start(*command)
        _, told = running.communicate(timeout=20)
        assert running.returncode == 2
        assert f": {port} is in use by another program; see which with: sudo fuser -v" in told
        assert "systemctl stop chekomat-edge" in told
    assert not list(tmp_path.iterdir())
    os.close(end)
    os.close(other)


def test_a_number_above_zero() -> None:
    assert above_zero("0.5") == 0.5
    for told in ("0", "-1", "nan", "inf", "many"):
        with pytest.raises(argparse.ArgumentTypeError, match="no number above 0"):
            above_zero(told)


def test_what_taps_log_is_told() -> None:
    said: list[str] = []
    log = logging.getLogger("mdb.taps.port")
    with telling(said.append):
        log.warning("%s is gone", "/dev/ttyACM0")
    log.info("nobody is told")
    assert said == ["/dev/ttyACM0 is gone"]

"""Time and chance as the product asks for them: of this world, and of the computer whose step it is."""

import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Final
from unittest.mock import patch

from simulation.clockwork import Clockwork
from simulation.process import PROCESS, Computer

from cloud import clock
from edge.clock import Moment

BEGAN_S: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()
"""When the world began, in Unix seconds."""
NOWHERE: Final = Computer("nowhere")


def computer() -> Computer:
    """Whose clocks are read; nobody's are right, and were started long ago."""
    process = PROCESS.get()
    return NOWHERE if process is None else process.computer


class _BootId:
    """What the kernel writes where a process looks for its boot."""

    def read_text(self, _encoding: str) -> str:
        return computer().boot_id


@contextmanager
def ours(loop: Clockwork, chance: Random) -> Iterator[None]:
    """Until the block ends, whoever asks for the time or for chance is told the world's."""

    def wall() -> float:
        return BEGAN_S + loop.time() + computer().wall_s

    def since_boot(_clock: int = 0) -> float:
        return loop.time() - computer().booted_at

    def in_ns(seconds: float) -> int:
        return round(seconds * 1e9)

    before = random.getstate()
    random.seed(chance.getrandbits(64))
    with (
        patch.object(time, "time", wall),
        patch.object(time, "time_ns", lambda: in_ns(wall())),
        patch.object(time, "monotonic", loop.time),
        patch.object(time, "clock_gettime", since_boot),
        patch.object(time, "clock_gettime_ns", lambda _clock: in_ns(since_boot())),
        patch.object(os, "urandom", chance.randbytes),
        patch.object(os, "getpid", lambda: 1),
        patch.object(socket, "gethostname", lambda: computer().name),
        patch.object(random, "_urandom", chance.randbytes),
        patch.object(clock, "_BOOT_ID", _BootId()),
    ):
        try:
            yield
        finally:
            random.setstate(before)


class OwnClock:
    """The clock of one computer, as an agent asks it."""

    def __init__(self, loop: Clockwork, of: Computer) -> None:
        self._loop = loop
        self._of = of

    def boottime(self) -> float:
        return self._loop.time() - self._of.booted_at

    def now(self) -> Moment:
        wall_ms = round(1000 * (BEGAN_S + self._loop.time() + self._of.wall_s))
        quality = "synced" if self._of.synced else "unsynced"
        return Moment(wall_ms, round(1000 * self.boottime()), self._of.boot_id, quality)

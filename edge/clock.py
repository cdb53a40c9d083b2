"""The clock: wall time with its quality, and boot time for every timer.

A Raspberry Pi has no clock that runs while it is off. Wall time may be weeks behind, or jump; it
is recorded and never compared. `CLOCK_BOOTTIME` only goes forward, also through a suspend.
"""

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from edge.wire.messages import Quality

_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 256
"""More than `struct timex` has on any Linux."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks: Unix milliseconds, and milliseconds since this boot."""

    unix_ms: int
    boottime_ms: int
    boot_id: str
    quality: Quality

    @property
    def iso(self) -> str:
        """Wall time in UTC: ``2026-11-23T15:42:10.512Z``."""
        return iso(self.unix_ms)


def iso(unix_ms: int) -> str:
    """Unix milliseconds as text in UTC: ``2026-11-23T15:42:10.512Z``."""
    when = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_ms(time: str) -> int | None:
    """Unix milliseconds of a text with a zone; None if it is none."""
    try:
        told = datetime.fromisoformat(time)
        return None if told.tzinfo is None else round(told.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


class Clock(Protocol):
    """Where time comes from; nothing else in the package asks the system."""

    def now(self) -> Moment:
        """This instant; never blocks, never fails."""
        ...

    def boottime(self) -> float:
        """Seconds since the boot; only goes forward."""
        ...


class SystemClock:
    """The machine's own clock."""

    def __init__(self) -> None:
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        self._libc = ctypes.CDLL(None)

    def now(self) -> Moment:
        """This instant."""
        boottime_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        unix_ms = time.time_ns() // 1_000_000
        return Moment(unix_ms, boottime_ms, self._boot_id, self._quality())

    def boottime(self) -> float:
        """Seconds since the boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def _quality(self) -> Quality:
        """Ask the kernel, with no modes set: any user may, and every time daemon tells it."""
        timex = ctypes.create_string_buffer(_TIMEX_BYTES)
        state = self._libc.adjtimex(timex)
        return "unsynced" if state in {-1, _TIME_ERROR} else "synced"

"""The clock: wall time to record, and time since boot to hold it against.

A wall clock may step. What must not be forgotten in time, a provider's memory of a key, is counted
by both, and is over as soon as either says so.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class SinceBoot:
    """Milliseconds since a boot, and which boot."""

    boot_id: str
    ms: int


def now_ms() -> int:
    """Unix milliseconds, by the wall."""
    return time.time_ns() // 1_000_000


def utc_now() -> datetime:
    """The same, as a date and a time in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def since_boot() -> SinceBoot:
    """Milliseconds since this boot."""
    return SinceBoot(
        _BOOT_ID.read_text("ascii").strip(),
        time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
    )

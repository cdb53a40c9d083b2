import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from specimens import BOOT

from edge.clock import Moment, Quality, SystemClock


@pytest.mark.parametrize(
    ("unix_ms", "iso"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_795_448_530_512, "2026-11-23T15:42:10.512Z"),
        (1_795_448_530_000, "2026-11-23T15:42:10.000Z"),
    ],
)
def test_wall_time_is_written_in_utc_with_milliseconds(unix_ms: int, iso: str) -> None:
    assert Moment(unix_ms, 0, BOOT, "synced").iso == iso


def test_the_system_s_clock_tells_this_moment_of_this_boot() -> None:
    moment = SystemClock().now()
    behind = datetime.now(UTC) - datetime.fromisoformat(moment.iso)
    assert timedelta(0) <= behind < timedelta(seconds=5)
    assert moment.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    assert abs(moment.boottime_ms / 1000 - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
    assert moment.quality in get_args(Quality)


def test_boot_time_only_goes_forward() -> None:
    clock = SystemClock()
    told = [clock.boottime() for _ in range(1000)]
    assert told == sorted(told)
    assert told[0] < told[-1]

"""The clock: whether it is right, and whether it stays so without a network."""

from pathlib import Path
from typing import Final

from edge.checks import Finding
from edge.clock import Moment, SystemClock

NAME: Final = "clock"
RTC: Final = Path("/sys/class/rtc")
FIRST_YEAR, LAST_YEAR = "2026", "2099"


def check(rtc: Path = RTC) -> Finding:
    """The computer's clock."""
    battery = rtc.is_dir() and any(rtc.iterdir())
    return judge(SystemClock().now(), battery=battery)


def judge(now: Moment, *, battery: bool) -> Finding:
    """What this moment says of the clock; `battery` is a clock chip that runs without power."""
    kept = "a clock chip keeps it" if battery else "no clock chip keeps it without power"
    told = f"{now.iso}, {kept}"
    if not FIRST_YEAR <= now.iso[:4] <= LAST_YEAR:
        return Finding(
            NAME,
            "fail",
            f"{told}; that cannot be",
            "certificates are refused until it is right: connect the network, or set it by hand:"
            " sudo timedatectl set-ntp true; a clock chip (RTC) with a battery helps for good",
        )
    if now.quality != "synced":
        return Finding(
            NAME,
            "warn",
            f"{told}; nothing has set it since the start",
            "see `timedatectl`: is systemd-timesyncd on, is UDP port 123 open? Sales are kept"
            " and marked as made by an unsure clock",
        )
    return Finding(NAME, "ok", f"{told}, set by the network")

"""The clock: whether it is right, and whether it stays so without a network."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.checks import Finding, both
from edge.clock import Moment, SystemClock
from edge.technician.words import wall_time
from edge.wire.messages import Quality

NAME: Final = "clock"
RTC: Final = Path("/sys/class/rtc")
FIRST_YEAR, LAST_YEAR = "2026", "2099"


def check(told: Quality | None = None, rtc: Path = RTC) -> Finding:
    """The computer's clock; `told` is what a running agent knows of the time by other means."""
    battery = rtc.is_dir() and any(rtc.iterdir())
    now = SystemClock().now()
    if told == "corrected" and now.quality != "synced":
        now = replace(now, quality=told)
    return judge(now, battery=battery)


def judge(now: Moment, *, battery: bool) -> Finding:
    """What this moment says of the clock; `battery` is a clock chip that runs without power."""
    kept = (
        both("есть модуль часов (RTC)", "a clock chip keeps it")
        if battery
        else both("без питания собьются: модуля часов нет", "no clock chip keeps it without power")
    )
    told = both("{now}, {kept}", "{now}, {kept}", now=wall_time(now.iso), kept=kept)
    if not FIRST_YEAR <= now.iso[:4] <= LAST_YEAR:
        return Finding(
            NAME,
            "fail",
            both("{told}; так быть не может", "{told}; that cannot be", told=told),
            both(
                "с неверными часами сертификаты не принимаются: подключите сеть или выставьте время:"
                " sudo timedatectl set-ntp true; навсегда поможет модуль часов (RTC) с батарейкой",
                "certificates are refused until it is right: connect the network, or set it by hand:"
                " sudo timedatectl set-ntp true; a clock chip (RTC) with a battery helps for good",
            ),
        )
    if now.quality == "corrected":
        return Finding(
            NAME,
            "ok",
            both(
                "{told}; время автомату сказало облако",
                "{told}; the cloud has told the machine the time",
                told=told,
            ),
        )
    if now.quality != "synced":
        return Finding(
            NAME,
            "warn",
            both(
                "{told}; с запуска никто их не сверил",
                "{told}; nothing has set it since the start",
                told=told,
            ),
            both(
                "см. `timedatectl`: включён ли systemd-timesyncd, открыт ли порт UDP 123? Продажи"
                " сохраняются с отметкой, что часы были не сверены",
                "see `timedatectl`: is systemd-timesyncd on, is UDP port 123 open? Sales are kept"
                " and marked as made by an unsure clock",
            ),
        )
    return Finding(
        NAME, "ok", both("{told}, сверены по сети", "{told}, set by the network", told=told)
    )

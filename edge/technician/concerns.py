"""What needs a hand, judged from a status alone: at the console, on the page, in the cloud.

Pure. Each rule finds none, one or several cases; the words of a case are filled in from it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from edge.technician.advice import WORDINGS
from edge.technician.status import Status
from edge.technician.words import Text, duration, wall_time

GRACE_S: Final = 60.0
"""So long after its start, or after a loss, nobody is called: it may still come by itself."""
SILENT_S: Final = 30.0
"""A VMC that is switched on polls several times a second."""
OLD_S: Final = 3600.0
"""A sale that the cloud has not taken for so long has no receipt either."""
FREE_MB: Final = 100
CERT_DAYS: Final = 21
MONEY: Final = frozenset({0x08, 0x10, 0x30, 0x60})
"""Changer, cashless 1, bill validator, cashless 2: their money has a scale."""


class Concern(msgspec.Struct, frozen=True):
    """One thing that needs a hand. `urgent`: sales or receipts suffer while it lasts."""

    what: str
    """Which rule: a word that does not change, for programs."""
    urgent: bool
    words: Text
    advice: Text


Values = Mapping[str, str | Text]


def concerns(status: Status) -> list[Concern]:
    """All of them, the urgent ones first; an empty list means that all is well."""
    return [
        Concern(
            each.what,
            each.urgent,
            each.words.with_values(**values),
            each.advice.with_values(**values),
        )
        for each in WORDINGS
        for values in RULES[each.what](status)
    ]


def _tap_gone(status: Status) -> Iterator[Values]:
    if not status.bus.alive:
        yield {"tap": status.bus.tap}


def _bus_silent(status: Status) -> Iterator[Values]:
    heard = status.bus.last_byte_s
    silent = status.uptime_s if heard is None else heard
    if status.bus.alive and silent > (GRACE_S if heard is None else SILENT_S):
        yield {"age": duration(silent)}


def _scale_unknown(status: Status) -> Iterator[Values]:
    for each in status.bus.peripherals:
        if each.address in MONEY and each.scale is None:
            yield {"name": each.name or f"0x{each.address:02x}"}


def _disk_refuses(status: Status) -> Iterator[Values]:
    if status.outbox.waiting:
        yield {"count": str(status.outbox.waiting)}


def _disk_nearly_full(status: Status) -> Iterator[Values]:
    free = status.outbox.disk_free_mb
    if free is not None and free < FREE_MB:
        yield {"free": str(free)}


def _pending_old(status: Status) -> Iterator[Values]:
    oldest = status.outbox.oldest
    if oldest is None:
        return
    age = status.uptime_s if oldest.age_s is None else oldest.age_s
    if age > OLD_S:
        yield {
            "age": duration(age),
            "seq": str(oldest.seq),
            "pending": str(status.outbox.pending),
        }


def _broker_away(status: Status) -> Iterator[Values]:
    link = status.link
    away = status.uptime_s if link.since_s is None else link.since_s
    if not link.connected and away > GRACE_S:
        why = f" ({link.last_error})" if link.last_error else ""
        yield {"broker": link.broker, "age": duration(away), "why": why}


def _cloud_away(status: Status) -> Iterator[Values]:
    link = status.link
    if link.connected and link.cloud_online is False:
        yield {}


def _cert_ends(status: Status) -> Iterator[Values]:
    days = status.link.cert_days
    if days is not None and 0 <= days < CERT_DAYS:
        yield {"days": str(days)}


def _cert_ended(status: Status) -> Iterator[Values]:
    if status.link.cert_days is not None and status.link.cert_days < 0:
        yield {}


def _clock_unsynced(status: Status) -> Iterator[Values]:
    if status.clock.quality == "unsynced" and status.uptime_s > GRACE_S:
        yield {"now": wall_time(status.clock.now)}


def _display_fails(status: Status) -> Iterator[Values]:
    for each in status.displays:
        if each.failing:
            yield {"name": each.name, "why": each.failing}


def _printer(*troubles: str) -> Callable[[Status], Iterator[Values]]:
    def cases(status: Status) -> Iterator[Values]:
        for each in status.printers:
            if each.trouble in troubles:
                yield {"name": each.name, "why": each.status or each.trouble}

    return cases


def _set_aside(kind: str) -> Callable[[Status], Iterator[Values]]:
    def cases(status: Status) -> Iterator[Values]:
        count: int = getattr(status.outbox.quarantine, kind)
        if count:
            yield {"count": str(count)}

    return cases


RULES: Final[Mapping[str, Callable[[Status], Iterator[Values]]]] = {
    "tap_gone": _tap_gone,
    "bus_silent": _bus_silent,
    "disk_refuses": _disk_refuses,
    "cert_ended": _cert_ended,
    "broker_away": _broker_away,
    "cloud_away": _cloud_away,
    "pending_old": _pending_old,
    "display_failing": _display_fails,
    "paper_out": _printer("paper_out"),
    "cover_open": _printer("cover_open"),
    "printer_failing": _printer("offline", "error"),
    "scale_unknown": _scale_unknown,
    "paper_low": _printer("paper_low"),
    "disk_nearly_full": _disk_nearly_full,
    "clock_unsynced": _clock_unsynced,
    "cert_ends": _cert_ends,
    "outcome_unknown": _set_aside("outcome_unknown"),
    "salvaged": _set_aside("salvaged"),
    "malformed": _set_aside("malformed"),
}

"""What the registers of a group say of themselves, judged. Pure.

From `/devices/status/{inn}/{group}`: until when a drive may be used, and how long its documents
have been waiting for the operator of fiscal data.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from cloud.calling import number
from cloud.providers import Finding
from cloud.providers.orange.answers import folded

TERM_DAYS: Final = 30
"""A certificate or a drive that runs out sooner is worth a word."""
UNSENT_DAYS: Final = 3
BLOCKED_DAYS: Final = 30
"""So long after its first unconfirmed document a drive blocks itself (54-FZ art. 4.1 p. 1)."""


def findings(group: str, devices: Iterable[object], today: date) -> list[Finding]:
    """A group's registers on a day; one without any takes receipts and never issues them."""
    found = [line for each in devices for line in _device(folded(each), today)]
    if found:
        return found
    text = f"the group {group} has no register: a receipt would wait in silence for 30 days"
    return [Finding("bad", text)]


def term(what: str, until: date, today: date) -> Finding:
    """How long something may still be used."""
    left = (until - today).days
    if left < 0:
        return Finding("bad", f"{what}: it ran out on {until}")
    text = f"{what}: good until {until}, {left} days"
    return Finding("good" if left >= TERM_DAYS else "warning", text)


def _device(device: Mapping[str, Any], today: date) -> Iterable[Finding]:
    name = f"register {device.get('devicesn')}, drive {device.get('fsnumber')}"
    until = _day(device.get("fsexpirationdate"))
    if until is None:
        yield Finding("warning", f"{name}: it is not told until when the drive may be used")
    else:
        yield term(name, until, today)
    unsent = number(device.get("unsentdocumentscount"))
    if unsent:
        since = _day(device.get("firstunsentdocumentdate"))
        yield _waiting(f"{name}: {unsent} documents not yet sent to the tax service", since, today)


def _waiting(what: str, since: date | None, today: date) -> Finding:
    if since is None:
        return Finding("warning", f"{what}, and it is not told since when")
    age = (today - since).days
    if age >= BLOCKED_DAYS:
        return Finding("bad", f"{what} for {age} days: the drive has blocked itself")
    if age >= UNSENT_DAYS:
        left = BLOCKED_DAYS - age
        return Finding("warning", f"{what} for {age} days: in {left} the drive blocks itself")
    return Finding("good", what)


def _day(told: object) -> date | None:
    try:
        return date.fromisoformat(str(told)[:10])
    except ValueError:
        return None

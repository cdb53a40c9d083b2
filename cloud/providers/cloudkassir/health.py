"""The health of a register, as `/kkt/state/get` tells it. Pure: today is an argument."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, Literal

from cloud.calling import number
from cloud.providers import Finding
from cloud.providers.cloudkassir.answer import warnings

Level = Literal["good", "warning", "bad"]

NEARLY_FULL: Final = 0.9
LONG_QUEUE: Final = 20
"""Documents that wait for the operator of fiscal data; a few are ordinary."""
SOON: Final = timedelta(days=30)
ONLINE: Final = 1
STATUSES: Final = {1: "online", 2: "offline", 3: "in error"}


def register_named(told: Mapping[str, Any]) -> str:
    """How a finding names a register."""
    return f"register {told.get('DeviceNumber')}, drive {told.get('FiscalNumber')}"


def health(state: Mapping[str, Any], today: date) -> list[Finding]:
    """One finding for each thing that is told."""
    name, status = register_named(state), number(state.get("Status"))
    word = STATUSES.get(status or 0, f"in state {state.get('Status')}")
    found = [Finding("good" if status == ONLINE else "bad", f"{name}: {word}")]
    if state.get("IsReceiptProcessingBlocked") is True:
        found.append(Finding("bad", f"{name}: blocked, it issues no receipts"))
    full = state.get("FnOccupancy")
    if isinstance(full, int | float):
        text = f"{name}: the drive is {full:.0%} full"
        found.append(Finding(_level(bad=full >= 1, warning=full >= NEARLY_FULL), text))
    queue = number(state.get("OfdQueueDocsCount"))
    if queue is not None:
        # The drive blocks itself 30 days after the first that stays (54-FZ, art. 4.1).
        text = f"{name}: {queue} documents wait for the operator of fiscal data"
        found.append(Finding(_level(bad=False, warning=queue >= LONG_QUEUE), text))
    try:
        ends = date.fromisoformat(str(state.get("FiscalDateEnd"))[:10])
    except ValueError:
        pass
    else:
        level = _level(bad=ends < today, warning=ends - today <= SOON)
        found.append(Finding(level, f"{name}: the drive may be used until {ends}"))
    return [*found, *(Finding("warning", f"{name}: {text}") for text in warnings(state))]


def _level(*, bad: bool, warning: bool) -> Level:
    return "bad" if bad else "warning" if warning else "good"

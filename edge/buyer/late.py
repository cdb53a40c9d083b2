"""Receipts that wait for a screen which nobody needs: at most three, the newest sales, oldest first.

Order and age are by boot time alone. The rest stay where they always are: on the receipt's page and
in the operator's journal.
"""

from dataclasses import dataclass, replace
from typing import Final

from edge.buyer.screen import Ready

MOST_LATE: Final = 3
"""A fourth would keep the screen from its next buyer's eyes for minutes; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A receipt, since when it is due and until when it is of use (boot time, seconds)."""

    screen: Ready
    since: float
    until: float


Queue = tuple[Waiting, ...]


def of_sale(queue: Queue, sale_id: str) -> Waiting | None:
    """What waits for this sale."""
    return next((each for each in queue if each.screen.sale.sale_id == sale_id), None)


def without(queue: Queue, sale_id: str) -> Queue:
    """The queue, with nothing of this sale."""
    return tuple(each for each in queue if each.screen.sale.sale_id != sale_id)


def joined(queue: Queue, waiting: Waiting) -> Queue:
    """The queue with one more; it replaces what waits for the same sale, and may not be kept."""
    others = without(queue, waiting.screen.sale.sale_id)
    return tuple(sorted((*others, waiting), key=lambda each: each.since))[-MOST_LATE:]


def fresh(queue: Queue, now: float) -> Queue:
    """Those that are still of use."""
    return tuple(each for each in queue if now < each.until)


def dated(screen: Ready, boot_id: str, now: float) -> Ready:
    """A late receipt as it comes to the screen: how long ago the sale was, if that can be told."""
    sale = screen.sale
    if not screen.late or sale.boot_id != boot_id:
        return screen
    return replace(screen, ago_s=max(0, int(now - sale.boottime_ms / 1000)))

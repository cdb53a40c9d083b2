"""An intent: a vend that was approved and whose end has not been heard yet.

It is on the disk before the product falls, so that a power cut in between leaves a question for
the operator instead of silence.
"""

from dataclasses import dataclass, replace
from typing import Final

from edge.clock import Moment
from edge.wire.messages import Quality
from mdb import event

LONGEST_S: Final = 300.0
"""No machine dispenses for longer; older than this, its end was not heard."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What was approved, and when; money in minor units."""

    item: str | None
    amount: int | None
    currency: str | None
    at: str
    clock: Quality
    boot_id: str
    boottime_ms: int


def intent_of(approved: event.VendApproved | event.VendUncertain, moment: Moment) -> Intent:
    """Put an approval down."""
    return Intent(
        item=approved.item,
        amount=approved.amount,
        currency=approved.currency,
        at=moment.iso,
        clock=moment.quality,
        boot_id=moment.boot_id,
        boottime_ms=moment.boottime_ms,
    )


def is_open(intent: Intent, moment: Moment) -> bool:
    """Whether its end may still be heard: this boot's, and young enough."""
    age_ms = moment.boottime_ms - intent.boottime_ms
    return intent.boot_id == moment.boot_id and 0 <= age_ms < 1000 * LONGEST_S


def completed(vend: event.Sale, intent: Intent | None) -> event.Sale:
    """A sale whose approval was heard by the process before this one has that one's amount."""
    if intent is None or vend.amount is not None or intent.amount is None:
        return vend
    if vend.item is not None and intent.item not in {None, vend.item}:
        return vend
    tenders = tuple(
        replace(tender, amount=intent.amount) if len(vend.tenders) == 1 else tender
        for tender in vend.tenders
    )
    return replace(
        vend,
        item=vend.item if vend.item is not None else intent.item,
        amount=intent.amount,
        currency=vend.currency or intent.currency,
        tenders=tenders,
        raw={**vend.raw, "approved_before_restart": intent.amount},
    )

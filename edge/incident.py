"""Incidents: what the operator has to know that is no sale, put into words. Pure."""

from edge.clock import Moment
from edge.intent import Intent
from edge.wire import MAX_AMOUNT, Incident
from edge.wire.messages import MESSAGE_TEXT

NOWHERE = "00000000"
"""The outbox gives an incident its epoch and number when it is kept."""


def outcome_unknown(intent: Intent, why: str) -> Incident:
    """A vend was approved, and nobody heard whether the product came."""
    amount = intent.amount
    return Incident(
        epoch=NOWHERE,
        number=1,
        kind="outcome_unknown",
        at=intent.at,
        clock=intent.clock,
        boot_id=intent.boot_id,
        boottime_ms=intent.boottime_ms,
        text=why,
        item=intent.item,
        amount=amount if amount is not None and 0 <= amount <= MAX_AMOUNT else None,
        currency=intent.currency,
    )


def of_machine(kind: str, text: str, moment: Moment) -> Incident:
    """Something about the machine itself, at this instant."""
    return Incident(
        epoch=NOWHERE,
        number=1,
        kind=kind,
        at=moment.iso,
        clock=moment.quality,
        boot_id=moment.boot_id,
        boottime_ms=moment.boottime_ms,
        text=text[:MESSAGE_TEXT],
    )

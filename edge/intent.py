"""An intent: a vend that was approved and whose end has not been heard yet.

It is on the disk before the product falls, so that a power cut in between leaves a question for
the operator instead of silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from edge.clock import Moment
from edge.wire.messages import Quality
from mdb import event
from mdb.block import Address

READERS: Final[Mapping[str, int]] = {
    "cashless-1": Address.CASHLESS_1,
    "cashless-2": Address.CASHLESS_2,
}
"""Who pays, and where on the bus that is."""
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


def may_end(vend: event.Sale | event.Return, address: int, intent: Intent) -> bool:
    """Whether a vend that was concluded can be the one that was approved by the reader `address`.

    It is paid by that reader: a cash sale is only told to it, and a report of a gateway is told by
    another. A reader that concludes by itself knows its vend; anybody else has to name its item.
    """
    if isinstance(vend, event.Return):
        return False
    paid = {READERS[each.by] for each in vend.tenders if each.by in READERS}
    if address not in (paid if vend.tenders else {vend.address}):
        return False
    return vend.address == address or fits(vend, intent)


def fits(vend: event.Sale, intent: Intent) -> bool:
    """Whether nothing is known that says that they are of different items."""
    return vend.item is None or intent.item in {None, vend.item}


def completed(vend: event.Sale, intent: Intent) -> event.Sale:
    """A sale whose approval was heard by the process before this one has that one's amount."""
    if vend.amount is not None or intent.amount is None or not fits(vend, intent):
        return vend
    by_card = [each for each in vend.tenders if each.by in READERS]
    if len(by_card) != 1 or by_card[0].amount is not None:
        return vend
    tenders = tuple(
        replace(each, amount=intent.amount) if each.by in READERS else each for each in vend.tenders
    )
    known = [each.amount for each in tenders if each.amount is not None]
    return replace(
        vend,
        item=vend.item if vend.item is not None else intent.item,
        amount=sum(known) if len(known) == len(tenders) else None,
        currency=vend.currency or intent.currency,
        tenders=tenders,
        raw={**vend.raw, "approved_before_restart": intent.amount},
    )

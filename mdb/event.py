"""What a listener concludes: values, each with the JSON it is written as.

A sale's `at` is the time of the command that concluded it, in seconds of the tap's clock. `raw`
keeps the bus's own numbers, so that a conclusion can be checked or drawn again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """How a vend was paid for: EVA-DTS counts exactly these (VA1, VA3, VA2, TA2)."""

    PAID = "paid"
    FREE = "free"
    TEST = "test"
    TOKEN = "token"  # noqa: S105, a vend token is no password


class Confidence(Enum):
    """Whether the bus said so, or the standard tells us to presume it (7.4.7)."""

    CONFIRMED = "confirmed"
    PRESUMED = "presumed"


Raw = Mapping[str, int | str | None]


@dataclass(frozen=True, slots=True)
class Tender:
    """Part of a sale's money: ``cash``, ``cashless-1``, ``cashless-2``; minor units or unknown."""

    by: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something concluded about one peripheral; `address` is 0 for the whole bus."""

    name: ClassVar[str] = ""
    at: float
    address: int


@dataclass(frozen=True, slots=True)
class Sale(Event):
    """A vend that was completed: goods for money, or free, or for a token."""

    name: ClassVar[str] = "sale"
    item: str | None
    kind: Kind
    amount: int | None
    currency: str | None
    tenders: tuple[Tender, ...]
    confidence: Confidence = Confidence.CONFIRMED
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Return(Event):
    """Goods came back and their value went to the buyer (negative vend)."""

    name: ClassVar[str] = "return"
    item: str | None
    amount: int | None
    currency: str | None
    tenders: tuple[Tender, ...]
    confidence: Confidence = Confidence.CONFIRMED
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revalue(Event):
    """Money was loaded onto media: an advance, no goods."""

    name: ClassVar[str] = "revalue"
    amount: int | None
    currency: str | None
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CashMovement(Event):
    """Cash went in and out until no credit was left; `amount` is what the machine keeps."""

    name: ClassVar[str] = "cash_movement"
    amount: int | None
    currency: str | None
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VendRequested(Event):
    """A buyer chose: a settlement begins."""

    name: ClassVar[str] = "vend_requested"
    item: str | None
    amount: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class VendApproved(Event):
    """The reader took the money; the product is not out yet."""

    name: ClassVar[str] = "vend_approved"
    item: str | None
    amount: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class VendDenied(Event):
    """The reader would not pay."""

    name: ClassVar[str] = "vend_denied"
    item: str | None


@dataclass(frozen=True, slots=True)
class VendCancelled(Event):
    """The VMC took its request back."""

    name: ClassVar[str] = "vend_cancelled"
    item: str | None


@dataclass(frozen=True, slots=True)
class VendFailed(Event):
    """The product was not dispensed; the reader gives the money back."""

    name: ClassVar[str] = "vend_failed"
    item: str | None
    amount: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class VendUncertain(Event):
    """Approved, and then the session went on without SUCCESS or FAILURE: no sale concluded."""

    name: ClassVar[str] = "vend_uncertain"
    item: str | None
    amount: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class SessionBegan(Event):
    """A card or the like is at the reader."""

    name: ClassVar[str] = "session_began"


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """It is gone."""

    name: ClassVar[str] = "session_ended"


@dataclass(frozen=True, slots=True)
class ReaderConfigured(Event):
    """A reader told its scaling: from here on its money is known."""

    name: ClassVar[str] = "reader_configured"
    currency: str | None
    scale: int
    decimals: int
    level: int


@dataclass(frozen=True, slots=True)
class TillConfigured(Event):
    """A coin changer, bill validator or hopper told its scaling and what its types are worth."""

    name: ClassVar[str] = "till_configured"
    currency: str | None
    scale: int
    decimals: int
    level: int


@dataclass(frozen=True, slots=True)
class TransactionReported(Event):
    """The VMC reported a transaction to a communications gateway (MDB 4.2, 8.3.4).

    `kind` is paid, token, free, test, revalue, return, vendless or service.
    """

    name: ClassVar[str] = "transaction_reported"
    item: str | None
    kind: str
    amount: int | None
    currency: str | None
    tenders: tuple[Tender, ...]
    confidence: Confidence = Confidence.CONFIRMED
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SatelliteVended(Event):
    """A satellite device let a product out; who paid for it is told elsewhere."""

    name: ClassVar[str] = "satellite_vended"
    item: str | None
    amount: int | None
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileTransferred(Event):
    """A file went over the bus (section 2.6); `file` 01 is the EVA-DTS audit, `raw` its bytes."""

    name: ClassVar[str] = "file_transferred"
    file: str | None
    source: str | None
    to: str
    size: int
    complete: bool
    raw: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReaderMalfunction(Event):
    """A reader reported an error code (section 7.4.4, 0A)."""

    name: ClassVar[str] = "reader_malfunction"
    code: str


@dataclass(frozen=True, slots=True)
class PeripheralReset(Event):
    """A peripheral started anew."""

    name: ClassVar[str] = "peripheral_reset"


@dataclass(frozen=True, slots=True)
class BusReset(Event):
    """The VMC reset the whole bus by a break."""

    name: ClassVar[str] = "bus_reset"


@dataclass(frozen=True, slots=True)
class BusFault(Event):
    """Bytes that made no block or no sense, as heard."""

    name: ClassVar[str] = "bus_fault"
    reason: str
    raw: Raw = field(default_factory=dict)


def as_json(event: Event) -> dict[str, object]:
    """The event as a JSON object, one line of ``python -m mdb decode --json``."""
    written: dict[str, object] = {"event": event.name}
    for each in fields(event):
        written[each.name] = _plain(getattr(event, each.name))
    written["at"] = round(event.at, 6)
    written["address"] = f"{event.address:02x}"
    return written


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case Tender():
            return {"by": value.by, "amount": value.amount}
        case tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return dict(value)
        case _:
            return value

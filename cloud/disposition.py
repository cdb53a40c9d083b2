"""Dispositions: what intake makes of a sale."""

from dataclasses import dataclass
from enum import Enum

from cloud.receipt import Receipt


class Cause(Enum):
    """Why there is no receipt, as programs, filters and metrics name it."""

    FREE = "free"
    TEST = "test"
    UNPAID = "unpaid"
    POLICY = "policy"
    UNKNOWN_MACHINE = "unknown_machine"
    UNKNOWN_SLOT = "unknown_slot"
    UNKNOWN_PRODUCT = "unknown_product"
    AMOUNT = "amount"
    CURRENCY = "currency"
    PRICE = "price"
    VAT = "vat"
    MARKING = "marking"
    PRESUMED = "presumed"
    LATE = "late"
    RETURN = "return"
    INVALID = "invalid"
    """The finished receipt is not what the fiscal data format asks for."""
    FOREIGN_MACHINE = "foreign_machine"
    """The inbox's: it came under another machine's name."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A receipt to ask this register for."""

    receipt: Receipt
    register: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """No receipt, by rule."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Attention:
    """A person must say something first; the reason ends with the command to say it by."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class ReturnOf:
    """Goods came back: the receipt of that sale is to be returned (`cloud.amends.return_of`)."""

    sale_id: str
    sold_at: str
    """When they came back, local time of the machine, no zone."""


Disposition = Placed | Skipped | Attention | ReturnOf

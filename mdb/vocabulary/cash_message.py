"""What coin changers, bill validators and hoppers say alike: setup, counts, payouts.

Types are numbered from 0, as in SETUP; values are in scaled units of the peripheral that speaks.
"""

from dataclasses import dataclass

from mdb.scaling import Scaling
from mdb.vocabulary.message import ByPeripheral, Message


@dataclass(frozen=True, slots=True)
class TillSetup(ByPeripheral):
    """The answer to SETUP: feature level, scaling, and what each coin or bill type is worth."""

    level: int
    scaling: Scaling
    credits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StockRequest(Message):
    """How much is in the tubes, the recycler, the hopper?"""


@dataclass(frozen=True, slots=True)
class Stock(ByPeripheral):
    """Which types are full, a bit each, and how many of each type there are."""

    full: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Accept(Message):
    """Types to accept, a bit each; `other` is manual dispense (coins) or escrow (bills)."""

    types: int
    other: int


@dataclass(frozen=True, slots=True)
class PayOut(Message):
    """So many coins or bills of a type."""

    kind: int
    count: int


@dataclass(frozen=True, slots=True)
class PayOutValue(Message):
    """A value, in types of the peripheral's choice."""

    units: int


@dataclass(frozen=True, slots=True)
class PaidCountsRequest(Message):
    """What was paid out, by types?"""


@dataclass(frozen=True, slots=True)
class PaidCounts(ByPeripheral):
    """What the payout came to, by types; told once, when it is over."""

    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PaidValueRequest(Message):
    """What was paid out since I asked last?"""


@dataclass(frozen=True, slots=True)
class PaidValue(ByPeripheral):
    """Paid out since the VMC asked last."""

    units: int


@dataclass(frozen=True, slots=True)
class MoneyIn(ByPeripheral):
    """A coin or bill that is the machine's now; `recycled` if it may be paid out again."""

    kind: int
    recycled: bool


@dataclass(frozen=True, slots=True)
class InEscrow(ByPeripheral):
    """A bill that waits for the VMC to stack or return it: no credit yet."""

    kind: int


@dataclass(frozen=True, slots=True)
class GivenBack(ByPeripheral):
    """A coin or bill that was not taken; `rejected` if it was never wanted."""

    kind: int
    rejected: bool


@dataclass(frozen=True, slots=True)
class ByHand(ByPeripheral):
    """A technician's doing: so many of a type filled in or taken out. No credit."""

    kind: int
    count: int
    filled: bool


def words(data: bytes) -> tuple[int, ...]:
    """Two-byte numbers."""
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2))

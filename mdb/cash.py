"""Cash in the machine: what went in, what came out, and what is left of the credit.

A listener cannot see the VMC's credit, so it keeps a ledger over all changers, validators and
hoppers:

    credit = deposited - paid out - told as spent (CASH SALE, revalued onto media)

and concludes a *cash movement* when the credit is back at zero, or at the end of a capture: its
amount is what the machine keeps. What is rejected, only in escrow, given back or moved by a
technician's hand is no credit; it is written down beside it.
"""

from dataclasses import dataclass, fields
from typing import Final

from mdb.block import Address
from mdb.event import CashMovement, Event


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that was moved, minor units; `unknown` if some of it has no known worth.

    `recycled` is the part of `deposited` that can be paid out again. `by_hand` is what a technician
    filled in, less what he took out.
    """

    deposited: int = 0
    paid_out: int = 0
    recycled: int = 0
    returned: int = 0
    rejected: int = 0
    by_hand: int = 0
    unknown: bool = False

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(
            self.deposited + other.deposited,
            self.paid_out + other.paid_out,
            self.recycled + other.recycled,
            self.returned + other.returned,
            self.rejected + other.rejected,
            self.by_hand + other.by_hand,
            self.unknown or other.unknown,
        )

    @property
    def touches_credit(self) -> bool:
        """Whether the VMC's credit is another now."""
        return bool(self.deposited or self.paid_out or self.unknown)


NOTHING: Final = Moved()
ALWAYS_TOLD: Final = {"deposited", "paid_out"}


class Ledger:
    """The cash of one machine since its credit was last at zero."""

    def __init__(self) -> None:
        self._moved = NOTHING
        self._spent = 0
        self._open = False
        self._currency: str | None = None
        self._doubtful = True

    @property
    def doubtful(self) -> bool:
        """Whether money may have moved unheard: before we listened, in noise, in unknown words."""
        return self._doubtful

    def doubt(self) -> None:
        """Something was not heard."""
        self._doubtful = True

    def trust(self) -> None:
        """There is no credit now, whatever was not heard: the books are right again."""
        self._doubtful = False

    @property
    def open(self) -> bool:
        """Whether there may be credit: cash that nothing has been bought with yet."""
        return self._open

    def add(self, moved: Moved, currency: str | None, at: float, address: int) -> list[Event]:
        """Money moved; a movement is concluded if nothing is left of the credit."""
        if moved == NOTHING:
            return []
        self._moved += moved
        self._currency = self._currency or currency
        if not moved.touches_credit:
            return []
        self._open = True
        return self._conclude(at, address)

    def spent(self, amount: int, at: float) -> list[Event]:
        """Somebody told what cash was for: so much of the credit is gone.

        Where some of the credit has no known worth, what was bought with it ends the movement:
        nothing else could tell when it is over.
        """
        if not self._open:
            return []
        self._spent += amount
        if self._moved.unknown:
            return self._close(at, Address.CHANGER)
        return self._conclude(at, Address.CHANGER)

    def flush(self, at: float) -> list[Event]:
        """The capture ended: what is open is what the machine keeps."""
        return self._close(at, Address.CHANGER) if self._open else []

    def _conclude(self, at: float, address: int) -> list[Event]:
        credit = self._moved.deposited - self._moved.paid_out - self._spent
        return [] if credit or self._moved.unknown else self._close(at, address)

    def _close(self, at: float, address: int) -> list[Event]:
        moved, spent, currency = self._moved, self._spent, self._currency
        self._moved, self._spent, self._open, self._currency = NOTHING, 0, False, None
        self._doubtful = False
        kept = moved.deposited - moved.paid_out
        unheard = moved.unknown or kept < min(0, spent)  # more out than in: coins went in unheard
        amount = None if unheard else kept
        told = {each.name: getattr(moved, each.name) for each in fields(Moved)}
        del told["unknown"]
        raw = {name: value for name, value in told.items() if value or name in ALWAYS_TOLD}
        return [CashMovement(at, address, amount, currency, {**raw, "told": spent})]

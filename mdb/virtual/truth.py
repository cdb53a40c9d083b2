"""What really happened at the machine, kept at the moment it is done and never read from the bus."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["paid", "free", "test", "token"]


@dataclass(frozen=True, slots=True)
class Paid:
    """A part of the money: ``cash``, ``cashless-1``, ``cashless-2``; minor units."""

    by: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class Vend:
    """Goods went out.

    `address` is whom the VMC told first; `told` is false where nobody was, so that no listener can
    know of the vend. A free or test vend has the amount 0, a token's is not known to the bus.
    `presumed`: the VMC was reset before it could say that the goods were out (7.4.7).
    """

    at: float
    item: str | None
    kind: Kind
    amount: int | None
    tenders: tuple[Paid, ...]
    address: int
    told: bool = True
    presumed: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """Goods came back, and their value went to the buyer."""

    at: float
    item: str | None
    amount: int
    tenders: tuple[Paid, ...]
    address: int


@dataclass(frozen=True, slots=True)
class Revalue:
    """Money was loaded onto a card; no goods."""

    at: float
    amount: int
    address: int


Deed = Vend | Return | Revalue


@dataclass(slots=True)
class Truth:
    """The machine's own books."""

    deeds: list[Deed] = field(default_factory=list)
    cash_kept: int = 0
    """Coins and bills that stayed in the machine, minor units, change taken off."""

    @property
    def vends(self) -> list[Vend]:
        """The goods that went out, in order."""
        return [each for each in self.deeds if isinstance(each, Vend)]

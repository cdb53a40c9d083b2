"""What each party wrote down for itself, as values: nothing here has asked another.

The machines' own books (`street.deals.Deal`), the registers' ledgers, the cloud's database, and the
receipts on the machines' disks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from street.deals import Deal


@dataclass(frozen=True, slots=True)
class Document:
    """One fiscal document, as a register's ledger has it; money in kopecks."""

    machine: str
    """Tag 1036."""
    fd: int
    sale_id: str
    """What its key begins with; only to find out what went wrong."""
    product: str
    """Tag 1030."""
    total: int
    cash: int
    """Tag 1031."""
    card: int
    """Tag 1081."""
    is_income: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """A sale in the cloud's inbox."""

    machine: str
    epoch: str
    seq: int
    sale_id: str
    item: str | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the operator: a vend was approved, and its end was not heard."""

    machine: str
    item: str | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Noticed:
    """An incident in the cloud's database."""

    kind: str
    machine: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Ledgers:
    """All of them, when everything has settled. Machines are called by their numbers."""

    deals: Mapping[str, Sequence[Deal]]
    documents: Sequence[Document]
    sales: Sequence[Stored]
    asked: Sequence[Asked] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """Sales whose receipts stand in "needs attention", and the reason."""
    ordered: Mapping[str, int] = field(default_factory=dict)
    """So many refusals were ordered of a machine's register."""
    incidents: Sequence[Noticed] = ()
    on_machines: Mapping[str, int] = field(default_factory=dict)
    """The document (FD) of each receipt on a machine's disk, by its sale."""
    left_open: Sequence[str] = ()
    """What should have come to an end, and has not."""


def product_in(item: str) -> str:
    """What the fleet calls the goods in a slot."""
    return f"Напиток {item}"

"""The next step: what an operator still has to name before its sales get receipts."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.books.archive import has
from cloud.books.kinds import Thing
from cloud.fleet import Machine, Planogram, Product, Register, Shelf

_STEPS: Final[tuple[tuple[type[Thing], str], ...]] = (
    (Register, "register add NAME --provider PROVIDER --set KEY=VALUE …{operator}"),
    (Product, "product add NAME --name TEXT --vat RATE{operator}"),
    (Planogram, "planogram add NAME{operator}"),
    (Shelf, "planogram set PLANOGRAM SLOT PRODUCT{operator}"),
    (
        Machine,
        "machine add ID --register NAME --planogram NAME --address TEXT --place TEXT{operator}",
    ),
)


async def next_step(connection: AsyncConnection, operator: str, *, alone: bool) -> str:
    """The command to go on with; `alone` where there is no other operator to name."""
    said = "" if alone else f" --operator {operator}"
    for kind, words in _STEPS:
        if not await has(connection, kind, operator):
            return f"next: python -m cloud {words.format(operator=said)}"
    return f"next: nothing is missing; python -m cloud serve takes the sales of {operator}"

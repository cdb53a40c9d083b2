"""What is known of the fleet at one version, as far as what is said may name it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.books import archive
from cloud.books.kinds import Kind, Thing
from cloud.fleet import Machine, Operator, Planogram, Product, Shelf
from cloud.store import fleet

FIRST = "python -m cloud operator add NAME --name TEXT --inn INN --taxation SYSTEM"
"""Without an operator there is nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """Names alone, but for the operators."""

    version: int
    operators: dict[str, Operator]
    registers: dict[str, str]
    """And whose they are."""
    planograms: set[tuple[str, ...]]
    products: set[tuple[str, ...]]

    @classmethod
    async def read(cls, connection: AsyncConnection) -> "Known":
        """Look at it."""
        operators = await fleet.every(connection, Operator)
        return cls(
            await fleet.version(connection),
            {each.id: each for each in operators},
            await archive.owners(connection),
            await archive.keys(connection, Planogram),
            await archive.keys(connection, Product),
        )

    def whose(self, told: Mapping[str, Any], otherwise: str | None, before: Thing | None) -> str:
        """The operator: as is said, or as its register has it, or as it was, or the only one.

        Raises:
            ValueError: there is no such operator, or several could be meant.
        """
        found = (
            told.get("operator")
            or otherwise
            or self.registers.get(told.get("register") or "")
            or getattr(before, "operator", None)
            or only(list(self.operators))
        )
        if found not in self.operators:
            raise ValueError(f"{found!r} is no operator; add it first")
        return str(found)

    def unknown(
        self, kind: Kind, told: Mapping[str, Any], before: Thing | None
    ) -> Iterator[tuple[str, str]]:
        """Each column that names what is not there, and how."""
        owner = told.get("operator")
        if kind.of is Machine:
            register = told.get("register") or getattr(before, "register", None)
            planogram = told.get("planogram") or getattr(before, "planogram", None)
            whose = owner if register is None else self.registers.get(register)
            if whose is None:
                yield "register", f"{register!r} is no register; add it first"
            elif whose != owner:
                yield "register", f"{register!r} is a register of {whose}, not of {owner}"
            if planogram is not None and (owner, planogram) not in self.planograms:
                yield "planogram", f"{planogram!r} is no planogram of {owner}; add it first"
        product = told.get("product")
        if kind.of is Shelf and product and (owner, product) not in self.products:
            yield "product", f"{product!r} is no product of {owner}; add it first"


def only(operators: list[str]) -> str:
    """The operator, where there is only one.

    Raises:
        ValueError: there is none, or there are several.
    """
    if not operators:
        raise ValueError(f"there is no operator yet: {FIRST}")
    if len(operators) > 1:
        raise ValueError(f"the operators are {', '.join(sorted(operators))}: say which one")
    return operators[0]

"""Sites: what intake has to know of a machine, read together and remembered while the fleet is as is.

A batch of sales asks for one number, the fleet's version, and reads only what it has not met yet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fleet import Machine, Operator, Product, Shelf, Site
from cloud.registers import KINDS
from cloud.store import fleet
from cloud.store.schema import machine, operator, product, register, shelf

MOST: Final = 4096
"""So many machines are remembered; the one that was asked for longest ago goes first."""
AT_ONCE: Final = 500
"""So many names stand in one query."""

_Shelves = dict[str, tuple[Shelf, ...]]
_Place = tuple[str, str]
T = TypeVar("T")


@dataclass(slots=True)
class _Memory:
    """What was read at one version. Planograms and products are shared by the machines."""

    version: int = -1
    sites: dict[str, Site | None] = field(default_factory=dict)
    """The one that was asked for last stands last."""
    shelves: dict[_Place, _Shelves] = field(default_factory=dict)
    """By operator and planogram."""
    products: dict[str, dict[str, Product]] = field(default_factory=dict)
    """By operator."""


class Sites:
    """Of all machines; one for a process."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._memory = _Memory()

    async def of(self, connection: AsyncConnection, machine_id: str) -> Site | None:
        """What is known of a machine; None if nobody named it."""
        return (await self.of_all(connection, [machine_id]))[machine_id]

    async def of_all(
        self, connection: AsyncConnection, ids: Iterable[str]
    ) -> dict[str, Site | None]:
        """What is known of each of them."""
        now = await fleet.version(connection)
        if now != self._memory.version:
            # Whoever still reads for an older version fills a memory that nobody asks.
            self._memory = _Memory(now)
        memory, wanted = self._memory, dict.fromkeys(ids)
        told = {each: memory.sites.pop(each) for each in wanted if each in memory.sites}
        unknown = [each for each in wanted if each not in told]
        if unknown:
            told |= await _read(connection, memory, unknown)
        memory.sites.update(told)
        while len(memory.sites) > self._most:
            del memory.sites[next(iter(memory.sites))]
        return {each: told[each] for each in wanted}


async def _read(
    connection: AsyncConnection, memory: _Memory, ids: Sequence[str]
) -> dict[str, Site | None]:
    rows = list[sa.Row[Any]]()
    for some in _parts(ids):
        query = (
            sa.select(machine, register.c.provider, register.c.settings)
            .join(register, register.c.id == machine.c.register)
            .where(machine.c.id.in_(some))
        )
        rows += (await connection.execute(query)).all()
    owners = {row.operator for row in rows}
    places = {(row.operator, row.planogram) for row in rows}
    operators = await _operators(connection, owners)
    await _learn_shelves(connection, memory, places - memory.shelves.keys())
    await _learn_products(connection, memory, owners - memory.products.keys())
    told: dict[str, Site | None] = dict.fromkeys(ids)
    for row in rows:
        told[row.id] = Site(
            machine=fleet.read(Machine, row),
            operator=operators[row.operator],
            ffd=ffd_of(row.provider, msgspec.json.decode(row.settings)),
            shelves=memory.shelves[row.operator, row.planogram],
            products=memory.products[row.operator],
        )
    return told


def ffd_of(provider: str, settings: Mapping[str, object]) -> Literal["1.05", "1.2"]:
    """The fiscal data format of a register's receipts: as it says, or as its provider has it."""
    account, _ = KINDS[provider]
    (default,) = [each.default for each in msgspec.structs.fields(account) if each.name == "ffd"]
    return "1.2" if settings.get("ffd", default) == "1.2" else "1.05"


async def _operators(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Operator]:
    told = dict[str, Operator]()
    for some in _parts(list(ids)):
        query = sa.select(operator).where(operator.c.id.in_(some))
        for row in await connection.execute(query):
            told[row.id] = fleet.read(Operator, row)
    return told


async def _learn_shelves(
    connection: AsyncConnection, memory: _Memory, places: Collection[_Place]
) -> None:
    for some in _parts(list(places)):
        of = sa.tuple_(shelf.c.operator, shelf.c.planogram).in_(some)
        found = defaultdict[_Place, dict[str, list[Shelf]]](lambda: defaultdict(list))
        for row in await connection.execute(sa.select(shelf).where(of)):
            found[row.operator, row.planogram][row.slot].append(fleet.read(Shelf, row))
        for place in some:
            memory.shelves[place] = {slot: tuple(each) for slot, each in found[place].items()}


async def _learn_products(
    connection: AsyncConnection, memory: _Memory, owners: Collection[str]
) -> None:
    for some in _parts(list(owners)):
        learnt: dict[str, dict[str, Product]] = {owner: {} for owner in some}
        query = sa.select(product).where(product.c.operator.in_(some))
        for row in await connection.execute(query):
            learnt[row.operator][row.id] = fleet.read(Product, row)
        memory.products.update(learnt)


def _parts(them: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(them), AT_ONCE):
        yield them[first : first + AT_ONCE]

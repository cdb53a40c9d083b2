"""The archive: the fleet many at once, where `cloud.store.fleet` puts them one by one.

Writes nothing that was not checked: that what it names exists is for the caller, at one version of
the fleet; whoever writes is alone with it and looks at the version again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import FleetError
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import accounts, fleet
from cloud.store.dialect import alone_with, insert
from cloud.store.schema import change, metadata, receipt

T = TypeVar("T", Operator, Register, Product, Planogram, Shelf, Machine)
Thing = Operator | Register | Product | Planogram | Shelf | Machine

AT_ONCE: Final = 500
"""So many keys stand in one query."""


async def existing(
    connection: AsyncConnection, kind: type[T], keys: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], T]:
    """Those that there are, by their primary keys or by the beginnings of them."""
    table, wanted = _table(kind), list(keys)
    if not wanted:
        return {}
    columns = list(table.primary_key.columns)
    begun = columns[: len(wanted[0])]
    here = (
        begun[0].in_([key[0] for key in wanted])
        if len(begun) == 1
        else sa.tuple_(*begun).in_(wanted)
    )
    rows = await connection.execute(sa.select(table).where(here))
    return {
        tuple(row._mapping[column.name] for column in columns): fleet.read(kind, row)  # noqa: SLF001, SQLAlchemy's public name
        for row in rows
    }


async def keys(connection: AsyncConnection, kind: type[Thing]) -> set[tuple[str, ...]]:
    """The primary keys of all there are."""
    rows = await connection.execute(sa.select(*_table(kind).primary_key.columns))
    return {tuple(row) for row in rows}


async def owners(connection: AsyncConnection) -> dict[str, str]:
    """Whose each register is."""
    table = _table(Register)
    rows = await connection.execute(sa.select(table.c.id, table.c.operator))
    return {row.id: row.operator for row in rows}


async def has(connection: AsyncConnection, kind: type[Thing], operator: str) -> bool:
    """Whether an operator has any."""
    table = _table(kind)
    one = sa.select(table.c.operator).where(table.c.operator == operator).limit(1)
    return await connection.scalar(one) is not None


async def tally(
    connection: AsyncConnection, kind: type[Thing], *columns: str
) -> dict[tuple[str, ...], int]:
    """How many there are of each, by what stands in these columns."""
    by = [_table(kind).c[name] for name in columns]
    rows = await connection.execute(sa.select(*by, sa.func.count()).group_by(*by))
    return {tuple(row[:-1]): row[-1] for row in rows}


async def waiting(connection: AsyncConnection) -> dict[str, int]:
    """How many receipts wait to be sent, by their register."""
    rows = await connection.execute(
        sa.select(receipt.c.register, sa.func.count())
        .where(receipt.c.state == "waiting")
        .group_by(receipt.c.register)
    )
    return {row[0]: row[1] for row in rows}


async def alone_at(connection: AsyncConnection, version: int) -> None:
    """Alone with the fleet to the end of the transaction, and it is as it was read.

    Raises:
        FleetError: it is not.
    """
    await alone_with(connection, "the fleet")
    if await fleet.version(connection) != version:
        raise FleetError(
            "somebody changed the fleet while the file was read; nothing was written: try again"
        )


async def write(
    connection: AsyncConnection, things: Sequence[Thing], who: str, now_ms: int
) -> None:
    """All of one kind, as they are; each leaves a row among the changes.

    Raises:
        FleetError: receipts are on their way at the account that a register would leave.
    """
    kind = type(things[0])
    await _leave(connection, [each for each in things if isinstance(each, Register)], who, now_ms)
    table = _table(kind)
    names = [column.name for column in table.primary_key.columns]
    rows = [_row(table, each) for each in things]
    new = insert(connection, table)
    rest = {name: new.excluded[name] for name in rows[0] if name not in names}
    put = (
        new.on_conflict_do_update(index_elements=names, set_=rest)
        if rest
        else new.on_conflict_do_nothing()
    )
    await connection.execute(put, rows)
    told = {"at": now_ms, "who": who, "kind": kind.__name__.lower()}
    notes = [
        {
            **told,
            "name": "/".join(str(row[name]) for name in names),
            "body": msgspec.json.encode(each).decode(),
        }
        for row, each in zip(rows, things, strict=True)
    ]
    await connection.execute(sa.insert(change), notes)


async def _leave(
    connection: AsyncConnection, registers: Sequence[Register], who: str, now_ms: int
) -> None:
    """Registers that are there already, and change."""
    there = await existing(connection, Register, [(each.id,) for each in registers])
    for each in registers:
        before = there.get((each.id,))
        if before is not None and before != each:
            await accounts.change(connection, before, each, who, now_ms)


def _row(table: sa.Table, thing: Thing) -> Mapping[str, Any]:
    told = msgspec.to_builtins(thing)
    for name in ("policies", "settings"):
        if name in told:
            told[name] = msgspec.json.encode(told[name]).decode()
    return {column.name: told[column.name] for column in table.c}


def _table(kind: type[Thing]) -> sa.Table:
    return metadata.tables[kind.__name__.lower()]

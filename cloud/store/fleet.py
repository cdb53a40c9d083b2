"""The fleet: put, looked at, taken away.

What changes leaves a row that stays. The last one's number is the fleet's version, which only grows.
Whoever changes the fleet is alone with it until the end of the transaction: versions become visible
in their order, and what was found to be there still is.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import FleetError
from cloud.fleet import Machine, Operator, Planogram, Policies, Product, Register, Shelf
from cloud.store import accounts
from cloud.store.dialect import alone_with, insert
from cloud.store.schema import change, metadata, receipt, register, shelf

Thing = Operator | Register | Product | Planogram | Shelf | Machine
T = TypeVar("T", Operator, Register, Product, Planogram, Shelf, Machine)


class Put(Enum):
    """What putting something did."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


_READ: Final[Mapping[str, Any]] = {
    "policies": lambda text: msgspec.json.decode(text, type=Policies),
    "settings": msgspec.json.decode,
    "valid_from": date.fromisoformat,
    "valid_until": date.fromisoformat,
}
"""Columns that are text here and something else in the value. None stays None."""

# Of a kind: what its columns have to name, as (kind, column here: column there).
_Reference = tuple[type[Thing], Mapping[str, str]]
_OF_OPERATOR: Final[_Reference] = (Operator, {"operator": "id"})
_REFERENCES: Final[Mapping[type[Thing], tuple[_Reference, ...]]] = {
    Operator: (),
    Register: (_OF_OPERATOR,),
    Product: (_OF_OPERATOR,),
    Planogram: (_OF_OPERATOR,),
    Shelf: (
        _OF_OPERATOR,
        (Planogram, {"operator": "operator", "planogram": "id"}),
        (Product, {"operator": "operator", "product": "id"}),
    ),
    Machine: (
        _OF_OPERATOR,
        (Register, {"register": "id"}),
        (Planogram, {"operator": "operator", "planogram": "id"}),
    ),
}
MOST_NAMED: Final = 3


async def put(connection: AsyncConnection, thing: Thing, who: str, now_ms: int) -> Put:
    """Add something, or change what has its name.

    A shelf without an end ends the ones of its slot that began before and are valid on its day.

    Raises:
        FleetError: what it names does not exist, or belongs to another operator; or receipts are on
            their way at the account that a register would leave.
    """
    await _alone(connection)
    kind, row = type(thing), _row(thing)
    await _check(connection, thing, row)
    if isinstance(thing, Shelf) and thing.valid_until is None:
        await _end_before(connection, thing, who, now_ms)
    before = await _find(connection, kind, _key(kind, row))
    if before is not None and tuple(before) == tuple(row.values()):
        return Put.SAME
    if isinstance(thing, Register) and before is not None:
        await accounts.change(connection, read(Register, before), thing, who, now_ms)
    await _write(connection, kind, row)
    await _note(connection, kind, row, msgspec.json.encode(thing), who, now_ms)
    return Put.NEW if before is None else Put.CHANGED


async def take_away(
    connection: AsyncConnection, kind: type[Thing], key: Sequence[str], who: str, now_ms: int
) -> None:
    """Take something away; `key` is its primary key, in the order of the table.

    Raises:
        FleetError: there is none, or something still uses it.
    """
    await _alone(connection)
    named = dict(zip(_names(kind), key, strict=True))
    found = await _find(connection, kind, named)
    if found is None:
        raise FleetError(f"there is no {_said(kind, named)}")
    users = await _users(connection, kind, dict(zip(_table(kind).c.keys(), found, strict=True)))
    if users:
        raise FleetError(f"{_said(kind, named)} is still used by {users}")
    await connection.execute(sa.delete(_table(kind)).where(*_is(kind, named)))
    await _note(connection, kind, named, b"null", who, now_ms)


async def get(connection: AsyncConnection, kind: type[T], *key: str) -> T | None:
    """One of them by its primary key, or None."""
    row = await _find(connection, kind, dict(zip(_names(kind), key, strict=True)))
    return None if row is None else read(kind, row)


async def every(connection: AsyncConnection, kind: type[T], **where: str) -> list[T]:
    """All of a kind, in the order of their names; or those whose columns are so."""
    table = _table(kind)
    wanted = [table.c[column] == value for column, value in where.items()]
    rows = (await connection.execute(sa.select(table).where(*wanted))).all()
    # Databases differ in what follows what.
    ordered = sorted(rows, key=lambda row: [getattr(row, name) for name in _names(kind)])
    return [read(kind, row) for row in ordered]


async def version(connection: AsyncConnection) -> int:
    """Another than before, once anything in the fleet is."""
    return await connection.scalar(sa.select(sa.func.max(change.c.id))) or 0


def read(kind: type[T], row: sa.Row[Any]) -> T:
    """The value of a row. It was checked when it was put, and is believed."""
    told = {
        name: _READ[name](value) if name in _READ and value is not None else value
        for name in kind.__struct_fields__
        for value in [getattr(row, name)]
    }
    return kind(**told)


def _row(thing: Thing) -> dict[str, Any]:
    told = msgspec.to_builtins(thing)
    for name in ("policies", "settings"):
        if name in told:
            told[name] = msgspec.json.encode(told[name]).decode()
    return {name: told[name] for name in _table(type(thing)).c.keys()}  # noqa: SIM118, columns are no mapping


async def _alone(connection: AsyncConnection) -> None:
    await alone_with(connection, "the fleet")


async def _check(connection: AsyncConnection, thing: Thing, row: Mapping[str, Any]) -> None:
    for kind, columns in _REFERENCES[type(thing)]:
        wanted = {there: row[here] for here, there in columns.items()}
        if await _find(connection, kind, wanted) is None:
            raise FleetError(f"unknown {_said(kind, wanted)}; add it first")
    match thing:
        case Register():
            before = await _find(connection, Register, {"id": thing.id})
            if before is not None and before.operator != thing.operator:
                raise FleetError(
                    f"register {thing.id} is {before.operator}'s, and its receipts stay so: give"
                    f" {thing.operator} one of another name"
                )
        case Machine():
            owner = await connection.scalar(
                sa.select(register.c.operator).where(register.c.id == thing.register)
            )
            if owner != thing.operator:
                raise FleetError(
                    f"machine {thing.id} would be {thing.operator}'s, and register"
                    f" {thing.register} is {owner}'s: name a register of {thing.operator}"
                )
        case Shelf():
            if thing.valid_until is not None and thing.valid_until <= thing.valid_from:
                raise FleetError(
                    f"slot {thing.slot}: valid until {thing.valid_until}, which is not after"
                    f" {thing.valid_from}"
                )
            if (thing.price_min or 0) > (thing.price_max if thing.price_max is not None else 10**9):
                raise FleetError(
                    f"slot {thing.slot}: the lowest price {thing.price_min} is above the highest"
                    f" {thing.price_max}"
                )


async def _end_before(connection: AsyncConnection, thing: Shelf, who: str, now_ms: int) -> None:
    day = thing.valid_from.isoformat()
    before = sa.select(shelf).where(
        shelf.c.operator == thing.operator,
        shelf.c.planogram == thing.planogram,
        shelf.c.slot == thing.slot,
        shelf.c.valid_from < day,
        shelf.c.valid_until.is_(None) | (shelf.c.valid_until > day),
    )
    for row in (await connection.execute(before)).all():
        ended = msgspec.structs.replace(read(Shelf, row), valid_until=thing.valid_from)
        await _write(connection, Shelf, _row(ended))
        await _note(connection, Shelf, _row(ended), msgspec.json.encode(ended), who, now_ms)


async def _write(connection: AsyncConnection, kind: type[Thing], row: Mapping[str, Any]) -> None:
    names = _names(kind)
    rest = {name: value for name, value in row.items() if name not in names}
    new = insert(connection, _table(kind)).values(row)
    await connection.execute(
        new.on_conflict_do_update(index_elements=names, set_=rest)
        if rest
        else new.on_conflict_do_nothing()
    )


async def _note(  # noqa: PLR0917, a change has so many sides
    connection: AsyncConnection,
    kind: type[Thing],
    row: Mapping[str, Any],
    body: bytes,
    who: str,
    now_ms: int,
) -> None:
    name = "/".join(str(row[each]) for each in _names(kind))
    told = {"at": now_ms, "who": who, "kind": kind.__name__.lower(), "name": name}
    await connection.execute(sa.insert(change).values(body=body.decode(), **told))


async def _users(
    connection: AsyncConnection, kind: type[Thing], row: Mapping[str, Any]
) -> str | None:
    """What still names it, in words."""
    for user, references in _REFERENCES.items():
        for used, columns in references:
            if used is kind:
                table = _table(user)
                ours = [table.c[here] == row[there] for here, there in columns.items()]
                keys = [table.c[name] for name in _names(user)]
                query = sa.select(*keys).where(*ours).order_by(*keys).limit(MOST_NAMED + 1)
                rows = (await connection.execute(query)).all()
                if rows:
                    named = [
                        _said(user, dict(zip(_names(user), each, strict=True)))
                        for each in rows[:MOST_NAMED]
                    ]
                    more = " and others" if len(rows) > MOST_NAMED else ""
                    return ", ".join(named) + more
    if kind is Register:
        asked = sa.select(receipt.c.sale_id).where(receipt.c.register == row["id"]).limit(1)
        if await connection.scalar(asked) is not None:
            return "receipts that it was asked for: they are kept"
    return None


async def _find(
    connection: AsyncConnection, kind: type[Thing], named: Mapping[str, str]
) -> sa.Row[Any] | None:
    return (
        await connection.execute(sa.select(_table(kind)).where(*_is(kind, named)))
    ).one_or_none()


def _is(kind: type[Thing], named: Mapping[str, str]) -> list[sa.ColumnElement[bool]]:
    return [_table(kind).c[name] == value for name, value in named.items()]


def _table(kind: type[Thing]) -> sa.Table:
    return metadata.tables[kind.__name__.lower()]


def _names(kind: type[Thing]) -> list[str]:
    """The columns that name one of a kind."""
    return [column.name for column in _table(kind).primary_key.columns]


def _key(kind: type[Thing], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _names(kind)}


def _said(kind: type[Thing], named: Mapping[str, Any]) -> str:
    """``product cola of acme``."""
    word, owner = kind.__name__.lower(), named.get("operator")
    if kind is Shelf:
        return (
            f"slot {named['slot']} of planogram {named['planogram']} of {owner} from"
            f" {named['valid_from']}"
        )
    return f"{word} {named['id']}" + (f" of {owner}" if owner is not None else "")

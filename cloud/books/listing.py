"""Listing: what there is, as a table for people or as JSON for programs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.books import archive, lanes
from cloud.books.adding import whose
from cloud.books.draft import flat, shown
from cloud.books.kinds import Kind
from cloud.books.known import Known
from cloud.books.table import pairs, table
from cloud.errors import FleetError
from cloud.fleet import OURS, Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import Store, fleet
from cloud.store.lanes import standings

Say = Callable[[str], None]
Rows = list[dict[str, Any]]
"""What is listed; the names of the first row are the columns."""


async def listed(
    store: Store, kind: Kind, where: Mapping[str, str], say: Say, *, as_json: bool
) -> None:
    """All of a kind, or those whose columns are so."""
    async with store.reading() as connection:
        rows = await _ROWS[kind.of](connection, where)
    if as_json:
        for line in _json(rows):
            say(line)
    elif not rows:
        say(f"there is no {kind.word}: python -m cloud {kind.word} add --help")
    else:
        names = [name for name in rows[0] if name not in {"policies", "settings"}]
        cells = [[_cell(name, row[name]) for name in names] for row in rows]
        for line in table(names, cells):
            say(line)


async def showed(
    store: Store, kind: Kind, name: str, operator: str | None, say: Say, *, as_json: bool
) -> None:
    """One thing as a whole.

    Raises:
        FleetError: there is none of that name.
    """
    async with store.reading() as connection:
        key: tuple[str, ...] = (name,)
        if "operator" in kind.key:
            key = (whose(await Known.read(connection), {"operator": operator}, None), name)
        thing: Any = await fleet.get(connection, kind.of, *key)
        if thing is None:
            raise FleetError(f"there is no {kind.called(key)}: python -m cloud {kind.word} list")
        told = {"id": thing.id} | msgspec.to_builtins(thing)
        more = await _more(connection, thing)
    if as_json:
        say(msgspec.json.encode(told | more).decode())
        return
    slots = more.pop("slots", None)
    for line in pairs({key: _cell(key, value) for key, value in flat(told | more).items()}):
        say(line)
    if slots:
        say("")
        for line in table(
            list(slots[0]), [[_cell(*each) for each in row.items()] for row in slots]
        ):
            say(line)


async def _more(connection: AsyncConnection, thing: Any) -> dict[str, Any]:  # noqa: ANN401, of any kind
    """What is not its own but belongs to it."""
    match thing:
        case Planogram():
            place = {"operator": thing.operator, "planogram": thing.id}
            there = await fleet.every(connection, Shelf, **place)
            rows = [msgspec.to_builtins(each) for each in there]
            return {"slots": [_without(row, "operator", "planogram") for row in rows]}
        case Machine():
            operator = await fleet.get(connection, Operator, thing.operator)
            base = OURS if operator is None else operator.policies.over(OURS)
            return {"policies": msgspec.to_builtins(thing.policies.over(base))}
        case Operator():
            return {"policies": msgspec.to_builtins(thing.policies.over(OURS))}
        case Register():
            row = next(row for row in await _registers(connection, {"id": thing.id}))
            return _without(row, "id", "operator", "provider", "settings")
    return {}


async def _plain(
    connection: AsyncConnection,
    kind: Any,  # noqa: ANN401, of any kind
    where: Mapping[str, str],
) -> Rows:
    things = await fleet.every(connection, kind, **where)
    return [{"id": each.id} | msgspec.to_builtins(each) for each in things]


async def _operators(connection: AsyncConnection, where: Mapping[str, str]) -> Rows:
    machines = await archive.tally(connection, Machine, "operator")
    rows = await _plain(connection, Operator, where)
    return [row | {"machines": machines.get((row["id"],), 0)} for row in rows]


async def _registers(connection: AsyncConnection, where: Mapping[str, str]) -> Rows:
    rows = await _plain(connection, Register, where)
    machines = await archive.tally(connection, Machine, "register")
    waiting = await archive.waiting(connection)
    stood = {each.register: each for each in await standings(connection)}
    for row in rows:
        name = row["id"]
        standing = stood.get(name)
        held = standing if standing and standing.circuit.is_open() else None
        row |= {
            "machines": machines.get((name,), 0),
            "state": lanes.state(standing),
            "waiting": waiting.get(name, 0),
            "since": held.since if held else None,
            "reason": held.circuit.reason if held else "",
        }
    return rows


async def _products(connection: AsyncConnection, where: Mapping[str, str]) -> Rows:
    return await _plain(connection, Product, where)


async def _planograms(connection: AsyncConnection, where: Mapping[str, str]) -> Rows:
    rows = await _plain(connection, Planogram, where)
    machines = await archive.tally(connection, Machine, "operator", "planogram")
    slots = await archive.tally(connection, Shelf, "operator", "planogram", "slot")
    counts: dict[tuple[str, ...], int] = {}
    for operator, planogram, _ in slots:
        counts[operator, planogram] = counts.get((operator, planogram), 0) + 1
    for row in rows:
        place = (row["operator"], row["id"])
        row |= {"slots": counts.get(place, 0), "machines": machines.get(place, 0)}
    return rows


async def _machines(connection: AsyncConnection, where: Mapping[str, str]) -> Rows:
    return await _plain(connection, Machine, where)


_ROWS: Mapping[Any, Callable[[AsyncConnection, Mapping[str, str]], Any]] = {
    Operator: _operators,
    Register: _registers,
    Product: _products,
    Planogram: _planograms,
    Machine: _machines,
}


def _cell(name: str, value: object) -> str:
    if name == "since" and isinstance(value, int):
        return lanes.moment(value)
    text = shown(name, value)
    return "" if text == "-" else text


def _json(rows: Rows) -> Iterator[str]:
    """An array, one object a line."""
    if not rows:
        yield "[]"
        return
    for place, row in enumerate(rows):
        start = "[" if place == 0 else " "
        end = "]" if place == len(rows) - 1 else ","
        yield f"{start}{msgspec.json.encode(row).decode()}{end}"


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}

"""Adding: what is said becomes a thing of the fleet, or changes the one of that name."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.books import shelves
from cloud.books.comparison import Complete, overlap
from cloud.books.draft import differences, drafted, key_of
from cloud.books.kinds import SHELF, Column, Kind, Thing, said
from cloud.books.known import Known
from cloud.books.next_step import next_step
from cloud.books.objections import objections
from cloud.cp866 import normalised
from cloud.errors import FleetError
from cloud.fleet import Machine, Operator, Product, Shelf
from cloud.store import Store, fleet
from cloud.store.fleet import Put

Say = Callable[[str], None]
_ON_THE_RECEIPT = {Machine: ("number", "address", "place"), Product: ("name",)}


@dataclass(frozen=True, slots=True)
class Hand:
    """Who writes, and when."""

    who: str
    now_ms: int
    today: date


def said_on(arguments: Namespace, columns: tuple[Column, ...]) -> dict[str, Any]:
    """What the command line says of a kind."""
    told = vars(arguments)
    pairs = {column: told[column.name] for column in columns if column.name in told}
    shaped = said(pairs)
    for name in told.get("unset", ()):
        shaped.setdefault("policies", {})[name] = None
    return shaped


async def added(  # noqa: PLR0917, what is said has so many sides
    store: Store,
    kind: Kind,
    told: Mapping[str, Any],
    hand: Hand,
    say: Say,
    complete: Complete | None = None,
) -> Thing:
    """Add one thing, or change what is said of it.

    Raises:
        ConfigError: it lacks something, or names what is not there; nothing was written.
    """
    async with store.transaction() as connection:
        known = await Known.read(connection)
        before, whole = await _before(connection, kind, dict(told), known)
        thing: Thing = _thing(kind, before, whole, known, complete)
        put = await fleet.put(connection, thing, hand.who, hand.now_ms)
        owner = thing.id if isinstance(thing, Operator) else thing.operator
        operators = {*known.operators, owner}
        following = await next_step(connection, owner, alone=len(operators) == 1)
    _tell(kind, put, before, thing, say)
    say(following)
    return thing


async def put_on_shelf(
    store: Store, told: Mapping[str, Any], hand: Hand, say: Say, operator: str | None = None
) -> Shelf:
    """What is in a slot from a day on.

    Raises:
        ConfigError: the planogram or the product is not there, or the days are taken.
    """
    async with store.transaction() as connection:
        known = await Known.read(connection)
        owner = whose(known, {"operator": operator}, None)
        place = {"operator": owner, "planogram": told["planogram"], "slot": told["slot"]}
        there = await fleet.every(connection, Shelf, **place)
        begin = told.get("valid_from") or shelves.begins(there, told["product"], hand.today)
        before = next((each for each in there if each.valid_from == begin), None)
        whole = {**told, **place, "valid_from": begin}
        shelf: Shelf = _thing(SHELF, before, whole, known, None)
        if other := shelves.overlapping(shelf, [each for each in there if each is not before]):
            raise FleetError(f"slot {shelf.slot}: {overlap(shelf, other)}")
        put = await fleet.put(connection, shelf, hand.who, hand.now_ms)
        after = await fleet.every(connection, Shelf, **place)
        following = await next_step(connection, owner, alone=len(known.operators) == 1)
    _tell(SHELF, put, before, shelf, say)
    if there and put is not Put.SAME and "valid_from" not in told and begin < hand.today:
        say(
            f"note: it holds from {begin} on, for sales that arrive late, too;"
            f" --from {hand.today} would leave what was before today as it was"
        )
    for each in _ended(there, after, shelf):
        say(f"{each.product} was in it from {each.valid_from} until {each.valid_until}")
    say(following)
    return shelf


async def _before(
    connection: AsyncConnection, kind: Kind, told: dict[str, Any], known: Known
) -> tuple[Any, dict[str, Any]]:
    """What there is of that name, and what is said with whose it is."""
    if kind.of is Operator:
        return await fleet.get(connection, Operator, told["id"]), told
    if "operator" in kind.key:
        told["operator"] = whose(known, told, None)
    before: Any = await fleet.get(connection, kind.of, *kind.key_of(told))
    told["operator"] = whose(known, told, before)
    return before, told


def whose(known: Known, told: Mapping[str, Any], before: Thing | None) -> str:
    """The operator that is meant.

    Raises:
        FleetError: there is none, or several could be.
    """
    try:
        return known.whose(told, None, before)
    except ValueError as error:
        raise FleetError(f"--operator: {error}") from None


def _thing(
    kind: Kind,
    before: Any,  # noqa: ANN401, of any kind
    told: dict[str, Any],
    known: Known,
    complete: Complete | None,
) -> Any:  # noqa: ANN401, of any kind
    """The thing as it would be.

    Raises:
        FleetError: it cannot be so.
    """
    called = kind.called(kind.key_of(told))
    for column, reason in known.unknown(kind, told, before):
        raise FleetError(f"{called}: {column}: {reason}")
    try:
        thing = drafted(kind.of, before, told)
    except ValueError as error:
        raise FleetError(f"{called} {error}") from error
    if complete is not None:
        thing = complete(thing, before)
    for column, reason in objections(thing, known.operators.get(told.get("operator", ""))):
        raise FleetError(f"{called}: {column} {reason}")
    return thing


def _tell(kind: Kind, put: Put, before: Any, thing: Any, say: Say) -> None:  # noqa: ANN401, of any kind
    called = kind.called(key_of(kind, thing))
    match put:
        case Put.NEW:
            say(f"{called}: new")
        case Put.CHANGED:
            say(f"{called}: changed: {'; '.join(differences(before, thing))}")
        case Put.SAME:
            say(f"{called}: the same")
    for line in _printed(thing):
        say(line)


def _printed(thing: Thing) -> Iterator[str]:
    """Texts that a register prints otherwise than they were said."""
    for name in _ON_THE_RECEIPT.get(type(thing), ()):
        text = getattr(thing, name)
        if normalised(text) != text:
            yield f"{name} on the receipt: {normalised(text)}"


def _ended(before: list[Shelf], after: list[Shelf], new: Shelf) -> Iterator[Shelf]:
    for each in after:
        if each not in before and each.valid_from != new.valid_from:
            yield each

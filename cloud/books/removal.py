"""Removal: what is not used any more is taken away; what was written of it stays written."""

from collections.abc import Callable
from datetime import date

from cloud.books.adding import Hand, whose
from cloud.books.kinds import PLANOGRAM, SHELF, Kind
from cloud.books.known import Known
from cloud.errors import FleetError
from cloud.fleet import Shelf
from cloud.store import Store, fleet

Say = Callable[[str], None]


async def removed(  # noqa: PLR0917, as `cleared`
    store: Store, kind: Kind, name: str, operator: str | None, hand: Hand, say: Say
) -> None:
    """Take one thing away; a planogram goes with its slots.

    Raises:
        FleetError: there is none, or something still uses it; nothing was written.
    """
    async with store.transaction() as connection:
        key: tuple[str, ...] = (name,)
        if "operator" in kind.key:
            key = (whose(await Known.read(connection), {"operator": operator}, None), name)
        if kind is PLANOGRAM:
            for shelf in await fleet.every(connection, Shelf, operator=key[0], planogram=name):
                place = SHELF.key_of(_named(shelf))
                await fleet.take_away(connection, Shelf, place, hand.who, hand.now_ms)
        await fleet.take_away(connection, kind.of, key, hand.who, hand.now_ms)
    say(f"{kind.called(key)}: removed")


async def cleared(  # noqa: PLR0917, a place has so many parts
    store: Store,
    planogram: str,
    slot: str,
    begin: date | None,
    operator: str | None,
    hand: Hand,
    say: Say,
) -> None:
    """Take away what is in a slot: all of it, or only what began on a day.

    Raises:
        FleetError: there is nothing.
    """
    async with store.transaction() as connection:
        owner = whose(await Known.read(connection), {"operator": operator}, None)
        place = {"operator": owner, "planogram": planogram, "slot": slot}
        there = await fleet.every(connection, Shelf, **place)
        gone = [each for each in there if begin in {None, each.valid_from}]
        if not gone:
            day = f" that began on {begin}" if begin else ""
            raise FleetError(f"there is nothing in slot {slot} of planogram {planogram}{day}")
        for shelf in gone:
            key = SHELF.key_of(_named(shelf))
            await fleet.take_away(connection, Shelf, key, hand.who, hand.now_ms)
    for shelf in gone:
        say(f"{SHELF.called(SHELF.key_of(_named(shelf)))}: removed: {shelf.product}")


def _named(shelf: Shelf) -> dict[str, object]:
    return {name: getattr(shelf, name) for name in SHELF.key}

"""Comparison: a file's rows against what is there. What is wrong is kept, what is wanted too."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.books import archive, shelves
from cloud.books.draft import differences, drafted, key_of
from cloud.books.kinds import SHELF, Kind
from cloud.books.known import Known
from cloud.books.objections import objections
from cloud.books.spool import Spool, Spooled, lots
from cloud.errors import ConfigError
from cloud.fleet import Operator, Planogram, Shelf
from cloud.store.fleet import Put

Complete = Callable[[Any, Any], Any]
"""A value and what was there: the value, finished and checked further. Raises ConfigError."""
WRONG = ""
"""In a row of the spool: some cell of it is wrong, and has been told."""


@dataclass(slots=True)
class Comparison:
    """One file's."""

    kind: Kind
    operator: str | None
    """Whose it is where a row says nothing."""
    known: Known
    spool: Spool
    tell: Callable[[str], None]
    """Hears each row that is new or changed."""
    complete: Complete | None = None
    counts: Counter[Put] = field(default_factory=Counter)

    async def all(self, connection: AsyncConnection, progress: Callable[[int], None]) -> None:
        """Every row; `progress` hears how many are done."""
        for lot in self._lots():
            if self.kind is SHELF:
                await self._slots(connection, lot)
            else:
                await self._things(connection, lot)
            progress(len(lot))

    def _lots(self) -> Iterator[list[Spooled]]:
        """So many rows together; a slot's rows are not torn apart."""
        if self.kind is not SHELF:
            yield from lots(self.spool.rows())
            return
        slots = (list(rows) for _, rows in groupby(self.spool.rows(), _slot))
        for some in lots(slots):
            yield [row for rows in some for row in rows]

    async def _things(self, connection: AsyncConnection, lot: list[Spooled]) -> None:
        there: Mapping[tuple[str, ...], Any]
        there = await archive.existing(connection, self.kind.of, [key for key, _, _ in lot])
        for key, number, told in lot:
            before = there.get(key)
            thing = self._drafted(number, told, before)
            if thing is not None:
                put = self._count(number, before, thing)
                if put is not Put.SAME:
                    self.spool.want(thing)

    async def _slots(self, connection: AsyncConnection, lot: list[Spooled]) -> None:
        slots = list(dict.fromkeys(_slot(row) for row in lot))
        there = await archive.existing(connection, Shelf, slots)
        before: dict[tuple[str, ...], list[Shelf]] = {slot: [] for slot in slots}
        for key, shelf in there.items():
            before[key[:3]].append(shelf)
        for slot, rows in groupby(lot, _slot):
            self._slot(rows, before[slot])

    def _slot(self, rows: Iterable[Spooled], before: list[Shelf]) -> None:
        """Its rows are whole statements: what they do not say is not so."""
        drafts: list[tuple[int, Shelf]] = []
        for _, number, told in rows:
            thing = self._drafted(number, told, None)
            if thing is not None:
                drafts.append((number, thing))
        wanted = [thing for _, thing in drafts]
        for number, column, reason in _overlaps(drafts, before):
            self.spool.is_wrong(number, column, reason)
        after = shelves.settled(before, wanted)
        was = {each.valid_from: each for each in before}
        now = {each.valid_from: each for each in after}
        for number, thing in drafts:
            self._count(number, was.get(thing.valid_from), now[thing.valid_from])
            self._planogram(thing)
        for each in shelves.changed(before, after):
            self.spool.want(each)

    def _planogram(self, shelf: Shelf) -> None:
        """A planogram is there as soon as a row names it."""
        named = (shelf.operator, shelf.planogram)
        if named not in self.known.planograms:
            self.known.planograms.add(named)
            self.spool.want(Planogram(operator=shelf.operator, id=shelf.planogram))

    def _drafted(self, number: int, told: dict[str, Any], before: Any) -> Any:  # noqa: ANN401, of any kind
        """The value that a row asks for; None if it is wrong, which is kept."""
        wrong = list(self._wrong_names(told, before))
        if not wrong and not told.pop(WRONG, False):
            try:
                thing = drafted(self.kind.of, before, told)
                if self.complete is not None:
                    thing = self.complete(thing, before)
            except (ValueError, ConfigError) as error:
                wrong = [(self.kind.naming, str(error))]
            else:
                operator = self.known.operators.get(told.get("operator", ""))
                wrong = list(objections(thing, operator))
                if not wrong:
                    return thing
        for column, reason in wrong:
            self.spool.is_wrong(number, column, reason)
        return None

    def _wrong_names(self, told: dict[str, Any], before: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401, of any kind
        """Names of what is not there; whose it is is said from here on."""
        if self.kind.of is Operator:
            return
        try:
            told["operator"] = self.known.whose(told, self.operator, before)
        except ValueError as error:
            yield "operator", str(error)
        else:
            yield from self.known.unknown(self.kind, told, before)

    def _count(self, number: int, before: Any, thing: Any) -> Put:  # noqa: ANN401, of any kind
        put = Put.NEW if before is None else Put.SAME if before == thing else Put.CHANGED
        self.counts[put] += 1
        if put is not Put.SAME:
            how = f": {'; '.join(differences(before, thing))}" if before else ""
            called = self.kind.called(key_of(self.kind, thing))
            self.tell(f"row {number}: {called}: {put.value}{how}")
        return put


def overlap(one: Shelf, other: Shelf) -> str:
    """That two products are in one slot on the same days, in words."""
    return f"{one.product} {_days(one)} overlaps {other.product} {_days(other)}"


def _overlaps(
    drafts: list[tuple[int, Shelf]], before: list[Shelf]
) -> Iterator[tuple[int, str, str]]:
    days = {thing.valid_from for _, thing in drafts}
    others = [each for each in before if each.valid_from not in days]
    for number, thing in drafts:
        beside = [each for _, each in drafts if each is not thing]
        if other := shelves.overlapping(thing, [*others, *beside]):
            yield number, "valid_from", overlap(thing, other)


def _days(shelf: Shelf) -> str:
    end = f"until {shelf.valid_until}" if shelf.valid_until else "on"
    return f"from {shelf.valid_from} {end}"


def _slot(row: Spooled) -> tuple[str, ...]:
    return row[0][:3]

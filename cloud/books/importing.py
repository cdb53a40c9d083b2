"""Importing: a file is read and checked as a whole, then written as a whole or not at all.

    the file  -> rows, each cell read                  nothing of the store is locked
    the rows  -> what is wrong, new, changed, the same  one look at the store
    the store -> what is new or changed                one transaction, and a short one

If the fleet is another by then, nothing is written. Memory holds a lot of rows at a time, and the
names of registers, planograms and products.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud.books import archive, rows, sheets, shelves
from cloud.books.comparison import WRONG, Comparison, Complete
from cloud.books.kinds import SHELF, Column, Kind, Thing
from cloud.books.known import Known
from cloud.books.spool import Spool
from cloud.errors import ConfigError
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import Store
from cloud.store.fleet import Put

Say = Callable[[str], None]
EVERY: Final = 10_000
"""Rows between two words of progress."""
_ORDER: Final[tuple[type[Thing], ...]] = (Operator, Register, Product, Planogram, Shelf, Machine)
"""What others name is written before them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    file: Path
    kind: Kind
    columns: Sequence[Column]
    operator: str | None
    """Whose it is where a row says nothing."""
    dry: bool
    who: str
    now_ms: int
    complete: Complete | None = None


class Progress:
    """Says every so often how far it is."""

    def __init__(self, done: str, note: Say) -> None:
        self._done, self._note, self._count = done, note, 0

    def __call__(self, more: int) -> None:
        """So many more are done."""
        before, self._count = self._count, self._count + more
        if self._count // EVERY > before // EVERY:
            self._note(f"{self._count} rows {self._done}")


async def imported(store: Store, wish: Wish, say: Say, note: Say) -> int:
    """Import a file, or tell what would come of it.

    Raises:
        ConfigError: something in it is wrong; all of it was said, and nothing was written.
    """
    async with store.reading() as connection:
        known = await Known.read(connection)
    with Spool() as spool:
        tell = say if wish.dry else _nothing
        compared = Comparison(wish.kind, wish.operator, known, spool, tell, wish.complete)
        count = _read(wish, known, spool, Progress("read", note))
        async with store.reading() as connection:
            await compared.all(connection, Progress("compared", note))
        for number, column, reason in spool.wrong():
            say(f"row {number}, column {column}: {reason}")
        if mistakes := spool.mistakes:
            problems = "1 problem" if mistakes == 1 else f"{mistakes} problems"
            raise ConfigError(f"{wish.file}: {problems} in {count} rows; nothing was written")
        if not wish.dry:
            await _write(store, wish, known, spool, Progress("written", note))
    told = ", ".join(f"{compared.counts[each]} {each.value}" for each in Put)
    say(f"{wish.file}: {count} rows: {told}{'; nothing was written' if wish.dry else ''}")
    return 0


def _read(wish: Wish, known: Known, spool: Spool, progress: Progress) -> int:
    """The file into the spool; how many rows it has.

    Raises:
        ConfigError: it is no file of such rows at all.
    """
    count = 0
    needed = [name for name in wish.kind.key if name not in {"operator", "valid_from"}]
    try:
        for row in rows.read(sheets.rows(wish.file), wish.columns, needed):
            _keep(wish, known, spool, row)
            count += 1
            progress(1)
    except ConfigError as error:
        if str(error).startswith(str(wish.file)):
            raise
        raise ConfigError(f"{wish.file}: {error}") from error
    return count


def _keep(wish: Wish, known: Known, spool: Spool, row: rows.Row) -> None:
    kind, told = wish.kind, dict(row.said)
    wrong = dict(row.wrong)
    if kind is SHELF:
        told.setdefault("valid_from", shelves.EVER)
    if "operator" in kind.key and "operator" not in wrong:
        try:
            told["operator"] = known.whose(told, wish.operator, None)
        except ValueError as error:
            wrong["operator"] = str(error)
    for name in kind.key:
        if name not in told and name not in wrong:
            wrong[name] = "is empty"
    if all(name in told and name not in wrong for name in kind.key):
        key = kind.key_of(told)
        earlier = spool.put(key, row.number, told | ({WRONG: True} if wrong else {}))
        if earlier is not None:
            wrong[kind.naming] = f"{kind.called(key)} stands in row {earlier} already"
    for column, reason in wrong.items():
        spool.is_wrong(row.number, column, reason)


async def _write(store: Store, wish: Wish, known: Known, spool: Spool, progress: Progress) -> None:
    """What is new or changed.

    Raises:
        FleetError: the fleet is not as it was compared with any more; nothing is written.
    """
    async with store.transaction() as connection:
        await archive.alone_at(connection, known.version)
        for kind in _ORDER:
            for lot in spool.wanted(kind):
                await archive.write(connection, lot, wish.who, wish.now_ms)
                progress(len(lot))


def _nothing(_: str) -> None:
    """What is not asked for is not told."""

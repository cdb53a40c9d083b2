"""Salvage: a damaged outbox is set aside, and what can be read of it goes into a new one.

The damaged file is kept; a person may find more in it.

A salvaged sale keeps its epoch and its place in it, and goes up if the cloud is not known to have
it. The cloud counts it once, however often it comes.

It goes over row by row and in portions: the machine has little memory, and may have years of sales.

Of the files that were set aside the first and the newest stay. What could be read of the others went
from each into the next; they would fill the disk.

A power cut at any step leaves the damaged file where it was, or a whole new one that takes its
place at the next start. A file of no bytes is a new outbox: a power cut while it is made leaves
one, and there is nothing in it to be salvaged; beside a log it is a damaged one.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from edge.anchors import Anchor
from edge.errors import StartError
from edge.storage.file import File
from edge.storage.finds import FoundSale
from edge.storage.notes import Notes
from edge.storage.trouble import DamagedError, is_damage, unusable
from edge.storage.wreck import PORTION, Wreck, opened

log = logging.getLogger(__name__)

T = TypeVar("T")

BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps of one database."""
TOLD_LONG: Final = 300
"""Characters of the reason that the operator reads."""
STORY_LONG: Final = 1500
"""Characters of all of it, with what nobody was told of the salvage before."""
ASIDE_MOST: Final = 5
"""Damaged files that are kept: the first, and the newest of the others."""
_TAKEN_OVER: Final = {
    "receipt": ("put_receipt", ("sale_id", "rev", "body")),
    "context": ("put_context", ("address", "body")),
    "intent": ("put_intent", ("address", "body")),
    "answer": ("put_answer", ("command", "body")),
    "wish": ("put_wish", ("body",)),
}
"""Rows that go over as they are: the query that puts one, and the columns it needs."""


def salvage(
    path: Path,
    epoch: str,
    doubted: str | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> File:
    """Open the outbox; a damaged one is replaced by a new one with what was salvaged from it.

    `doubted` says what was found wrong with one that may open all the same: it is replaced, unless
    it has this epoch already. `meanwhile` is called every second or so, by whom this is called.

    Raises:
        StartError: the disk or the folder is in the way, also of the salvage.
    """
    try:
        _finish_the_last(path)
    except OSError as error:
        raise unusable(path, error) from error
    try:
        file = File(path, meanwhile)
    except DamagedError as error:
        file = _replaced(path, epoch, str(error.__cause__), meanwhile)
    else:
        if doubted is not None and file.one("identity")[0] != epoch:
            file.abandon()
            file = _replaced(path, epoch, doubted, meanwhile)
    try:
        with file.committed():
            file.run("make_identity", epoch=epoch, base=0, salvaged=None)
    except sqlite3.Error as error:
        file.abandon()
        raise unusable(path, error) from error
    return file


def put_back(path: Path, adrift: File, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Let an outbox that was deleted or replaced while it was in use take its place again.

    Whoever has a file open has all of it. What stands in its place is set aside unread; but where
    what is open cannot be read any more, as of a card that was pulled out, it is all that there is.

    Raises:
        StartError: the disk or the folder is in the way; nothing is lost, try again.
    """
    log.error("%s was deleted or replaced while it was in use; putting it back", path)
    try:
        _clear(path)
        adrift.copy_to(_half(path), meanwhile)
        _half(path).rename(_whole(path))
        _settle(path.parent)
        _take_the_place(path)
    except (sqlite3.Error, OSError) as error:
        if not is_damage(error):
            raise unusable(path, error) from error
        log.critical("%s: what was kept in it cannot be read any more: %s", path, error)


def _finish_the_last(path: Path) -> None:
    """A power cut may have come into the last salvage."""
    _clear(path)
    if _whole(path).exists():
        _take_the_place(path)


def _replaced(
    path: Path, epoch: str, reason: str, meanwhile: Callable[[], None] = lambda: None
) -> File:
    """Fill a new file, and only when it is whole let it take the place of the damaged one."""
    log.error("%s is damaged: %s; setting it aside and salvaging what it holds", path, reason)
    try:
        with opened(path, _scratch(path), meanwhile) as wreck, closing(File(_half(path))) as new:
            _fill(new, wreck, epoch, reason, meanwhile)
        _half(path).rename(_whole(path))
        _settle(path.parent)
        _take_the_place(path)
        _clear(path)
    except (sqlite3.Error, OSError, StartError) as error:
        with suppress(OSError):  # on a full disk it is in the way of the next try
            _clear(path)
        raise error if isinstance(error, StartError) else unusable(path, error) from error
    return File(path, meanwhile)


def _take_the_place(path: Path) -> None:
    """The log goes aside before its database: beside another one it would be taken for its log."""
    aside = _aside(path, max(_numbers_aside(path), default=0) + 1)
    for suffix in reversed(BESIDE):
        beside = Path(f"{path}{suffix}")
        if beside.exists():
            beside.rename(f"{aside}{suffix}")
    _whole(path).rename(path)
    _settle(path.parent)
    for number in _numbers_aside(path)[1 : 1 - ASIDE_MOST]:
        with suppress(OSError):
            _remove(_aside(path, number))


def _fill(new: File, wreck: Wreck, epoch: str, reason: str, meanwhile: Callable[[], None]) -> None:
    tally = _Tally()
    for sales in _portions(wreck.sales(), meanwhile):
        with new.committed():
            for each in sales:
                tally.count(each)
                new.run(
                    "put_salvaged",
                    place=tally.sales,
                    epoch=each.epoch,
                    seq=each.seq,
                    sale_id=each.sale_id,
                    body=each.body,
                    untimed=each.untimed,
                    told=each.told,
                    acknowledged=each.acknowledged,
                    acknowledged_at=each.acknowledged_at,
                )
    story = _story(tally, reason, wreck.story)
    log.error("%s", story)
    with new.committed():
        new.run("make_identity", epoch=epoch, base=tally.sales, salvaged=story)
    for table, (query, columns) in _TAKEN_OVER.items():
        for rows in _portions(wreck.rows(table), meanwhile):
            with new.committed():
                for row in rows:
                    new.run(query, **{each: row[each] for each in columns})
    with new.committed():
        for anchor in _placed_anew(new, wreck):
            new.run("put_anchor", body=msgspec.json.encode(anchor))
    _take_notes_over(new, epoch, wreck, meanwhile)


def _take_notes_over(new: File, epoch: str, wreck: Wreck, meanwhile: Callable[[], None]) -> None:
    """Under new numbers; before notes had any, evidence stood in a table `showing`."""
    notes = Notes(new, epoch)
    for rows in _portions(wreck.rows("note"), meanwhile):
        with new.committed():
            for row in rows:
                if row.get("noted") == 0:
                    notes.put_again(row["channel"], row["body"])
    for rows in _portions(wreck.rows("showing"), meanwhile):
        with new.committed():
            for row in rows:
                if row.get("published") == 0:
                    notes.put_again("shown", row["body"])


def _placed_anew(new: File, wreck: Wreck) -> Iterator[Anchor]:
    """The anchors, each after as many sales as before."""
    for row in wreck.rows("anchor"):
        anchor = msgspec.json.decode(row["body"], type=Anchor)
        last = wreck.finds.before(anchor.after)
        after = new.one("place_of", sale_id=last)[0] if last is not None else 0
        yield msgspec.structs.replace(anchor, after=after)


@dataclass(slots=True)
class _Tally:
    """What went over, counted as it goes: by epochs, and in each by numbers."""

    sales: int = 0
    again: int = 0
    missing: int = 0
    """Numbers between the first and the last of each epoch that were not found."""
    _epoch: str = ""
    _seq: int = 0

    def count(self, found: FoundSale) -> None:
        self.sales += 1
        self.again += not found.acknowledged
        if found.epoch == self._epoch:
            self.missing += max(0, found.seq - self._seq - 1)
        self._epoch, self._seq = found.epoch, found.seq


def _story(tally: _Tally, reason: str, earlier: str | None) -> str:
    """What became of a damaged outbox, for the operator."""
    story = (
        f"the outbox was damaged ({reason[:TOLD_LONG]}) and set aside; {tally.sales} sales were"
        f" salvaged, {tally.again} of them go up again; {tally.missing} numbers between them were not"
        " found"
    )
    return f"{story}; and before that: {earlier}"[:STORY_LONG] if earlier else story


def _portions(each: Iterable[T], meanwhile: Callable[[], None]) -> Iterator[list[T]]:
    """So many at once that one commit takes a second or so."""
    rest = iter(each)
    while portion := list(islice(rest, PORTION)):
        meanwhile()
        yield portion


def _clear(path: Path) -> None:
    """Away with what a salvage works in."""
    _remove(_scratch(path))
    _remove(_half(path))


def _remove(path: Path) -> None:
    for suffix in BESIDE:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """What was renamed stays so through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _half(path: Path) -> Path:
    return path.with_name(f"{path.stem}.half{path.suffix}")


def _whole(path: Path) -> Path:
    return path.with_name(f"{path.stem}.whole{path.suffix}")


def _scratch(path: Path) -> Path:
    return path.with_name(f"{path.stem}.finds{path.suffix}")


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")


def _numbers_aside(path: Path) -> list[int]:
    """Of the files that were set aside, in the order in which that was done."""
    begin = f"{path.stem}.damaged-"
    names = [each.name for each in path.parent.glob(f"{begin}*{path.suffix}")]
    numbers = [name.removeprefix(begin).removesuffix(path.suffix) for name in names]
    return sorted(int(each) for each in numbers if each.isdecimal())

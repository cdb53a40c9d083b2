"""Salvage: a damaged outbox is set aside, and what can be read of it goes into a new one.

The damaged file is kept; a person may find more in it.

A salvaged sale keeps its epoch and its place in it, and goes up if the cloud is not known to have
it. The cloud counts it once, however often it comes.

A power cut at any step leaves the damaged file where it was, or a whole new one that takes its
place at the next start. A file of no bytes is a new outbox: a power cut while it is made leaves
one, and there is nothing in it to be salvaged; beside a log it is a damaged one.
"""

import logging
import os
import sqlite3
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import msgspec

from edge.anchors import Anchor
from edge.errors import StartError
from edge.storage.file import File
from edge.storage.notes import Notes
from edge.storage.trouble import DamagedError, unusable
from edge.storage.wreck import Found, FoundSale, Row, read
from edge.wire import Sale

log = logging.getLogger(__name__)

BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps of one database."""
TOLD_LONG: Final = 300
"""Characters of the reason that the operator reads."""
_TAKEN_OVER: Final = {
    "receipt": ("put_receipt", ("sale_id", "rev", "body")),
    "context": ("put_context", ("address", "body")),
    "intent": ("put_intent", ("address", "body")),
    "answer": ("put_answer", ("command", "body")),
    "wish": ("put_wish", ("body",)),
}
"""Rows that go over as they are: the query that puts one, and the columns it needs."""


def salvage(path: Path, epoch: str, doubted: str | None = None) -> File:
    """Open the outbox; a damaged one is replaced by a new one with what was salvaged from it.

    `doubted` says what was found wrong with one that may open all the same: it is replaced, unless
    it has this epoch already.

    Raises:
        StartError: the disk or the folder is in the way, also of the salvage.
    """
    try:
        _finish_the_last(path)
    except OSError as error:
        raise unusable(path, error) from error
    try:
        file = File(path)
    except DamagedError as error:
        file = _replaced(path, epoch, str(error.__cause__))
    else:
        if doubted is not None and file.one("identity")[0] != epoch:
            file.abandon()
            file = _replaced(path, epoch, doubted)
    try:
        with file.committed():
            file.run("make_identity", epoch=epoch, base=0, salvaged=None)
    except sqlite3.Error as error:
        file.abandon()
        raise unusable(path, error) from error
    return file


def _finish_the_last(path: Path) -> None:
    """A power cut may have come into the last salvage."""
    _remove(_half(path))
    if _whole(path).exists():
        _take_the_place(path)


def _replaced(path: Path, epoch: str, reason: str) -> File:
    """Fill a new file, and only when it is whole let it take the place of the damaged one."""
    log.error("%s is damaged: %s; setting it aside and salvaging what it holds", path, reason)
    try:
        found = read(path)
        with closing(File(_half(path))) as new:
            _fill(new, found, epoch, reason)
        _half(path).rename(_whole(path))
        _settle(path.parent)
        _take_the_place(path)
    except (sqlite3.Error, OSError, StartError) as error:
        with suppress(OSError):  # on a full disk it is in the way of the next try
            _remove(_half(path))
        raise error if isinstance(error, StartError) else unusable(path, error) from error
    return File(path)


def _take_the_place(path: Path) -> None:
    """The log goes aside before its database: beside another one it would be taken for its log."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for suffix in reversed(BESIDE):
        beside = Path(f"{path}{suffix}")
        if beside.exists():
            beside.rename(f"{aside}{suffix}")
    _whole(path).rename(path)
    _settle(path.parent)


def _fill(new: File, found: Found, epoch: str, reason: str) -> None:
    with new.committed():
        for place, each in enumerate(found.sales, 1):
            new.run(
                "put_salvaged",
                place=place,
                epoch=each.sale.epoch,
                seq=each.sale.seq,
                sale_id=each.sale.sale_id,
                body=each.body,
                untimed=each.untimed,
                told=each.told,
                acknowledged=each.acknowledged,
                acknowledged_at=each.acknowledged_at,
            )
        story = _story(found.sales, reason)
        log.error("%s", story)
        new.run("make_identity", epoch=epoch, base=len(found.sales), salvaged=story)
        for table, (query, columns) in _TAKEN_OVER.items():
            for row in found.rows.get(table, ()):
                new.run(query, **{each: row[each] for each in columns})
        for anchor in _placed_anew(found):
            new.run("put_anchor", body=msgspec.json.encode(anchor))
        _take_notes_over(Notes(new, epoch), found.rows)


def _take_notes_over(notes: Notes, rows: Mapping[str, Sequence[Row]]) -> None:
    """Under new numbers; before notes had any, evidence stood in a table `showing`."""
    for row in rows.get("note", ()):
        if row.get("noted") == 0:
            notes.put_again(row["channel"], row["body"])
    for row in rows.get("showing", ()):
        if row.get("published") == 0:
            notes.put_again("shown", row["body"])


def _placed_anew(found: Found) -> list[Anchor]:
    """The anchors, each after as many sales as before."""
    old = sorted(each.place for each in found.sales if each.place is not None)
    new = {each.place: place for place, each in enumerate(found.sales, 1)}
    placed = []
    for row in found.rows.get("anchor", ()):
        anchor = msgspec.json.decode(row["body"], type=Anchor)
        before = bisect_right(old, anchor.after)
        after = new[old[before - 1]] if before else 0
        placed.append(msgspec.structs.replace(anchor, after=after))
    return placed


def _story(sales: Sequence[FoundSale], reason: str) -> str:
    """What became of a damaged outbox, for the operator."""
    again = sum(not each.acknowledged for each in sales)
    return (
        f"the outbox was damaged ({reason[:TOLD_LONG]}) and set aside; {len(sales)} sales were"
        f" salvaged, {again} of them go up again; {_missing([each.sale for each in sales])} numbers"
        " between them were not found"
    )


def _missing(sales: Sequence[Sale]) -> int:
    """Numbers between the first and the last of each epoch that were not found."""
    numbers: dict[str, list[int]] = {}
    for sale in sales:
        numbers.setdefault(sale.epoch, []).append(sale.seq)
    return sum(max(each) - min(each) + 1 - len(set(each)) for each in numbers.values())


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

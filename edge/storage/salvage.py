"""Salvage: a damaged outbox is set aside, and what can be read of it goes into a new one.

Rows are read one by one, so that a page that cannot be read costs its own rows only. If that does
not go through, the bytes of the file are searched for sales as well: a sale is a text that checks
itself. The damaged file is kept; a person may find more in it.

A salvaged sale keeps its epoch and its place in it, and goes up if the cloud is not known to have
it. The cloud counts it once, however often it comes.
"""

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.storage.file import DamagedError, File, unusable
from edge.storage.notes import Notes
from edge.wire import MalformedMessageError, Sale, decode

log = logging.getLogger(__name__)

BESIDE: Final = ("", "-wal", "-shm")
"""What SQLite keeps of one database."""
IN_A_ROW: Final = 10_000
"""After so many rows that cannot be read one after another, there are no more."""
LONGEST_SALE: Final = 4096
_BEGIN: Final = re.compile(rb'\{"sale_id":"')
_OTHERS: Final = {
    "receipt": ("put_receipt", ("sale_id", "rev", "body")),
    "context": ("put_context", ("address", "body")),
    "intent": ("put_intent", ("address", "body")),
    "answer": ("put_answer", ("command", "body")),
}
"""What else is taken over: the table, the query that puts a row, and the columns it needs."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A sale as it was found."""

    sale: Sale
    body: bytes
    told: bytes | None = None
    untimed: bool = False
    acknowledged: bool = False
    acknowledged_at: int | None = None


def salvage(path: Path, epoch: str) -> File:
    """Open the outbox; a damaged one is replaced by a new one with what was salvaged from it.

    Raises:
        StartError: the disk or the folder is in the way, also of the salvage.
    """
    for suffix in BESIDE:
        Path(f"{_half(path)}{suffix}").unlink(missing_ok=True)
    if _whole(path).exists():
        _take_the_place(path)  # a power cut came in between
    try:
        file = File(path)
    except DamagedError as error:
        _replace(path, epoch, str(error.__cause__))
        file = File(path)
    with file.committed():
        file.run("make_identity", epoch=epoch, base=0, salvaged=None)
    return file


def _replace(path: Path, epoch: str, reason: str) -> None:
    """Fill a new file, and only when it is whole let it take the place of the damaged one."""
    log.error("%s is damaged: %s; setting it aside and salvaging its rows", path, reason)
    try:
        rows, others = _found(path)
        with closing(File(_half(path))) as new:
            _fill(new, rows, others, epoch, reason)
        _half(path).rename(_whole(path))
        _take_the_place(path)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error


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
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _found(path: Path) -> tuple[list[_Row], dict[str, list[Mapping[str, Any]]]]:
    rows: dict[str, _Row] = {}
    others: dict[str, list[Mapping[str, Any]]] = {}
    whole = False
    try:
        # Read-only: closing it must not fold a log into what a person may still search.
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as damaged:
            damaged.row_factory = sqlite3.Row
            whole = True
            for row, sound in _one_by_one(damaged, "sale"):
                whole = whole and sound
                if row is not None and (found := _row(row)) is not None:
                    rows[found.sale.sale_id] = found
            for table in (*_OTHERS, "note"):
                read = _one_by_one(damaged, table)
                others[table] = [row for row, _ in read if row is not None]
    except sqlite3.Error as error:
        log.warning("%s cannot be read as a database: %s", path, error)
        whole = False
    if not whole:
        for found in _searched(path):
            rows.setdefault(found.sale.sale_id, found)
    return sorted(rows.values(), key=lambda row: (row.sale.epoch, row.sale.seq)), others


def _one_by_one(
    damaged: sqlite3.Connection, table: str
) -> Iterator[tuple[Mapping[str, Any] | None, bool]]:
    """Each row that can be read, or None for some that cannot; and whether all was well."""
    after, failed = -1, 0
    while failed < IN_A_ROW:
        query = f"SELECT rowid AS rowid_, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1"  # noqa: S608, our names
        try:
            row = damaged.execute(query, (after,)).fetchone()
        except sqlite3.Error as error:
            if "no such table" in str(error):
                yield None, False
                return
            after, failed = after + 1, failed + 1
            yield None, False
            continue
        if row is None:
            return
        after, failed = row["rowid_"], 0
        yield dict(row), True


def _row(row: Mapping[str, Any]) -> _Row | None:
    try:
        sale = decode(row["body"], Sale)
    except (MalformedMessageError, KeyError, TypeError):
        return None
    told = row.get("told")
    return _Row(
        sale,
        row["body"],
        told if isinstance(told, bytes) else None,
        row.get("untimed") == 1,
        row.get("acknowledged") == 1,
        row.get("acknowledged_at") if row.get("acknowledged") == 1 else None,
    )


def _searched(path: Path) -> Iterator[_Row]:
    """Sales in the bytes of the file and its log, whatever page they are on.

    Of one whose time was worked out both tellings are found; the later one was published.
    """
    found: dict[str, _Row] = {}
    for suffix in BESIDE[:2]:
        beside = Path(f"{path}{suffix}")
        content = beside.read_bytes() if beside.exists() else b""
        for start in (match.start() for match in _BEGIN.finditer(content)):
            for end in _ends(content, start):
                try:
                    sale = decode(content[start:end], Sale)
                except MalformedMessageError:
                    continue
                known = found.get(sale.sale_id)
                if known is None or known.sale.clock == "unsynced":
                    found[sale.sale_id] = _Row(sale, content[start:end])
                break
    yield from found.values()


def _ends(content: bytes, start: int) -> Iterator[int]:
    """Where the text that begins here may end: at its closing brace, or one after it."""
    end = start
    for _ in range(24):
        end = content.find(b"}", end, start + LONGEST_SALE) + 1
        if end == 0:
            return
        yield end


def _fill(
    new: File,
    rows: Sequence[_Row],
    others: Mapping[str, list[Mapping[str, Any]]],
    epoch: str,
    reason: str,
) -> None:
    with new.committed():
        for place, row in enumerate(rows, 1):
            new.run(
                "put_salvaged",
                place=place,
                epoch=row.sale.epoch,
                seq=row.sale.seq,
                sale_id=row.sale.sale_id,
                body=row.body,
                untimed=row.untimed,
                told=row.told,
                acknowledged=row.acknowledged,
                acknowledged_at=row.acknowledged_at,
            )
        story = _story(rows, reason)
        log.error("%s", story)
        new.run("make_identity", epoch=epoch, base=len(rows), salvaged=story)
        for table, (query, columns) in _OTHERS.items():
            for other in others.get(table, ()):
                if set(columns) <= set(other):
                    new.run(query, **{each: other[each] for each in columns})
        notes = Notes(new, epoch)
        for note in others.get("note", ()):
            if note.get("noted") == 0:
                notes.put_again(note["channel"], note["body"])


def _story(rows: Sequence[_Row], reason: str) -> str:
    """What became of a damaged outbox, for the operator."""
    again = sum(not row.acknowledged for row in rows)
    return (
        f"the outbox was damaged ({reason}) and set aside; {len(rows)} sales were salvaged,"
        f" {again} of them go up again; {_missing([row.sale for row in rows])} numbers between them"
        " were not found"
    )


def _missing(sales: Sequence[Sale]) -> int:
    """Numbers between the first and the last of each epoch that were not found."""
    numbers: dict[str, list[int]] = {}
    for sale in sales:
        numbers.setdefault(sale.epoch, []).append(sale.seq)
    return sum(max(each) - min(each) + 1 - len(each) for each in numbers.values())


def _half(path: Path) -> Path:
    return path.with_name(f"{path.stem}.half{path.suffix}")


def _whole(path: Path) -> Path:
    return path.with_name(f"{path.stem}.whole{path.suffix}")

"""The wreck: what can be read of a damaged outbox.

Rows are read one by one, so that a page that cannot be read costs its own rows only. Then the bytes
of the file and its log are searched for sales: a sale is a text that checks itself. Where every row
was read only those count that come after the last one, as they were in a log that is lost; what a
log still holds of sales that were let go is not found again. A number that a row has is not taken
twice.
"""

import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from edge.anchors import Anchor
from edge.intent import Intent
from edge.storage.log import log_kept
from edge.wire import MalformedMessageError, Receipt, Sale, decode
from mdb.context import Context

log = logging.getLogger(__name__)

IN_A_ROW: Final = 2000
"""After so many rows that cannot be read one after another, there are no more: a broken page of the
tree leads to fewer."""
LONGEST_SALE: Final = 4096
BLOCK_BYTES: Final = 4096
"""What is lost where the card does not give a sector back."""
_BEGIN: Final = re.compile(rb'\{"sale_id":"')
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FoundSale:
    """A sale as it was found; `place` is that in the damaged file, None if no row had it."""

    sale: Sale
    body: bytes
    place: int | None = None
    told: bytes | None = None
    untimed: bool = False
    acknowledged: bool = False
    acknowledged_at: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """All that can be read: sales in their order, and the sound rows of other tables."""

    sales: Sequence[FoundSale]
    rows: Mapping[str, Sequence[Row]]


def read(path: Path) -> Found:
    """Read a damaged outbox; nothing in it is changed.

    Raises:
        OSError: the disk or the folder is in the way.
    """
    texts = [_bytes(path), _bytes(path.with_name(f"{path.name}-wal"))]
    wreck = _Wreck()
    try:
        with (
            log_kept(path, anyway=True),
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as damaged,
        ):
            damaged.row_factory = sqlite3.Row
            wreck.read(damaged)
    except (sqlite3.Error, UnicodeError) as error:
        log.warning("%s cannot be read as a database: %s", path, error)
        wreck.whole = False
    wreck.search(texts)
    return wreck.found()


@dataclass(slots=True)
class _Wreck:
    """What has been found so far."""

    whole: bool = True
    epoch: str | None = None
    """The epoch it had, if that can be read."""
    sales: dict[str, FoundSale] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def read(self, damaged: sqlite3.Connection) -> None:
        """Take the rows that can be read."""
        damaged.execute("SELECT count(*) FROM sqlite_master").fetchone()
        last = 0
        for row, sound in _one_by_one(damaged, "sale"):
            found = _sale(row) if row is not None else None
            self.whole = self.whole and sound and found is not None
            if found is not None and found.sale.sale_id not in self.sales:
                self.sales[found.sale.sale_id] = found
                self.whole = self.whole and (last == 0 or found.place == last + 1)
                last = found.place or 0
        for table, sound_row in _SOUND.items():
            rows = [row for row, _ in _one_by_one(damaged, table) if row is not None]
            self.rows[table] = [row for row in rows if sound_row(row)]
        self.whole = self.whole and last > 0
        for row in self.rows["identity"]:
            self.epoch = row["epoch"]

    def search(self, texts: Sequence[bytes]) -> None:
        """Take the sales that stand in bytes, whatever page they are on."""
        numbered = {(each.sale.epoch, each.sale.seq) for each in self.sales.values()}
        last = max((seq for epoch, seq in numbered if epoch == self.epoch), default=0)
        searched: dict[str, FoundSale] = {}
        for text in texts:
            for found in _texts(text):
                known = searched.get(found.sale.sale_id)
                # Of one whose time was worked out both are there; that one was published.
                if known is None or known.sale.clock == "unsynced":
                    searched[found.sale.sale_id] = found
        for found in searched.values():
            epoch, seq = found.sale.epoch, found.sale.seq
            after_all = epoch == self.epoch and seq > last
            if (epoch, seq) not in numbered and (after_all or not self.whole):
                self.sales.setdefault(found.sale.sale_id, found)

    def found(self) -> Found:
        """All of it: epochs in the order in which they were begun, each by its numbers."""
        begun: dict[str, float] = {}
        for each in self.sales.values():
            place = float("-inf") if each.place is None else each.place
            known = begun.get(each.sale.epoch, float("-inf"))
            begun[each.sale.epoch] = place if known == float("-inf") else min(known, place)
        if self.epoch in begun:
            begun[self.epoch] = float("inf")

        def in_order(each: FoundSale) -> tuple[float, str, int]:
            return begun[each.sale.epoch], each.sale.epoch, each.sale.seq

        return Found(sorted(self.sales.values(), key=in_order), self.rows)


def _one_by_one(damaged: sqlite3.Connection, table: str) -> Iterator[tuple[Row | None, bool]]:
    """Each row that can be read, or None for some that cannot; and whether all was well."""
    after, failed = -1, 0
    query = f"SELECT rowid AS rowid_, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1"  # noqa: S608, our names
    while failed < IN_A_ROW:
        try:
            row = damaged.execute(query, (after,)).fetchone()
            if row is None:
                return
            if row["rowid_"] <= after:
                raise sqlite3.DatabaseError("rows are out of their order")
        except (sqlite3.Error, UnicodeError) as error:
            if "no such table" in str(error):
                yield None, False
                return
            after, failed = after + 1, failed + 1
            yield None, False
            continue
        after, failed = row["rowid_"], 0
        yield dict(row), True


def _sale(row: Row) -> FoundSale | None:
    sale = _decoded(row.get("body"), Sale)
    if sale is None:
        return None
    told = _decoded(row.get("told"), Sale)
    untimed = row.get("untimed") == 1
    acknowledged = row.get("acknowledged") == 1
    at = row.get("acknowledged_at")
    return FoundSale(
        sale,
        row["body"],
        row["rowid_"],
        row["told"] if untimed and told is not None and told.sale_id == sale.sale_id else None,
        untimed,
        acknowledged,
        at if acknowledged and isinstance(at, int) else None,
    )


def _texts(text: bytes) -> Iterator[FoundSale]:
    for start in (match.start() for match in _BEGIN.finditer(text)):
        for end in _ends(text, start):
            sale = _decoded(text[start:end], Sale)
            if sale is not None:
                yield FoundSale(sale, text[start:end])
                break


def _ends(text: bytes, start: int) -> Iterator[int]:
    """Where the text that begins here may end: at its closing brace, or one after it."""
    end = start
    for _ in range(24):
        end = text.find(b"}", end, start + LONGEST_SALE) + 1
        if end == 0:
            return
        yield end


def _bytes(path: Path) -> bytes:
    """The content, with nothing where the card does not give it back."""
    try:
        with path.open("rb", buffering=0) as file:
            try:
                return file.readall()
            except OSError as error:
                log.warning("%s: %s; reading what can be read", path, error)
            content = bytearray(path.stat().st_size)
            for at in range(0, len(content), BLOCK_BYTES):
                file.seek(at)
                try:
                    block = file.read(BLOCK_BYTES) or b""
                except OSError:
                    continue
                content[at : at + len(block)] = block
            return bytes(content)
    except FileNotFoundError:
        return b""


def _decoded(body: object, kind: Any) -> Any:  # noqa: ANN401, of whatever kind is asked for
    """A body, if it is sound."""
    if not isinstance(body, bytes):
        return None
    try:
        if kind in {Sale, Receipt}:
            return decode(body, kind)
        return msgspec.json.decode(body, type=kind)
    except (MalformedMessageError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _is_receipt(row: Row) -> bool:
    receipt = _decoded(row.get("body"), Receipt)
    return receipt is not None and (receipt.sale_id, receipt.rev) == (row["sale_id"], row["rev"])


def _has_body(kind: Any, **types: type) -> Any:  # noqa: ANN401, a rule for rows
    """Rows whose body is of a kind, and whose other columns are of these types."""
    columns = types.items()
    return lambda row: (
        _decoded(row.get("body"), kind) is not None
        and all(isinstance(row.get(name), each) for name, each in columns)
    )


_SOUND: Final[Mapping[str, Any]] = {
    "identity": lambda row: isinstance(row.get("epoch"), str),
    "receipt": _is_receipt,
    "note": _has_body(dict, channel=str),
    "showing": _has_body(dict),
    "context": _has_body(Context, address=int),
    "intent": _has_body(Intent, address=int),
    "anchor": _has_body(Anchor),
    "answer": _has_body(Any, command=str),
    "wish": _has_body(Any),
}
"""The other tables, and whether a row of each can be used: a broken one would stop every start."""

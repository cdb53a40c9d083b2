"""The wreck: what can be read of a damaged outbox.

Rows are read one by one, so that a page that cannot be read costs its own rows only. Then the bytes
of the file and its log are searched for sales: a sale is a text that checks itself. Where every row
was read only those count that come after the last one, as they were in a log that is lost; what a
log still holds of sales that were let go is not found again. A number that a row has is not taken
twice.

Nothing is read as a whole: the machine has little memory.
"""

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, Final

import msgspec

from edge.anchors import Anchor
from edge.intent import Intent
from edge.storage.finds import Finds, FoundSale
from edge.storage.log import log_kept
from edge.wire import MalformedMessageError, Receipt, Sale, decode
from mdb.context import Context

log = logging.getLogger(__name__)

IN_A_ROW: Final = 2000
"""After so many rows that cannot be read one after another, there are no more: a broken page of the
tree leads to fewer."""
LONGEST_SALE: Final = 4096
LONGEST_ROW: Final = 1024 * 1024
"""A length that rotted is no reason to take all memory; a wish is a quarter of it at most."""
BLOCK_BYTES: Final = 4096
"""What is lost where the card does not give a sector back."""
SEARCHED_BYTES: Final = 64 * BLOCK_BYTES
"""Searched at once."""
PORTION: Final = 500
"""Rows that the smallest computer reads, or writes, in a second or so."""
_BEGIN: Final = re.compile(rb'\{"sale_id":"')
Row = Mapping[str, Any]


class Wreck:
    """A damaged outbox that is open to be read; nothing in it is changed."""

    def __init__(
        self,
        damaged: sqlite3.Connection | None,
        texts: Iterable[FileIO],
        finds: Finds,
        meanwhile: Callable[[], None],
    ) -> None:
        """Find the sales; `damaged` is None where it is no database at all."""
        self.finds = finds
        self._damaged = damaged
        self._meanwhile = meanwhile
        self._whole = damaged is not None
        self._read_sales()
        self.epoch: str | None = None
        """The epoch it had, if that can be read."""
        self.story: str | None = None
        """How it was salvaged itself, if nobody was told yet."""
        for row in self.rows("identity"):
            story = row.get("salvaged")
            self.epoch, self.story = row["epoch"], story if isinstance(story, str) else None
        for text in texts:
            self._search(text)

    def sales(self) -> Iterator[FoundSale]:
        """All sales, in their order."""
        return self.finds.in_order(self.epoch)

    def rows(self, table: str) -> Iterator[Row]:
        """The sound rows of another table."""
        sound_row = _SOUND[table]
        for row, _ in self._one_by_one(table):
            if row is not None and sound_row(row):
                yield row

    def _one_by_one(self, table: str) -> Iterator[tuple[Row | None, bool]]:
        if self._damaged is not None:
            for count, each in enumerate(_one_by_one(self._damaged, table)):
                if count % PORTION == 0:
                    self._meanwhile()
                yield each

    def _read_sales(self) -> None:
        last = 0
        for row, sound in self._one_by_one("sale"):
            found = _sale(row) if row is not None else None
            self._whole = self._whole and sound and found is not None
            if found is not None and self.finds.take_row(found):
                self._whole = self._whole and (last == 0 or found.place == last + 1)
                last = found.place or 0
        self._whole = self._whole and last > 0

    def _search(self, file: FileIO) -> None:
        """Take the sales that stand in bytes, whatever page they are on."""
        last = self.finds.last_seq(self.epoch)
        for sale, text in _texts(file, self._meanwhile):
            if not self._whole or (sale.epoch == self.epoch and sale.seq > last):
                found = FoundSale(sale.sale_id, sale.epoch, sale.seq, text)
                self.finds.take_text(found, final=sale.clock != "unsynced")


@contextmanager
def opened(
    path: Path, scratch: Path, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Wreck]:
    """Read a damaged outbox, with a file `scratch` that may be written; the caller removes it.

    Raises:
        OSError, sqlite3.Error: the disk or the folder is in the way.
    """
    with ExitStack() as stack:
        finds = stack.enter_context(closing(Finds(scratch)))
        stack.enter_context(log_kept(path, anyway=True))
        texts = list[FileIO]()  # opened before SQLite, which removes the log of an empty file
        for each in (path, path.with_name(f"{path.name}-wal")):
            if each.exists():
                texts.append(stack.enter_context(FileIO(each)))
        damaged: sqlite3.Connection | None = None
        try:
            damaged = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            stack.enter_context(closing(damaged))
            damaged.row_factory = sqlite3.Row
            damaged.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_ROW)
            damaged.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            log.warning("%s cannot be read as a database: %s", path, error)
            damaged = None
        yield Wreck(damaged, texts, finds, meanwhile)


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
        sale.sale_id,
        sale.epoch,
        sale.seq,
        row["body"],
        row["rowid_"],
        row["told"] if untimed and told is not None and told.sale_id == sale.sale_id else None,
        untimed,
        acknowledged,
        at if acknowledged and isinstance(at, int) else None,
    )


def _texts(file: FileIO, meanwhile: Callable[[], None]) -> Iterator[tuple[Sale, bytes]]:
    """Every sale that stands in a file, read piece by piece; none is longer than what overlaps."""
    piece = bytearray()
    for block in _blocks(file):
        piece += block
        if len(piece) >= SEARCHED_BYTES + LONGEST_SALE:
            meanwhile()
            yield from _within(piece, len(piece) - LONGEST_SALE)
            del piece[:-LONGEST_SALE]
    yield from _within(piece, len(piece))


def _within(piece: bytearray, upto: int) -> Iterator[tuple[Sale, bytes]]:
    """The sales that begin before a place in a piece."""
    for match in _BEGIN.finditer(piece):
        if match.start() >= upto:
            return
        for end in _ends(piece, match.start()):
            text = bytes(piece[match.start() : end])
            sale = _decoded(text, Sale)
            if sale is not None:
                yield sale, text
                break


def _ends(text: bytearray, start: int) -> Iterator[int]:
    """Where the text that begins here may end: at its closing brace, or one after it."""
    end = start
    for _ in range(24):
        end = text.find(b"}", end, start + LONGEST_SALE) + 1
        if end == 0:
            return
        yield end


def _blocks(file: FileIO) -> Iterator[bytes]:
    """The content, with nothing where the card does not give it back."""
    lost, size = 0, os.fstat(file.fileno()).st_size
    for at in range(0, size, BLOCK_BYTES):
        try:
            block = os.pread(file.fileno(), BLOCK_BYTES, at)
        except OSError:
            block, lost = b"", lost + 1
        yield block.ljust(min(BLOCK_BYTES, size - at), b"\0")
    if lost:
        log.warning("%s: %d blocks cannot be read", file.name, lost)


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

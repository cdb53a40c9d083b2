"""The spool: a file's rows while they are checked, on disk and not in memory, and what is wrong.

A private database of SQLite's that is gone when it is closed; its cache is all that it keeps in
memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, Self, TypeVar

import msgspec

from cloud.books.kinds import Thing

T = TypeVar("T", bound=msgspec.Struct)

AT_ONCE: Final = 500
_SCHEMA: Final = """
CREATE TABLE row (key TEXT PRIMARY KEY, number INTEGER NOT NULL, said TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE wrong (number INTEGER NOT NULL, column TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE wanted (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX wanted_kind ON wanted (kind);
"""

Spooled = tuple[tuple[str, ...], int, dict[str, Any]]
"""A row's key, its number, and what it says."""


class Spool:
    """``with Spool() as spool``."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute("PRAGMA journal_mode = off")
        self._file.execute("PRAGMA synchronous = off")
        self._file.execute("PRAGMA cache_size = -4096")
        self._file.executescript(_SCHEMA)
        self._file.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, key: tuple[str, ...], number: int, said: dict[str, Any]) -> int | None:
        """Keep a row; the number of an earlier one of that key, if there is one."""
        text = msgspec.json.encode(key).decode()
        earlier = self._file.execute("SELECT number FROM row WHERE key = ?", (text,)).fetchone()
        if earlier is not None:
            return int(earlier[0])
        self._file.execute(
            "INSERT INTO row VALUES (?, ?, ?)", (text, number, msgspec.json.encode(said).decode())
        )
        return None

    def rows(self) -> Iterator[Spooled]:
        """In the order of their keys."""
        for key, number, said in self._file.execute("SELECT * FROM row ORDER BY key"):
            yield tuple(msgspec.json.decode(key)), number, msgspec.json.decode(said)

    def is_wrong(self, number: int, column: str, reason: str) -> None:
        """Keep what is wrong in a row."""
        self._file.execute("INSERT INTO wrong VALUES (?, ?, ?)", (number, column, reason))

    def wrong(self) -> Iterator[tuple[int, str, str]]:
        """All that is wrong, from the first row to the last."""
        yield from self._file.execute("SELECT * FROM wrong ORDER BY number, rowid")

    @property
    def mistakes(self) -> int:
        """How much is wrong."""
        return int(self._file.execute("SELECT count(*) FROM wrong").fetchone()[0])

    def want(self, thing: Thing) -> None:
        """Keep what is to be written."""
        word = type(thing).__name__
        body = msgspec.json.encode(thing)
        self._file.execute("INSERT INTO wanted (kind, body) VALUES (?, ?)", (word, body))

    def wanted(self, kind: type[T]) -> Iterator[list[T]]:
        """Of a kind, in lots."""
        found = self._file.execute(
            "SELECT body FROM wanted WHERE kind = ? ORDER BY id", (kind.__name__,)
        )
        things = (msgspec.json.decode(body, type=kind) for (body,) in found)
        yield from lots(things)


V = TypeVar("V")


def lots(values: Iterable[V], most: int = AT_ONCE) -> Iterator[list[V]]:
    """So many at a time."""
    remaining = iter(values)
    while lot := list(islice(remaining, most)):
        yield lot

"""A fiscal drive that counts, and a ledger of what it recorded. Survives a SIGKILL.

The drive numbers documents from 1 without gaps, signs them with something that looks random, and
knows shifts of at most 24 hours. A new ledger is a new drive with a number of its own.
"""

import json
import secrets
import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

TEST_DRIVE: Final = "9999"
"""What the number of a drive begins with that is none of the tax service's."""
SHIFT_S: Final = 24 * 3600

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS drive (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    fn TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS document (
    fd INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    recorded_unix REAL NOT NULL,
    shift INTEGER NOT NULL,
    number_in_shift INTEGER NOT NULL,
    fp INTEGER NOT NULL,
    total INTEGER NOT NULL,
    sign INTEGER NOT NULL,
    correction INTEGER NOT NULL,
    tags TEXT NOT NULL,
    request TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS document_key ON document (key, recorded_unix);
"""


class DriveFullError(Exception):
    """The drive takes no document more: it has to be replaced."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider understood of a request and has its drive record.

    `tags` are those of the fiscal data format by their numbers, as recorded, the provider's own
    defaults with them: ``{"1036": "vm-000123", "1030": "Чай", "1199": 6, …}``.
    """

    id: str
    """The provider's own number of it."""
    key: str
    """The client's, by which the provider knows a repetition."""
    total: int
    """Kopecks."""
    sign: int
    """Tag 1054."""
    tags: Mapping[str, Any]
    request: Mapping[str, Any]
    correction: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One recorded document; `at` is the register's local time."""

    fn: str
    fd: int
    at: datetime
    shift: int
    number_in_shift: int
    fp: int
    told: Told

    @property
    def qr(self) -> str:
        """Tag 1196, written from the law's text and not by our client's code."""
        money = f"{self.told.total // 100}.{self.told.total % 100:02d}"
        when = self.at.strftime("%Y%m%dT%H%M%S")
        return f"t={when}&s={money}&fn={self.fn}&i={self.fd}&fp={self.fp}&n={self.told.sign}"


class Drive:
    """The drive and its ledger, in one file, or in memory."""

    def __init__(self, file: Path | None) -> None:
        self._ledger = sqlite3.connect(file or ":memory:", isolation_level=None)
        self._ledger.execute("PRAGMA journal_mode = wal")
        self._ledger.execute("PRAGMA synchronous = normal")
        self._ledger.executescript(_SCHEMA)
        fresh = f"{TEST_DRIVE}{secrets.randbelow(10**12):012d}"
        self._ledger.execute("INSERT INTO drive VALUES (1, ?) ON CONFLICT DO NOTHING", (fresh,))
        self.fn: str = self._ledger.execute("SELECT fn FROM drive").fetchone()[0]
        self.room: int | None = None
        """How many documents it still takes; None: any number."""

    def record(self, told: Told, now: datetime) -> Document:
        """Record a document; `now` is the register's local time.

        Raises:
            DriveFullError: it takes none any more.
        """
        if self.room is not None:
            if self.room <= 0:
                raise DriveFullError
            self.room -= 1
        last = self._ledger.execute(
            "SELECT fd, shift, number_in_shift FROM document ORDER BY fd DESC LIMIT 1"
        ).fetchone() or (0, 1, 0)
        first = self._ledger.execute(
            "SELECT recorded_unix FROM document WHERE fd = ?", (last[0] - last[2] + 1,)
        ).fetchone()
        fresh = first is not None and now.timestamp() - first[0] >= SHIFT_S
        shift, number = (last[1] + 1, 1) if fresh else (last[1], last[2] + 1)
        fd = last[0] + 1
        fp = zlib.crc32(f"{self.fn}/{fd}/{told.total}/{now.isoformat()}".encode())
        document = Document(self.fn, fd, now, shift, number, fp, told)
        self._ledger.execute(
            "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(fd, told.id, told.key, now.isoformat(), now.timestamp(), shift, number, fp),
                *(told.total, told.sign, told.correction, _json(told.tags), _json(told.request)),
            ),
        )
        return document

    def document(self, provider_id: str) -> Document | None:
        """One document by the provider's id."""
        return next(iter(self._select("WHERE id = ?", provider_id)), None)

    def documents(self) -> list[Document]:
        """Every document ever made."""
        return self._select("ORDER BY fd")

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def remembered(self, key: str, since: float = 0) -> Document | None:
        """The document of a key that was recorded after `since`, in Unix seconds."""
        found = self._select("WHERE key = ? AND recorded_unix > ? ORDER BY fd DESC", key, since)
        return next(iter(found), None)

    def _select(self, where: str, *values: object) -> list[Document]:
        query = (
            "SELECT fd, recorded_at, shift, number_in_shift, fp, id, key, total, sign, tags,"  # noqa: S608, our own words
            f" request, correction FROM document {where}"
        )
        return [self._read(row) for row in self._ledger.execute(query, values)]

    def _read(self, row: tuple[Any, ...]) -> Document:
        fd, at, shift, number, fp, provider_id, key, total, sign, tags, request, correction = row
        told = Told(
            id=provider_id,
            key=key,
            total=total,
            sign=sign,
            tags=json.loads(tags),
            request=json.loads(request),
            correction=bool(correction),
        )
        return Document(self.fn, fd, datetime.fromisoformat(at), shift, number, fp, told)


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False)

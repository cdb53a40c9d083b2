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
    request TEXT NOT NULL
) STRICT;
"""
_COLUMNS: Final = "fd, id, key, recorded_at, shift, number_in_shift, fp, total, sign, request"


@dataclass(frozen=True, slots=True)
class Document:
    """One recorded document."""

    fn: str
    fd: int
    id: str
    key: str
    at: datetime
    shift: int
    number_in_shift: int
    fp: int
    total: int
    sign: int
    request: Mapping[str, Any]

    @property
    def qr(self) -> str:
        """Tag 1196, written from the law's text and not by our client's code."""
        money = f"{self.total // 100}.{self.total % 100:02d}"
        when = self.at.strftime("%Y%m%dT%H%M")
        return f"t={when}&s={money}&fn={self.fn}&i={self.fd}&fp={self.fp}&n={self.sign}"


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

    def record(
        self,
        *,
        receipt_id: str,
        key: str,
        total: int,
        sign: int,
        request: Mapping[str, Any],
        now: datetime,
    ) -> Document:
        """Record a document; `now` is the register's local time."""
        last = self._ledger.execute(
            "SELECT fd, shift, number_in_shift FROM document ORDER BY fd DESC LIMIT 1"
        ).fetchone() or (0, 1, 0)
        (began,) = self._ledger.execute(
            "SELECT min(recorded_unix) FROM document WHERE shift = ?", (last[1],)
        ).fetchone()
        fresh = began is not None and now.timestamp() - began >= SHIFT_S
        shift, number = (last[1] + 1, 1) if fresh else (last[1], last[2] + 1)
        fd = last[0] + 1
        fp = zlib.crc32(f"{self.fn}/{fd}/{total}/{now.isoformat()}".encode())
        document = Document(
            *(self.fn, fd, receipt_id, key, now, shift, number, fp, total, sign, request)
        )
        columns = (fd, receipt_id, key, now.isoformat(), now.timestamp(), shift, number, fp, total)
        self._ledger.execute(
            "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*columns, sign, json.dumps(request, ensure_ascii=False)),
        )
        return document

    def document(self, receipt_id: str) -> Document | None:
        """One document by the provider's id."""
        return next(iter(self._select("WHERE id = ?", receipt_id)), None)

    def documents(self) -> list[Document]:
        """Every document ever made."""
        return self._select("ORDER BY fd")

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def remembered(self, key: str, since: float) -> Document | None:
        """The document of a key that was recorded after `since`, in Unix seconds."""
        found = self._select("WHERE key = ? AND recorded_unix > ? ORDER BY fd DESC", key, since)
        return next(iter(found), None)

    def _select(self, where: str, *values: object) -> list[Document]:
        query = f"SELECT {_COLUMNS} FROM document {where}"  # noqa: S608, our own words
        return [
            Document(
                fn=self.fn,
                fd=fd,
                id=receipt_id,
                key=key,
                at=datetime.fromisoformat(at),
                shift=shift,
                number_in_shift=number,
                fp=fp,
                total=total,
                sign=sign,
                request=json.loads(request),
            )
            for fd, receipt_id, key, at, shift, number, fp, total, sign, request in (
                self._ledger.execute(query, values)
            )
        ]

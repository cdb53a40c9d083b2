"""Finds: the sales of a wreck, put into their order in a file beside it.

The machine has little memory, and a wreck may hold years of sales. The file is nothing that is kept:
a power cut leaves rubbish, and the next salvage begins anew.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
CREATE TABLE sale (
    sale_id TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL, seq INTEGER NOT NULL, place INTEGER,
    body BLOB NOT NULL, told BLOB, untimed INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL, acknowledged_at INTEGER, final INTEGER NOT NULL
);
CREATE INDEX by_number ON sale (epoch, seq, place);
CREATE INDEX by_place ON sale (place) WHERE place IS NOT NULL;
BEGIN;
"""
_PUT: Final = """
INSERT INTO sale VALUES (:sale_id, :epoch, :seq, :place, :body, :told, :untimed, :acknowledged,
    :acknowledged_at, :final)
"""
_COLUMNS: Final = "sale_id, epoch, seq, body, place, told, untimed, acknowledged, acknowledged_at"


@dataclass(frozen=True, slots=True)
class FoundSale:
    """A sale as it was found; `place` is that in the damaged file, None if no row had it."""

    sale_id: str
    epoch: str
    seq: int
    body: bytes
    place: int | None = None
    told: bytes | None = None
    untimed: bool = False
    acknowledged: bool = False
    acknowledged_at: int | None = None


class Finds:
    """Takes sales as they are found, gives them in their order."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            sqlite3.Error: the disk or the folder is in the way; so do all verbs.
        """
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = off")
        self._file.execute("PRAGMA synchronous = off")
        self._file.executescript(_SCHEMA)

    def take_row(self, found: FoundSale) -> bool:
        """Take what a row had; False if that sale is here already."""
        put = self._file.execute(f"{_PUT} ON CONFLICT DO NOTHING", _values(found))
        return put.rowcount > 0

    def take_text(self, found: FoundSale, *, final: bool) -> None:
        """Take what stood in bytes, unless a row had it, or had its number.

        Of a sale whose time was worked out both texts may be there: the `final` one was published,
        and the one that is found later is the later one.
        """
        put = (
            f"{_PUT} ON CONFLICT (sale_id) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq,"
            " body = excluded.body, final = excluded.final WHERE place IS NULL AND NOT final"
        )
        if not self._has_row(found.epoch, found.seq):
            self._file.execute(put, _values(found) | {"final": final})

    def last_seq(self, epoch: str | None) -> int:
        """The highest number of an epoch that a row had, or 0."""
        query = "SELECT coalesce(max(seq), 0) FROM sale WHERE epoch = ? AND place IS NOT NULL"
        return int(self._file.execute(query, (epoch,)).fetchone()[0])

    def before(self, place: int) -> str | None:
        """The name of the last sale up to a place."""
        query = "SELECT sale_id FROM sale WHERE place <= ? ORDER BY place DESC LIMIT 1"
        row = self._file.execute(query, (place,)).fetchone()
        return row[0] if row else None

    def in_order(self, newest: str | None) -> Iterator[FoundSale]:
        """All, by their numbers: epochs as they were begun, the `newest` last."""
        query = f"SELECT {_COLUMNS} FROM sale WHERE epoch = ? ORDER BY seq, place"  # noqa: S608, ours
        for epoch in self._epochs(newest):
            for row in self._file.execute(query, (epoch,)):
                sale_id, _, seq, body, place, told, untimed, acknowledged, at = row
                yield FoundSale(
                    *(sale_id, epoch, seq, body, place, told),
                    untimed=bool(untimed),
                    acknowledged=bool(acknowledged),
                    acknowledged_at=at,
                )

    def close(self) -> None:
        """Let go of the file, which is rubbish now."""
        self._file.close()

    def _epochs(self, newest: str | None) -> list[str]:
        begun = self._file.execute("SELECT epoch, min(place) FROM sale GROUP BY epoch").fetchall()

        def in_order(one: tuple[str, int | None]) -> tuple[bool, int, str]:
            epoch, place = one
            return epoch == newest, -1 if place is None else place, epoch

        return [epoch for epoch, _ in sorted(begun, key=in_order)]

    def _has_row(self, epoch: str, seq: int) -> bool:
        query = "SELECT 1 FROM sale WHERE epoch = ? AND seq = ? AND place IS NOT NULL LIMIT 1"
        return self._file.execute(query, (epoch, seq)).fetchone() is not None


def _values(found: FoundSale) -> dict[str, object]:
    return {
        "sale_id": found.sale_id,
        "epoch": found.epoch,
        "seq": found.seq,
        "place": found.place,
        "body": found.body,
        "told": found.told,
        "untimed": found.untimed,
        "acknowledged": found.acknowledged,
        "acknowledged_at": found.acknowledged_at,
        "final": True,
    }

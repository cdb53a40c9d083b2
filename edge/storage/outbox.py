"""The outbox: sales on disk before anything else happens with them.

- `put` returns when the sale is on the disk: write-ahead log, synchronous FULL.
- Nothing unacknowledged is ever deleted; the schema refuses.
- Acknowledgements and evidence ride along with the next commit: losing them costs a repetition.
- One connection, used by one thread at a time: this SQLite corrupts a log written by two.
"""

import fcntl
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from edge.errors import StartError
from edge.wire import Receipt, Sale, Shown, decode, encode
from mdb.context import Context

PRAGMAS: Final = {"journal_mode": "wal", "synchronous": 2}


def _queries() -> Mapping[str, str]:
    text = files("edge.storage").joinpath("outbox.sql").read_text("utf-8")
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


QUERIES: Final = _queries()


def _unusable(file: Path, error: Exception) -> StartError:
    return StartError(
        f"{file}: the outbox cannot be used: {error}; check the disk and the folder's owner"
    )


def _alone(file: Path) -> int:
    """Lock the outbox's folder: two agents would both keep, and lose, each other's sales."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(folder)
        raise StartError(
            f"{file}: another agent uses this outbox; stop it first (systemctl stop chekomat-edge)"
        ) from None
    return folder


class Outbox:
    """Everything the machine must not forget, in one SQLite file."""

    def __init__(self, file: Path, epoch: str) -> None:
        """Open or create; `epoch` names the outbox if it is new.

        Raises:
            StartError: the file cannot be opened, is damaged, or its settings did not take.
        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(file, error) from error
        self._lock = _alone(file)
        try:
            self._connection = sqlite3.connect(file, check_same_thread=False)
            self._secure()
            self._connection.executescript(QUERIES["schema"])
            self._run("make_identity", epoch=epoch)
            self._connection.commit()
        except sqlite3.Error as error:
            os.close(self._lock)
            raise _unusable(file, error) from error
        self.epoch: str = self._one("epoch")[0]
        self.next_seq: int = self._one("next_seq")[0]

    def put(self, sale: Sale) -> bytes:
        """Commit a sale, whose `seq` is `next_seq`; return the body to publish."""
        body = encode(sale)
        self._run("put_sale", seq=sale.seq, sale_id=sale.sale_id, body=body)
        self._connection.commit()
        self.next_seq = sale.seq + 1
        return body

    def open_sales(self, after: int, most: int) -> list[tuple[int, bytes]]:
        """The oldest unacknowledged sales beyond `after`, as (seq, body)."""
        return list(self._run("open_sales", after=after, most=most))

    def pending(self) -> tuple[int, int | None]:
        """How many sales the cloud does not have, and the lowest seq of them."""
        count, oldest = self._one("count_open")
        return count, oldest

    def sale(self, sale_id: str) -> Sale | None:
        """A sale of this outbox."""
        row = self._run("sale", sale_id=sale_id).fetchone()
        return decode(row[0], Sale) if row else None

    def acknowledge(self, upto: int, missing: Sequence[int]) -> None:
        """The cloud has these; kept with the next commit.

        A missing one that was acknowledged before stays so: it may have its receipt already.
        """
        self._run("acknowledge", upto=upto, missing=msgspec.json.encode(missing).decode())

    def last_sale(self) -> tuple[Sale, Receipt | None] | None:
        """The newest sale and its receipt, if it came."""
        row = self._run("last_sale").fetchone()
        if row is None:
            return None
        return decode(row[0], Sale), decode(row[1], Receipt) if row[1] else None

    def put_receipt(self, receipt: Receipt) -> bool:
        """Commit a receipt; False if this revision or a later one is here already."""
        row = self._run(
            "put_receipt", sale_id=receipt.sale_id, rev=receipt.rev, body=encode(receipt)
        ).fetchone()
        self._connection.commit()
        return row is not None

    def put_showing(self, shown: Shown) -> None:
        """Keep evidence; on the disk with the next commit."""
        self._run("put_showing", body=encode(shown))

    def open_showings(self, after: int, most: int) -> list[tuple[int, bytes]]:
        """Evidence not yet published, as (id, body)."""
        return list(self._run("open_showings", after=after, most=most))

    def showing_published(self, number: int) -> None:
        """The broker has this evidence; kept with the next commit."""
        self._run("showing_published", id=number)

    def put_context(self, contexts: Mapping[int, Context]) -> None:
        """Commit what the readers told when the machine started."""
        for address, context in contexts.items():
            self._run("put_context", address=address, body=msgspec.json.encode(context))
        self._connection.commit()

    def contexts(self) -> dict[int, Context]:
        """What they told before this process started."""
        rows = self._run("contexts")
        return {address: msgspec.json.decode(body, type=Context) for address, body in rows}

    def close(self) -> None:
        """Commit what rides along, fold the log into the file, and let go."""
        self._connection.commit()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        os.close(self._lock)

    def _secure(self) -> None:
        """Set what durability rests on, and read it back: a setting may silently not take."""
        for name, wanted in PRAGMAS.items():
            self._connection.execute(f"PRAGMA {name} = {wanted}")
            (found,) = self._connection.execute(f"PRAGMA {name}").fetchone()
            if found != wanted:
                raise sqlite3.OperationalError(f"{name} is {found}, not {wanted}, on this disk")
        (state,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(f"the file is damaged: {state}")

    def _run(self, query: str, **values: object) -> sqlite3.Cursor:
        return self._connection.execute(QUERIES[query], values)

    def _one(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._run(query).fetchone()
        return row

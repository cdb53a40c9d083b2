"""The file: one SQLite database, opened so that it keeps its word, by one agent at a time.

- Write-ahead log and synchronous FULL: what was committed survives a power cut.
- The settings are read back; a disk on which one does not take is refused.
- One connection, used by one thread at a time: this SQLite corrupts a log written by two.
"""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from edge.errors import StartError

LAYOUT: Final = 2
"""The schema's number, kept in the file's `user_version`."""
PAGE_BYTES: Final = 2048
"""A sale touches three pages or four: half of SQLite's own size is half of the card's wear."""
PRAGMAS: Final = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
"""secure_delete: what was let go is not found again when a damaged file is searched."""


class DamagedError(StartError):
    """The file is there, and cannot be read as an outbox."""


def _queries() -> Mapping[str, str]:
    text = files("edge.storage").joinpath("outbox.sql").read_text("utf-8")
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


QUERIES: Final = _queries()


class Folder:
    """The outbox's folder, locked: two agents would both keep, and lose, each other's sales."""

    def __init__(self, path: Path) -> None:
        """Make and lock it.

        Raises:
            StartError: it cannot be made, or another agent has it.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StartError(
                f"{path}: another agent uses this outbox; stop it first"
                " (systemctl stop chekomat-edge)"
            ) from None

    def unlock(self) -> None:
        """Let the next one in."""
        os.close(self._lock)


class File:
    """An open database with the outbox's tables and its queries by name."""

    def __init__(self, path: Path) -> None:
        """Open or create.

        Raises:
            DamagedError: it is no database, is damaged, or of another layout.
            StartError: the disk is full, read-only, or a setting did not take.
        """
        self.commits = 0
        """How many there were; what was written since the last one may still be lost."""
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False)
        except sqlite3.Error as error:
            raise unusable(path, error) from error
        try:
            self._secure()
            self._lay_out()
        except sqlite3.Error as error:
            self._connection.close()
            if _is_damage(error):
                raise DamagedError(f"{path}: is no sound outbox: {error}") from error
            raise unusable(path, error) from error

    def run(self, query: str, **values: object) -> sqlite3.Cursor:
        """Run a query of `outbox.sql`; the values are named as there."""
        return self._connection.execute(QUERIES[query], values)

    def one(self, query: str, **values: object) -> tuple[Any, ...]:
        """The only row of a query."""
        row: tuple[Any, ...] = self.run(query, **values).fetchone()
        return row

    @property
    def riding(self) -> bool:
        """Whether something is written that no commit has made safe."""
        return self._connection.in_transaction

    @contextmanager
    def committed(self) -> Iterator[None]:
        """On the disk when the block ends, all of it; or, if the disk refuses, nothing of it."""
        try:
            yield
            self._connection.commit()
            self.commits += 1
        except sqlite3.Error:
            self._connection.rollback()
            raise

    def abandon(self) -> None:
        """Let go of a damaged file as it is."""
        self._connection.close()

    def close(self) -> None:
        """Commit what rides along, fold the log into the file, and let go."""
        try:
            self._connection.commit()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.close()

    def _secure(self) -> None:
        """Set what durability rests on, and read it back: a setting may silently not take."""
        self._connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        for name, wanted in PRAGMAS.items():
            self._connection.execute(f"PRAGMA {name} = {wanted}")
            (found,) = self._connection.execute(f"PRAGMA {name}").fetchone()
            if found != wanted:
                raise sqlite3.OperationalError(f"{name} is {found}, not {wanted}, on this disk")
        (state,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(f"the file is damaged: {state}")

    def _lay_out(self) -> None:
        (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if layout == 0 and tables == 0:
            self._connection.executescript(
                f"BEGIN; {QUERIES['schema']} PRAGMA user_version = {LAYOUT}; COMMIT;"
            )
        elif layout > LAYOUT:
            raise sqlite3.OperationalError("a newer Chekomat made it; install that one again")
        elif layout != LAYOUT:
            raise sqlite3.DatabaseError(f"its layout is {layout}, and {LAYOUT} is read here")


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the content is wrong, and not the disk, the folder or who asks."""
    operational = isinstance(error, sqlite3.OperationalError)
    return not operational or error.sqlite_errorname == "SQLITE_IOERR_SHORT_READ"


def unusable(path: Path, error: Exception) -> StartError:
    """The disk or the folder is in the way."""
    return StartError(
        f"{path}: the outbox cannot be used: {error}; check the disk and the folder's owner"
    )

"""The file: one SQLite database, opened so that it keeps its word, by one agent at a time.

- Write-ahead log and synchronous FULL: what was committed survives a power cut.
- The settings are read back; a disk on which one does not take is refused.
- One connection, used by one thread at a time: this SQLite corrupts a log written by two.
- A file that is open says so in itself. Without it SQLite would take a lost log for none, and the
  numbers of the sales in it would be given again.
- A file that was deleted or replaced under it takes nothing more: what is written there is gone with
  the process. All of it can still be read, and copied.
- Whoever ends without closing it, and is not killed, leaves it closed: SQLite would fold the log, and
  the file would still say that there is one.
"""

import fcntl
import logging
import os
import re
import sqlite3
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from edge.errors import StartError
from edge.storage.log import Log, log_kept
from edge.storage.trouble import DamagedError, FullError, is_damage, unusable

__all__ = ["QUERIES", "DamagedError", "File", "Folder", "FullError"]

log = logging.getLogger(__name__)

LAYOUT: Final = 3
"""The schema's number, kept in the file's `user_version`."""
OLDEST_OF_OTHERS: Final = 1000
"""No layout of ours will have such a number: it is noise."""
PAGE_BYTES: Final = 2048
"""A sale touches three pages or four: half of SQLite's own size is half of the card's wear."""
PRAGMAS: Final = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
"""secure_delete: what was let go is not found again when a damaged file is searched."""
OFTEN: Final = 1_000_000
"""Steps of SQLite's machine: less than a second of the smallest computer."""
COPIED_PAGES: Final = 4096
"""Eight megabytes at once: about as long."""
HELD: Final = ("", "-wal")
"""What SQLite holds open of a database, and does not miss when it is gone from its folder."""


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
        self._path = path
        self._lock: int | None = None
        self.hold()

    def hold(self) -> None:
        """Make and lock what is there now, unless that is what is held.

        Raises:
            StartError: as above.
        """
        if self._lock is not None and _is(self._path, os.fstat(self._lock)):
            return
        self.unlock()
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise unusable(self._path, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise StartError(
                f"{self._path}: another agent uses this outbox; stop it first"
                " (systemctl stop chekomat-edge)"
            ) from None
        self._lock = lock

    def unlock(self) -> None:
        """Let the next one in; a second time does nothing."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class File:
    """An open database with the outbox's tables and its queries by name."""

    def __init__(self, path: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Open or create; `meanwhile` is called every second or so while it is checked.

        Raises:
            DamagedError: it is no database, is damaged, or of another layout.
            StartError: the disk is full, read-only, or a setting did not take.
        """
        self.commits = 0
        """How many there were; what was written since the last one may still be lost."""
        self.rollbacks = 0
        """How many failed, and took what rode along with them."""
        self._path = path
        self._let_go = False
        try:
            beside = Log(path)
            with log_kept(path):
                self._connection = sqlite3.connect(path, check_same_thread=False)
                self._connection.set_progress_handler(meanwhile, OFTEN)
                try:
                    self._secure()
                    self._lay_out()
                    self._prove(beside)
                    beside.mark_open(self._connection)
                except BaseException:
                    self._connection.close()
                    raise
                self._connection.set_progress_handler(None, 0)
                self._held = {each: Path(f"{path}{each}").stat() for each in HELD}
                self._left = weakref.finalize(self, _forgotten, path, self._connection)
        except (sqlite3.Error, OSError, UnicodeError) as error:  # of a message that quotes noise
            if is_damage(error):
                raise DamagedError(f"{path}: is no sound outbox: {error}") from error
            raise unusable(path, error) from error

    def run(self, query: str, **values: object) -> sqlite3.Cursor:
        """Run a query of `outbox.sql`; the values are named as there.

        Raises:
            sqlite3.OperationalError: also where the file was abandoned, and no other is there yet.
        """
        self._expect_held()
        return self._connection.execute(QUERIES[query], values)

    def one(self, query: str, **values: object) -> tuple[Any, ...]:
        """The only row of a query."""
        row: tuple[Any, ...] = self.run(query, **values).fetchone()
        return row

    @property
    def riding(self) -> bool:
        """Whether something is written that no commit has made safe."""
        return not self._let_go and self._connection.in_transaction

    @property
    def is_adrift(self) -> bool:
        """Whether it was deleted or replaced in its folder: at the next start it would not be there."""
        return self._left.alive and not all(
            _is(Path(f"{self._path}{each}"), held) for each, held in self._held.items()
        )

    def expect_in_place(self) -> None:
        """See that what is committed here is found again.

        Raises:
            sqlite3.DatabaseError: it was deleted or replaced.
        """
        if self.is_adrift:
            raise sqlite3.DatabaseError("its file was deleted or replaced while it was in use")

    def copy_to(self, path: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Write all of it, and what rides along, as a file that was closed in order.

        Raises:
            sqlite3.Error: the disk refuses.
        """
        self._connection.commit()
        with closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy, pages=COPIED_PAGES, progress=lambda *_: meanwhile())
            Log.mark_closed(copy)
            copy.commit()
            copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def committed(self) -> Iterator[None]:
        """On the disk when the block ends, all of it; or, if anything goes wrong, nothing of it."""
        try:
            yield
            self._expect_held()
            self.expect_in_place()
            self._connection.commit()
            self.commits += 1
        except BaseException:
            self.rollbacks += 1
            with suppress(sqlite3.Error):
                self._connection.rollback()
            raise

    def abandon(self) -> None:
        """Let go of a damaged file as it is, with its log."""
        self._let_go = True
        if self._left.detach() is not None:
            _leave(self._path, self._connection)

    def close(self) -> None:
        """Commit what rides along, fold the log into the file, and let go; once.

        Raises:
            sqlite3.Error, OSError: the disk refuses; the log stays beside the file.
        """
        if self._left.detach() is not None:
            _fold(self._path, self._connection)

    def _expect_held(self) -> None:
        if self._let_go:
            raise sqlite3.OperationalError("the outbox is being mended")

    def _secure(self) -> None:
        """Set what durability rests on, and read it back: a setting may silently not take."""
        self._connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        for name, wanted in PRAGMAS.items():
            self._connection.execute(f"PRAGMA {name} = {wanted}")
            (found,) = self._connection.execute(f"PRAGMA {name}").fetchone()
            if found != wanted:
                said = StartError(f"{name} is {found}, not {wanted}, on this disk")
                raise unusable(self._path, said)
        # Not quick_check: a sale that the index of the open ones has lost would never go up.
        (state,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(f"the file is damaged: {state}")

    def _lay_out(self) -> None:
        (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
        objects = set(self.run("objects"))
        if layout == 0 and not objects:
            self._connection.executescript(
                f"BEGIN; {QUERIES['schema']} PRAGMA user_version = {LAYOUT}; COMMIT;"
            )
        elif LAYOUT < layout < OLDEST_OF_OTHERS:
            said = StartError("a newer Chekomat made it; install that one again")
            raise unusable(self._path, said)
        elif layout != LAYOUT:
            raise sqlite3.DatabaseError(f"its layout is {layout}, and {LAYOUT} is read here")
        elif not objects >= _objects():
            missing = ", ".join(sorted(name for _, name in _objects() - objects))
            raise sqlite3.DatabaseError(f"parts of it are missing: {missing}")

    def _prove(self, beside: Log) -> None:
        """What a check of the pages does not see: a letter in the text of a trigger is no page."""
        for name, query in QUERIES.items():
            if name != "schema":
                values = dict.fromkeys(re.findall(r":(\w+)", query))
                self._connection.execute(f"EXPLAIN {query}", values).close()
        (nobody,) = self.one("nobody")
        if nobody:
            raise sqlite3.DatabaseError("it does not know its epoch any more")
        beside.prove_whole(self._connection)


def _is(path: Path, held: os.stat_result) -> bool:
    """Whether a path still leads to what is held open; a disk that does not say has lost nothing yet."""
    try:
        return os.path.samestat(path.stat(), held)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _fold(path: Path, connection: sqlite3.Connection) -> None:
    """Close it in order; where the disk refuses, with the log beside it."""
    try:
        Log.mark_closed(connection)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        _leave(path, connection)
        raise
    connection.close()


def _leave(path: Path, connection: sqlite3.Connection) -> None:
    """Close it as it is, with its log."""
    with log_kept(path, anyway=True), suppress(sqlite3.Error):
        connection.close()


def _forgotten(path: Path, connection: sqlite3.Connection) -> None:
    """At the end of a process, or of whoever had it."""
    try:
        _fold(path, connection)
    except (sqlite3.Error, OSError) as error:
        log.warning("%s: not closed in order: %s", path, error)


@cache
def _objects() -> frozenset[tuple[str, str]]:
    """What the schema makes."""
    made = re.findall(r"^CREATE (TABLE|INDEX|TRIGGER) (\w+)", QUERIES["schema"], re.MULTILINE)
    return frozenset((kind.lower(), name) for kind, name in made)

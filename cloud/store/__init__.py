"""The store: one database, verbs on it by what they are about.

    schema      tables and their constraints
    sales       what arrived
    streams     how far each machine's sequence is here
    births      what machines say of their outboxes when they connect
    receipts    what is asked of providers, and what became of it
    replies     what machines have still to be told
    notes       what machines wrote down beside their sales
    journal     what people look at

A verb takes a connection and is one query or a few; a caller joins verbs into one transaction.
"""

import asyncio
import fcntl
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from cloud.errors import StartError

SCHEME: Final = "sqlite:///"
PRAGMAS: Final = (
    "PRAGMA journal_mode = wal",
    "PRAGMA synchronous = full",
    "PRAGMA foreign_keys = on",
    "PRAGMA busy_timeout = 300",
)
AGAIN_S: Final = 0.02
PATIENCE_S: Final = 10.0
"""So long a transaction tries to begin. Each try is short: who waits in it cannot be cancelled."""
BUSY: Final = (sa.exc.OperationalError, sa.exc.TimeoutError)
"""The disk is full or another holds the file: nothing was written, try again."""


class Store:
    """A database, opened. One connection: this SQLite corrupts a log that two write at once."""

    def __init__(self, file: Path) -> None:
        self._engine = create_async_engine(
            f"sqlite+aiosqlite:///{file}", pool_size=1, max_overflow=0, pool_timeout=60
        )
        sa.event.listen(self._engine.sync_engine, "connect", _settle)
        sa.event.listen(self._engine.sync_engine, "begin", _begin)

    @classmethod
    async def open(cls, file: Path) -> "Store":
        """Bring the schema up to date and open.

        Raises:
            StartError: the file cannot be created, or is no database of ours or of a later version.
        """
        try:
            await asyncio.to_thread(migrate, file)
            store = cls(file)
            async with store.transaction() as connection:
                await connection.execute(sa.text("SELECT count(*) FROM sale"))
        except (OSError, sa.exc.SQLAlchemyError, CommandError) as error:
            raise StartError(f"database {file}: {error}") from error
        return store

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Everything in it is committed together, or not at all."""
        async with AsyncExitStack() as stack:
            yield await self._begun(stack)

    async def _begun(self, stack: AsyncExitStack) -> AsyncConnection:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await stack.enter_async_context(self._engine.begin())
            except sa.exc.OperationalError as error:
                if not _locked(error) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(AGAIN_S)  # for those that only look

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """For looking only: takes no lock that a writer waits for."""
        async with self._engine.execution_options(reading=True).begin() as connection:
            yield connection

    async def close(self) -> None:
        """Let go of the file."""
        await self._engine.dispose()


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Let no second process serve this database: their links would throw each other out.

    Raises:
        StartError: one does already.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_name(f"{file.name}.lock").open("w")
    except OSError as error:
        raise StartError(f"database {file}: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"database {file}: another process serves it; stop that one first"
            ) from None
        yield


def migrate(file: Path, revision: str = "head") -> None:
    """Bring a database to this version's schema, or to an earlier one's; a new file gets all of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    settings.set_main_option("sqlalchemy.url", f"{SCHEME}{file}")
    command.upgrade(settings, revision)


def _locked(error: sa.exc.OperationalError) -> bool:
    """Whether another holds the write lock; the low byte of SQLite's code says it."""
    code = getattr(error.orig, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY


def _settle(connection: Any, _record: object) -> None:  # noqa: ANN401, the driver's own
    # The driver's implicit transactions are off: `_begin` says when one starts.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Take the write lock at once: a transaction that reads first cannot be refused later."""
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

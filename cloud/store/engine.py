"""The engine: one database, opened for many transactions.

On SQLite it is one connection, and whoever writes holds the file's write lock. On PostgreSQL it is
a pool of a few; transactions are READ COMMITTED, and what is read to be written is locked by row.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cloud.store.address import Address, address
from cloud.store.lock import WriteLock
from cloud.store.migration import connecting, migrate
from cloud.store.refusal import is_locked, refused

PRAGMAS: Final = (
    "PRAGMA journal_mode = wal",
    "PRAGMA synchronous = full",
    "PRAGMA foreign_keys = on",
    "PRAGMA busy_timeout = 300",
)
SESSION: Final = (
    # Nobody waits for ever, neither for another's row nor for a process that was cut off.
    "SET lock_timeout = '10s'",
    "SET idle_in_transaction_session_timeout = '60s'",
)
CONNECTIONS: Final = 8
AGAIN_S: Final = 0.005
PATIENCE_S: Final = 10.0
"""So long a transaction tries to begin. Each try is short: who waits in it cannot be cancelled."""
BUSY: Final = (sa.exc.OperationalError, sa.exc.InternalError, sa.exc.TimeoutError)
"""Nothing was written, try again: another holds the file or the row, the disk is full, the server
is not there or ended it (57P01; 25P03, it lay idle), it may only be read there (25006), two waited
for each other (40P01), the pool is empty.

Of a line that broke during COMMIT nobody knows whether it took: what is tried again has to find
what it wrote.
"""


class Store:
    """A database, opened."""

    def __init__(self, database: str | Path, *, patience_s: float = PATIENCE_S) -> None:
        """Name it; nothing is opened before the first transaction.

        `patience_s` is how long a transaction on a file tries to begin.

        Raises:
            ConfigError: it is neither a file nor a URL of PostgreSQL.
        """
        self.address = address(database)
        self._patience_s = patience_s
        self._lock: WriteLock | None = None
        self._turn = asyncio.Lock()
        """One task of this process after the other."""
        if self.address.file is None:
            self._engine = _of_server(self.address)
        else:
            self._lock = WriteLock(self.address.file)
            self._engine = _of_file(self.address)

    @classmethod
    async def open(cls, database: str | Path) -> "Store":
        """Bring the schema up to date and open.

        Raises:
            ConfigError: `database` is neither a file nor a URL of PostgreSQL.
            StartError: it is not to be had, is not ours, or is of a later version.
        """
        await asyncio.to_thread(migrate, database)
        store = cls(database)
        try:
            async with store.transaction() as connection:
                await connection.execute(sa.text("SELECT 1 FROM sale LIMIT 1"))
        except (OSError, sa.exc.SQLAlchemyError) as error:
            await store.close()
            raise refused(store.address, error) from error
        return store

    @property
    def engine(self) -> AsyncEngine:
        """For what is no transaction."""
        return self._engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Everything in it is committed together, or not at all."""
        async with AsyncExitStack() as stack:
            deadline = 0.0
            if self._lock is not None:
                await stack.enter_async_context(self._turn)
                deadline = time.monotonic() + self._patience_s
                await self._take(self._lock, deadline)
                stack.callback(self._lock.let_go)
            connection = await stack.enter_async_context(self._engine.connect())
            await self._begin(stack, connection, deadline)
            yield connection

    async def _take(self, lock: WriteLock, deadline: float) -> None:
        """Wait for other processes that write, without the connection: who reads may have it."""
        while not lock.take():
            if time.monotonic() > deadline:
                raise sa.exc.TimeoutError("another process has been writing all the time")
            await asyncio.sleep(AGAIN_S)

    async def _begin(
        self, stack: AsyncExitStack, connection: AsyncConnection, deadline: float
    ) -> None:
        while True:
            try:
                await stack.enter_async_context(connection.begin())
            except sa.exc.OperationalError as error:
                if not is_locked(error) or time.monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(AGAIN_S)  # for a stranger that takes no lock of ours

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """For looking only: takes no lock that a writer waits for."""
        async with self._engine.connect() as connection:
            looking = await connection.execution_options(reading=True, postgresql_readonly=True)
            async with looking.begin():
                yield looking

    async def close(self) -> None:
        """Let go of it. The last to leave a SQLite file writes its log into it, as a writer."""
        if self._lock is None:
            await self._engine.dispose()
            return
        try:
            # Nothing was ever opened there; or whoever writes all the time has the file open as
            # well, and this is not the last.
            with suppress(OSError, sa.exc.TimeoutError):
                await self._take(self._lock, time.monotonic() + self._patience_s)
            await self._engine.dispose()
        finally:
            self._lock.close()


def _of_file(where: Address) -> AsyncEngine:
    engine = create_async_engine(
        where.asynchronous(), pool_size=1, max_overflow=0, pool_timeout=60, hide_parameters=True
    )
    sa.event.listen(engine.sync_engine, "connect", _settle_file)
    sa.event.listen(engine.sync_engine, "begin", _begin_file)
    return engine


def _settle_file(connection: Any, _record: object) -> None:  # noqa: ANN401, the driver's own
    # The driver's implicit transactions are off: `_begin_file` says when one starts.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_file(connection: sa.Connection) -> None:
    """Take the write lock at once: a transaction that reads first cannot be refused later."""
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _of_server(where: Address) -> AsyncEngine:
    engine = create_async_engine(
        where.asynchronous(),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=30,
        # A server that was started again is noticed before a transaction, not in it.
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args=connecting(where),
        hide_parameters=True,
    )
    sa.event.listen(engine.sync_engine, "connect", _settle_session)
    return engine


def _settle_session(connection: Any, _record: object) -> None:  # noqa: ANN401, the driver's own
    from cloud.store.text import Dumper  # noqa: PLC0415, psycopg only where it is used

    connection.driver_connection.adapters.register_dumper(str, Dumper)
    cursor = connection.cursor()
    for setting in SESSION:
        cursor.execute(setting)
    cursor.close()
    connection.commit()

"""What the two databases say differently: an INSERT that may meet its row, and a lock by a word.

An INSERT is the dialect's own, so that `on_conflict_do_nothing` and `on_conflict_do_update` are
there. One that is executed all the time is made once a dialect: keep it in a `functools.cache`d
function of the dialect's name.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.clock import now_ms

Insert = postgresql.Insert | sqlite.Insert

_LOCK: Final = sa.select(
    sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("word", type_=sa.Text), 0))
)

_SERVER_TIME: Final = sa.select(
    sa.cast(1000 * sa.extract("epoch", sa.func.clock_timestamp()), sa.BigInteger)
)


def insert(connection: AsyncConnection, table: sa.Table) -> Insert:
    """The INSERT of this connection's database."""
    return insert_on(connection.dialect.name, table)


def insert_on(dialect: str, table: sa.Table) -> Insert:
    """The INSERT of a dialect, by its name: `sqlite` or `postgresql`."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


async def clock_of(connection: AsyncConnection) -> int:
    """Unix milliseconds that all processes of a database agree on: on PostgreSQL the server's."""
    if connection.dialect.name != "postgresql":
        return now_ms()
    return int(await connection.scalar(_SERVER_TIME) or 0)


async def alone_with(connection: AsyncConnection, word: str) -> None:
    """Until this transaction ends, no other one is past this with the same word.

    On SQLite none is anyway. On PostgreSQL, where two take several words in another order, one of
    them is ended as a deadlock: it is one of `BUSY`.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(_LOCK, {"word": word})

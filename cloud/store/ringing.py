"""Ringing: bells that the other processes of a PostgreSQL hear, by its NOTIFY and LISTEN.

What is lost costs a wait, nothing more: whoever waits looks by itself before long. On SQLite one
process serves, and there is nobody to ring for.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from cloud.bell import Bell
from cloud.store.engine import BUSY, Store
from cloud.store.migration import connecting

log = structlog.get_logger(__name__)

CHANNEL: Final = "chekomat"
TOGETHER_S: Final = 0.02
"""Rings that follow so soon are one: a server takes notifications one after the other."""
AGAIN_S: Final = 1.0
"""A connection that broke is made again after so long."""


@asynccontextmanager
async def ringing(store: Store, bells: Mapping[str, Bell]) -> AsyncIterator[None]:
    """While in it, these bells ring in every process that has bells of the same names."""
    if store.address.file is not None:
        yield
        return
    name = os.urandom(6).hex()
    tasks = [asyncio.create_task(_hear(store, bells, name), name="bells of others")]
    tasks += [
        asyncio.create_task(_carry(store, bell, f"{name} {which}"), name=f"bell {which}")
        for which, bell in bells.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _carry(store: Store, bell: Bell, word: str) -> None:
    """Tell the others, for ever."""
    while True:
        await bell.rung.wait()
        bell.rung.clear()
        try:
            async with store.transaction() as connection:
                await connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, word))
        except BUSY as error:
            log.debug("a ring was lost", reason=str(error))
        await asyncio.sleep(TOGETHER_S)


async def _hear(store: Store, bells: Mapping[str, Bell], own: str) -> None:
    """Ring as the others do, for ever."""
    import psycopg  # noqa: PLC0415, only where it is used

    address = store.address
    _, told = store.engine.dialect.create_connect_args(address.url)
    at = {**told, **connecting(address)}
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(autocommit=True, **at) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                log.debug("hears the bells of other processes")
                # Whatever rang while nobody listened.
                for bell in bells.values():
                    bell.echo()
                await _listen(connection, bells, own)
        except psycopg.Error as error:
            log.warning("other processes' bells are not heard", reason=str(error).strip())
        await asyncio.sleep(AGAIN_S)


async def _listen(connection: Any, bells: Mapping[str, Bell], own: str) -> None:  # noqa: ANN401, psycopg's, which is imported late
    async for each in connection.notifies():
        by, _, which = each.payload.partition(" ")
        if by != own and which in bells:
            bells[which].echo()

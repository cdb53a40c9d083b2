"""A seat: one process of many has it, and the others wait until it is free.

It is a lease like a lane's, by a name that no register can have. Who cannot renew it in time has
lost it, and ends: another speaks to the broker by then.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from cloud.errors import LeaseLostError
from cloud.store import BUSY, Store, lanes
from cloud.store.dialect import clock_of
from cloud.store.lanes import LEASE_MS, Lease

log = structlog.get_logger(__name__)

RENEW_S: Final = LEASE_MS / 1000 / 3
LOOK_S: Final = 1.0
"""How often a seat that another has is looked at."""
RELEASE_S: Final = 0.5


@asynccontextmanager
async def seat(
    store: Store, name: str, owner: str, renew_s: float = RENEW_S
) -> AsyncIterator["asyncio.Task[None]"]:
    """Wait for the seat; gives the task that keeps it, which fails if it is lost.

    `renew_s` is how often it is renewed.

    Raises:
        LeaseLostError: in the task, when another has the seat.
    """
    held = await _taken(store, f"@{name}", owner)
    keeping = asyncio.create_task(_keep(store, held, renew_s), name=f"seat {name}")
    try:
        yield keeping
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        try:
            async with asyncio.timeout(RELEASE_S), store.transaction() as connection:
                await lanes.release(connection, held)
        except (TimeoutError, *BUSY) as error:
            log.warning("a seat was not released", reason=repr(error))


async def is_anothers(store: Store, name: str, owner: str) -> bool:
    """Whether another process has the seat now."""
    async with store.reading() as connection:
        held_by = await lanes.holder(connection, f"@{name}", await clock_of(connection))
    return held_by not in {None, owner}


async def _taken(store: Store, name: str, owner: str) -> Lease:
    waiting = False
    while True:
        try:
            async with store.transaction() as connection:
                held = await lanes.lease(connection, name, owner, await clock_of(connection))
        except BUSY as error:
            log.warning("the store is busy", reason=str(error))
            held = None
        if held is not None:
            return held
        if not waiting:
            log.info("another process has the seat; waiting", seat=name)
            waiting = True
        await asyncio.sleep(LOOK_S)


async def _keep(store: Store, held: Lease, renew_s: float) -> None:
    kept_at = asyncio.get_running_loop().time()
    while True:
        await asyncio.sleep(renew_s)
        try:
            async with store.transaction() as connection:
                now = await lanes.lease(
                    connection, held.register, held.owner, await clock_of(connection)
                )
        except BUSY as error:
            log.warning("the store is busy", reason=str(error))
            if asyncio.get_running_loop().time() - kept_at > LEASE_MS / 1000:
                raise LeaseLostError(f"seat {held.register}: it could not be renewed") from error
            continue
        if now is None or now.fence != held.fence:
            raise LeaseLostError(f"seat {held.register}: another process took it")
        kept_at = asyncio.get_running_loop().time()

"""Lives of a worker process that works one lane, and dies by SIGKILL at a step that it is told.

One process waits here for orders, a line of JSON each, with all code loaded; for each it forks, and
the child is the worker. A step is a place between two things that matter: before a commit and after
it; before a request, as its body leaves, after its answer.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud import registers
from cloud.bell import Bell
from cloud.fleet import Register
from cloud.lane import Lane
from cloud.store import Store, fleet
from cloud.store.schema import lane, receipt

REGISTER: Final = "main"
OPEN: Final = ("waiting", "submitted", "unknown", "accepted")
LOOK_S: Final = 0.02
PATIENCE_S: Final = 20


class Fuse:
    """Counts the steps of one name; after so many of them the process is no more."""

    def __init__(self, name: str, after: int) -> None:
        self._name = name
        self._left = after

    def step(self, name: str) -> None:
        if name != self._name:
            return
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class MortalStore(Store):
    def __init__(self, database: str, fuse: Fuse) -> None:
        super().__init__(database)
        self._fuse = fuse

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with super().transaction() as connection:
            yield connection
            self._fuse.step("before a commit")
        self._fuse.step("after a commit")


def mortal_requests(fuse: Fuse) -> aiohttp.TraceConfig:
    """Every request of a session has three steps."""

    async def begins(*_: object) -> None:
        fuse.step("before a request")

    async def leaves(*_: object) -> None:
        fuse.step("as its body leaves")

    async def is_answered(*_: object) -> None:
        fuse.step("after its answer")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begins)
    trace.on_request_chunk_sent.append(leaves)
    trace.on_request_end.append(is_answered)
    return trace


async def live(order: Mapping[str, Any], fuse: Fuse) -> None:
    """Work the lane until nothing is open; what is put off is due at once."""
    store = Store(order["database"])
    async with aiohttp.ClientSession(trace_configs=[mortal_requests(fuse)]) as http:
        async with store.reading() as connection:
            register = await fleet.get(connection, Register, REGISTER)
        assert register is not None
        opened, due = registers.opened(register, http), Bell()
        mortal = MortalStore(order["database"], fuse)
        work = Lane(mortal, opened, order["owner"], due, Bell())
        task = asyncio.ensure_future(work.run())
        async with asyncio.timeout(PATIENCE_S):
            while await _is_open(store):
                assert not task.done(), task
                if await _hurried(store):
                    due.ring()
                await asyncio.sleep(LOOK_S)
        async with store.transaction():  # so that it is not amid a statement
            task.cancel()
        await asyncio.wait([task])
        await mortal.close()
    await store.close()


async def _is_open(store: Store) -> bool:
    async with store.reading() as connection:
        query = sa.select(receipt.c.sale_id).where(receipt.c.state.in_(OPEN)).limit(1)
        return (await connection.execute(query)).first() is not None


async def _hurried(store: Store) -> bool:
    """Whether there was something to wait for, which there is no more."""
    async with store.transaction() as connection:
        await connection.execute(sa.update(lane).values(hold_until=0))
        put_off = (receipt.c.state.in_(OPEN), receipt.c.next_at > 0)
        due = sa.update(receipt).where(*put_off).values(next_at=0)
        return (await connection.execute(due)).rowcount > 0


def main() -> None:
    """An order: database, owner, the name of a step and how many of it are survived.

    The answer: the child's exit code; of one that was killed, the signal, negative.
    """
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # its log is no answer
            asyncio.run(live(order, Fuse(order["step"], order["after"])))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201, that is its answer


if __name__ == "__main__":
    main()

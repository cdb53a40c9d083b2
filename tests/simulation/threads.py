"""Threads, as steps of the loop: what the product does beside its loop takes virtual time here.

The outbox's disk and aiosqlite have a thread each. A thread would take real time, and another turn
each time it runs; so what is handed to it is done by a timer, in order, in the context of who
handed it in. A process that dies meanwhile has not done it.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, ClassVar, Final
from unittest.mock import patch

import aiosqlite
from simulation.process import PROCESS

from edge.storage import disk

COMMIT_S: Final = (0.0005, 0.006)
STATEMENT_S: Final = 0.0001
SLOW: Final = {"execute", "executemany", "commit", "fetchall"}
"""What a database does: the rest is bookkeeping of its driver."""


class DiskThread:
    """The outbox's thread: one verb after another."""

    chance = Random(0)
    slow: ClassVar[dict[str, float]] = {}
    """How many times slower the disk of a computer is at the moment."""

    def __init__(self, _workers: int, _name: str) -> None:
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._busy = False
        self._closed = False

    def submit(self, verb: Callable[..., Any], *args: Any, **told: Any) -> Future[Any]:
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        turn: Future[Any] = Future()
        self._waiting.append((turn, partial(verb, *args, **told)))
        self._go_on()
        return turn

    def shutdown(self) -> None:
        self._closed = True
        while self._waiting:
            self._do()

    def _go_on(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            process = PROCESS.get()
            times = self.slow.get(process.computer.name, 1.0) if process else 1.0
            asyncio.get_running_loop().call_later(
                times * self.chance.uniform(*COMMIT_S), self._turn
            )

    def _turn(self) -> None:
        self._busy = False
        if self._waiting:
            self._do()
            self._go_on()

    def _do(self) -> None:
        turn, verb = self._waiting.popleft()
        try:
            done = verb()
        except BaseException as error:  # noqa: BLE001, it is its caller's
            turn.set_exception(error)
        else:
            turn.set_result(done)


class DriverThread:
    """aiosqlite's thread, with its queue; the connection that it opens dies with its process."""

    daemon = True

    def __init__(self) -> None:
        self._waiting = 0

    def start(self) -> None:
        """It runs from the beginning."""

    def put_nowait(self, asked: tuple["asyncio.Future[Any] | None", Callable[[], Any]]) -> None:
        future, function = asked
        told = getattr(function, "func", function)
        if self._waiting or getattr(told, "__name__", "") in SLOW:
            self._waiting += 1  # behind them comes whatever it is: a rollback, of all things
            loop = asyncio.get_running_loop()
            loop.call_later(STATEMENT_S, self._turn, future, function)
        else:
            self._do(future, function)

    def _turn(self, future: "asyncio.Future[Any] | None", function: Callable[[], Any]) -> None:
        self._waiting -= 1
        self._do(future, function)

    def _do(self, future: "asyncio.Future[Any] | None", function: Callable[[], Any]) -> None:
        process = PROCESS.get()
        commits = getattr(getattr(function, "func", function), "__name__", "") == "commit"
        if commits and process is not None and not process.may_commit():
            return
        try:
            done = function()
        except BaseException as error:  # noqa: BLE001, it is its caller's
            if future is not None and not future.done():
                future.set_exception(error)
            return
        if commits and process is not None:
            process.committed()
        if isinstance(done, sqlite3.Connection) and process is not None:
            process.at_death.append(partial(left, done))
        if future is not None and not future.done():
            future.set_result(done)


def left(connection: sqlite3.Connection) -> None:
    """The kernel takes its locks away; what it had not committed is not there."""

    def close() -> None:
        connection.rollback()
        connection.close()

    # Not at once: the process may be amid a statement.
    asyncio.get_running_loop().by_the_world(0, close)  # type: ignore[attr-defined]


@contextmanager
def as_steps(chance: Random) -> Iterator[None]:
    """Until the block ends there are no threads."""
    plain = aiosqlite.core.Connection.__init__

    def prepared(self: Any, *args: Any, **told: Any) -> None:
        plain(self, *args, **told)
        self._thread = self._tx = DriverThread()

    DiskThread.chance, DiskThread.slow = chance, {}
    with (
        patch.object(disk, "ThreadPoolExecutor", DiskThread),
        patch.object(aiosqlite.core.Connection, "__init__", prepared),
    ):
        yield

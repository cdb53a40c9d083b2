"""The disk: the outbox's verbs, one after another in a thread of its own.

A commit waits for the card, sometimes for seconds; the bus and the screen must not. One thread and
one connection keep the order and keep this SQLite from corrupting its log.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

log = logging.getLogger(__name__)

RETRY_S: Final = 1.0
P = ParamSpec("P")
R = TypeVar("R")


class Disk:
    """Runs outbox verbs in order."""

    def __init__(self, relieve: Callable[[], bool] = bool) -> None:
        """`relieve` makes room on a full disk; it says whether it did. Called in the disk's thread."""
        self._thread = ThreadPoolExecutor(1, "disk")
        self._relieve = relieve
        self.refusals = 0
        """How often the disk took nothing."""
        self.refusing = False
        """Whether something waits that it has not taken."""

    async def do(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it and wait for it; it is done even if the one who waits is told to stop."""
        turn = self._thread.submit(verb, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(turn))

    async def insist(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, and do it again for as long as the disk refuses: a sale is not given up."""
        while True:
            try:
                done = await self.do(verb, *args, **kwargs)
            except sqlite3.OperationalError as error:
                self.refusals += 1
                self.refusing = True
                log.error("the disk refuses: %s; trying again", error)  # noqa: TRY400, one line
                if not await self.do(self._relieve):
                    await asyncio.sleep(RETRY_S)
            else:
                self.refusing = False
                return done

    def later(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do it when its turn comes, and never mind if the disk refuses: no sale is in it."""
        self._thread.submit(verb, *args, **kwargs).add_done_callback(_report)

    def close(self) -> None:
        """Finish what was handed in."""
        self._thread.shutdown()


def _report(done: "Future[Any]") -> None:
    error = done.exception()
    if error is not None:
        log.error("the disk refuses: %s", error)

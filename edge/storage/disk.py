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
        self._refused = 0
        self.refusals = 0
        """How often the disk took nothing."""

    @property
    def refusing(self) -> bool:
        """Whether something waits that it has not taken."""
        return self._refused > 0

    async def do(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it and wait for it; it is done even if the one who waits is told to stop."""
        turn = self._thread.submit(verb, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(turn))

    async def insist(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, and do it again for as long as the disk refuses: a sale is not given up."""
        refused = 0
        try:
            while True:
                try:
                    return await self.do(verb, *args, **kwargs)
                except sqlite3.OperationalError as error:
                    self.refusals += 1
                    self._refused += not refused
                    refused = 1
                    log.error("the disk refuses: %s; trying again", error)  # noqa: TRY400, one line
                    if not await self.do(self._relieve):
                        await asyncio.sleep(RETRY_S)
        finally:
            self._refused -= refused

    def later(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do it when its turn comes, and never mind if the disk refuses: no sale is in it."""
        try:
            turn = self._thread.submit(verb, *args, **kwargs)
        except RuntimeError as error:
            log.warning("the disk is closed: %s", error)
        else:
            turn.add_done_callback(_report)

    def close(self) -> None:
        """Finish what was handed in."""
        self._thread.shutdown()


def _report(done: "Future[Any]") -> None:
    error = done.exception()
    if error is not None:
        log.error("the disk refuses: %s", error)

"""The disk: the outbox's verbs, one after another in a thread of its own.

A commit waits for the card, sometimes for seconds; the bus and the screen must not. One thread and
one connection keep the order and keep this SQLite from corrupting its log.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from edge.storage.trouble import is_damage, is_full

log = logging.getLogger(__name__)

RETRY_S: Final = 1.0
MENDED_MOST: Final = 3
"""Times that one verb may find the outbox damaged; then the card is beyond help."""
P = ParamSpec("P")
R = TypeVar("R")


class Disk:
    """Runs outbox verbs in order. What is damaged is mended by `on_damage`, once for all who met it."""

    def __init__(
        self,
        relieve: Callable[[], bool] = bool,
        is_needed: Callable[[], bool] = bool,
        on_damage: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Everything is handed in from outside, and the first two are called in the disk's thread.

        Args:
            relieve: makes room on a full disk; it says whether it did.
            is_needed: whether the disk is full, whatever the error says.
            on_damage: mends, told what was found; a Keeper puts itself here.
        """
        self._thread = ThreadPoolExecutor(1, "disk")
        self._relieve = relieve
        self._is_needed = is_needed
        self.on_damage = on_damage
        self._mending: asyncio.Task[None] | None = None
        self._mended = 0
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
        """Do it, patiently; where the outbox is damaged, when it has been mended, to the new one.

        Raises:
            sqlite3.DatabaseError: it is damaged and nobody mends, or is so as soon as it is mended.
        """
        for _ in range(MENDED_MOST):
            mended = self._mended
            try:
                return await self.patiently(verb, *args, **kwargs)
            except sqlite3.ProgrammingError:
                raise  # it is closed
            except sqlite3.DatabaseError as error:
                if self.on_damage is None:
                    raise
                log.error("the outbox is damaged: %s", error)  # noqa: TRY400, one line
                if mended == self._mended:  # else another has met it, and it is mended by now
                    await self.mend(str(error))
        return await self.patiently(verb, *args, **kwargs)

    async def mend(self, reason: str) -> None:
        """Have the outbox mended; who comes while that is being done waits for the same end.

        Raises:
            sqlite3.DatabaseError: the card is beyond help.
        """
        if self._mending is None:
            self._mending = asyncio.create_task(self._mend(reason), name="mending")
        await asyncio.shield(self._mending)

    async def _mend(self, reason: str) -> None:
        try:
            if self.on_damage is not None:
                await self.on_damage(reason)
            self._mended += 1
        finally:
            self._mending = None

    async def patiently(self, verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, and do it again for as long as the disk refuses: a sale is not given up.

        Raises:
            sqlite3.DatabaseError: what trying again cannot mend.
        """
        refused = 0
        try:
            while True:
                try:
                    return await self.do(verb, *args, **kwargs)
                except sqlite3.OperationalError as error:
                    if is_damage(error):
                        raise
                    self.refusals += 1
                    self._refused += not refused
                    refused = 1
                    log.error("the disk refuses: %s; trying again", error)  # noqa: TRY400, one line
                    if not await self.do(self._made_room, is_full(error)):
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

    def _made_room(self, full: bool) -> bool:  # noqa: FBT001, what the error says
        """The ballast helps against a full disk, and against nothing else."""
        return (full or self._is_needed()) and self._relieve()


def _report(done: "Future[Any]") -> None:
    error = done.exception()
    if error is not None:
        log.error("the disk refuses: %s", error)

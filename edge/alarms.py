"""Alarms: what goes wrong with the machine's own parts is told to the operator, once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from edge.incident import of_machine
from edge.stage import Stage
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline

log = logging.getLogger(__name__)

WATCH_S: Final = 5.0
AGAIN_S: Final = 3600.0
"""The same trouble of the same printer is told once in so long: it may come and go all day."""


class Alarms:
    """Watches screens, printers, disk and clock.

    `incident` is told when there is one to go up, `changed` when the machine's state is another.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        disk: Disk,
        timeline: Timeline,
        incident: Callable[[], None],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._outbox = outbox
        self._disk = disk
        self._timeline = timeline
        self._incident = incident
        self._changed = changed
        self._printers: dict[str, str] = {}
        self._told_at: dict[tuple[str, str], float] = {}
        self._turned = asyncio.Event()

    def raise_one(self, kind: str, text: str) -> None:
        """Something about the machine itself that the operator has to know."""
        incident = of_machine(kind, text, self._timeline.now())
        self._disk.later(lambda: self._outbox.notes.put_incident(incident))
        self._incident()

    def printer_says(self, name: str, word: str) -> None:
        """A printer's new word: trouble is told to the operator, a change to the dashboards."""
        before = self._printers.get(name)
        level = logging.INFO if word == "ready" and before is None else logging.WARNING
        log.log(level, "printer %s: %s", name, word)
        self._printers[name] = word
        back = word == "unknown" and before == "offline"  # one that never says how it is
        kind, now = (name, word.partition(" ")[0]), self._timeline.boottime()
        told = self._told_at.get(kind)
        if word != "ready" and not back and (told is None or now - told > AGAIN_S):
            self._told_at[kind] = now
            self.raise_one("printer", f"{name}: {word}")
        self._turned.set()

    async def watch(self, stage: Stage) -> None:
        """A screen that fails, or a disk that took nothing for a while, is told to the operator."""
        failing, refusals, quality = frozenset[str](), 0, self._timeline.now().quality
        while True:
            try:
                async with asyncio.timeout(WATCH_S):
                    await self._turned.wait()
            except TimeoutError:
                pass
            for name in sorted(set(stage.failing) - failing):
                self.raise_one("display_failed", name)
            before = failing, quality
            failing, quality = frozenset(stage.failing), self._timeline.now().quality
            if (failing, quality) != before or self._turned.is_set():
                self._turned.clear()
                await self._changed()
            if self._disk.refusals != refusals and not self._disk.refusing:
                self.raise_one("outbox_refused", f"{self._disk.refusals - refusals} times")
                refusals = self._disk.refusals

"""The watchdog: systemd restarts the agent unless bus, outbox and link make real progress.

- **bus**: the listener asked for the next signal or got one, or the silence minder had its turn.
  A machine that is switched off says nothing for weeks; that is no fault.
- **outbox**: a probe came back through the disk's thread. A disk that refuses answers too.
- **link**: paho's thread turned its loop. Being offline is no fault.
- the event loop proves itself: this file's own loop runs in it.

While a sale waits in memory for a disk that refuses it, the watchdog is fed whatever else stands
still: a restart would lose that sale for certain, and mend no disk. Such an agent calls for a hand
by its status and in its journal.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from edge.notify import Notify

log = logging.getLogger(__name__)

Part = Literal["bus", "outbox", "link"]
Probe = Callable[[], Awaitable[bool]]
"""True if the part made progress; it may never come back, but must not raise."""

LIMITS_S: Final[Mapping[Part, float]] = {"bus": 30.0, "outbox": 120.0, "link": 60.0}
"""Longest without progress. A memory card may be busy with itself for a minute."""


class Progress:
    """When each part last got on, in boot time; at the start all of them count as having done so."""

    def __init__(self, now: float) -> None:
        self._marked: dict[Part, float] = {}
        self.begin(now)

    def begin(self, now: float) -> None:
        """All of them get on as of now."""
        self._marked.update(dict.fromkeys(LIMITS_S, now))

    def mark(self, part: Part, now: float) -> None:
        """It got on."""
        self._marked[part] = now

    def late(self, now: float) -> dict[Part, float]:
        """The parts that are beyond their limit, and for how many seconds they stand still."""
        still = {part: now - at for part, at in self._marked.items()}
        return {part: age for part, age in still.items() if age > LIMITS_S[part]}


class Watchdog:
    """Decides; asks no clock. `sale_waits` tells whether a sale is in memory only."""

    def __init__(self, progress: Progress, sale_waits: Callable[[], bool]) -> None:
        self._progress = progress
        self._sale_waits = sale_waits

    def may_feed(self, now: float) -> bool:
        """Every part got on within its limit, or a restart would lose a sale."""
        return not self._progress.late(now) or self._sale_waits()

    def words(self, now: float) -> str:
        """What stands still: ``bus for 31 s``; empty if nothing does."""
        late = self._progress.late(now)
        return ", ".join(f"{part} for {age:.0f} s" for part, age in late.items())


async def feed(
    notify: Notify,
    progress: Progress,
    sale_waits: Callable[[], bool],
    probes: Mapping[Part, Probe],
    boottime: Callable[[], float],
) -> None:
    """Feed for ever, three times as often as systemd asks; ends at once if it does not ask.

    A part without a probe marks its own progress. A probe is asked again only after it came back.
    """
    if notify.watchdog_s is None:
        return
    watchdog = Watchdog(progress, sale_waits)
    asked: dict[Part, asyncio.Task[None]] = {}

    async def ask(part: Part, probe: Probe) -> None:
        try:
            if await probe():
                progress.mark(part, boottime())
        except Exception:
            log.exception("the watchdog's probe of the %s failed", part)

    said = ""
    try:
        while True:
            for part, probe in probes.items():
                if part not in asked or asked[part].done():
                    asked[part] = asyncio.create_task(ask(part, probe), name=f"watchdog {part}")
            # Let a probe that needs no waiting count in this round.
            await asyncio.sleep(0)
            now = boottime()
            fed = watchdog.may_feed(now)
            if fed:
                notify.feed()
            said = _say(watchdog.words(now), said, fed=fed)
            await asyncio.sleep(notify.watchdog_s / 3)
    finally:
        for task in asked.values():
            task.cancel()


def _say(words: str, said: str, *, fed: bool) -> str:
    """Once a standstill: that which stops, and what comes of it. Gives back what was said."""
    state = f"{fed}" if words else ""
    if state and state != said:
        end = "a sale waits for the disk, so it goes on" if fed else "systemd will restart it"
        log.error("no progress: %s; %s", words, end)
    elif said and not state:
        log.warning("progress again everywhere")
    return state

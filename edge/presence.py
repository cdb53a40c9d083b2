"""Presence: what a machine says of itself. Its birth, its health once a minute, its goodbye."""

import asyncio
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from edge.clock import Clock
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline
from edge.wire import Channel, Health, State, encode
from edge.wire.link import Link, LinkLostError

log = logging.getLogger(__name__)

HEALTH_S: Final = 60.0
GOODBYE_S: Final = 1.0
MEGABYTE: Final = 1024 * 1024


class Presence:
    """One machine's state and health. `state` and `health` fill in what others know."""

    def __init__(
        self,
        *,
        machine: str,
        link: Link,
        outbox: Outbox,
        disk: Disk,
        ballast: Ballast,
        clock: Clock,
        timeline: Timeline,
        state: Callable[[State], State],
        health: Callable[[Health], Health],
    ) -> None:
        self._machine = machine
        self._link = link
        self._outbox = outbox
        self._disk = disk
        self._ballast = ballast
        self._clock = clock
        self._timeline = timeline
        self._state = state
        self._health = health
        self._started = clock.boottime()
        self.nonce = ""
        """Of this connection; the cloud's answer names it."""
        self._leaves = False

    async def say_birth(self) -> None:
        """Who this is, what it has, and in what state its parts are."""
        moment = self._timeline.now()
        # At one instant: a sale in between would look acknowledged, and the cloud would believe it.
        epoch, next_seq, oldest = await self._disk.insist(self._where_it_stands)
        birth = State(
            online=True,
            boot_id=moment.boot_id,
            epoch=epoch,
            next_seq=next_seq,
            oldest_unacked=oldest,
            version=version("chekomat"),
            clock=moment.quality,
            nonce=self.nonce,
        )
        if not self._leaves:  # the goodbye would not be the last word
            self._tell(Channel.STATE, encode(self._state(birth)))

    def _where_it_stands(self) -> tuple[str, int, int | None]:
        return self._outbox.epoch, self._outbox.next_seq, self._outbox.oldest_seq()

    async def say_again(self) -> None:
        """A part's state has changed."""
        if self._link.connected:
            await self.say_birth()

    async def say_health(self) -> None:
        """Counters and gauges."""
        pending, oldest = await self._disk.insist(self._outbox.pending)
        moment = self._timeline.now()
        age = None
        if oldest is not None and oldest.boot_id == moment.boot_id:
            age = max(0, moment.boottime_ms - oldest.boottime_ms) // 1000
        health = Health(
            uptime_s=int(self._clock.boottime() - self._started),
            pending=pending,
            sales=self._outbox.next_seq - 1,
            oldest_s=age,
            notes=await self._disk.insist(self._outbox.notes.pending),
            reconnects=max(0, self._link.connections - 1),
            disk_free_mb=self._ballast.free() // MEGABYTE,
            disk_refusals=self._disk.refusals,
        )
        self._tell(Channel.HEALTH, encode(self._health(health)))

    async def keep_telling(self) -> None:
        """Health, once a minute, for ever."""
        while True:
            await asyncio.sleep(HEALTH_S)
            if self._link.connected:
                await self.say_health()

    async def say_goodbye(self) -> None:
        """Off on purpose: the will, which says the same, is not sent. No birth comes after it."""
        self._leaves = True
        if self._link.connected:
            told = self._tell(Channel.STATE, encode(State(online=False)))
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await told
            except (TimeoutError, LinkLostError) as error:
                log.debug("the broker did not hear the goodbye: %s", error)
        await self._link.stop()

    def _tell(self, channel: Channel, body: bytes) -> "asyncio.Future[bool]":
        topic = channel.of(self._machine)
        return self._link.publish(topic, body, channel.qos, retain=channel.retained)

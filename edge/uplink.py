"""The uplink: what the outbox holds goes up, what the cloud answers comes down.

- A sale is published until the cloud's `ack` names it; a PUBACK changes nothing.
- A receipt is acknowledged once it is on the disk, every time it comes.
- A message that makes no sense is counted, acknowledged and forgotten: it may not come for ever.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from edge.clock import Clock
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.window import SIZE, Window
from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    CloudState,
    MalformedMessageError,
    Receipt,
    ReceiptAck,
    Shown,
    decode,
    encode,
    parse,
)
from edge.wire.link import Incoming, Link

log = logging.getLogger(__name__)

IDLE_S: Final = 3600.0


def subscriptions(machine: str) -> list[str]:
    """What a machine listens to."""
    return [Channel.ACK.of(machine), Channel.RECEIPT.of(machine), CLOUD_STATE]


class Uplink:
    """One machine's traffic with the cloud."""

    def __init__(
        self,
        *,
        machine: str,
        link: Link,
        outbox: Outbox,
        disk: Disk,
        clock: Clock,
        on_receipt: Callable[[Receipt], None],
        on_new_cloud: Callable[[], Awaitable[None]],
    ) -> None:
        self._machine = machine
        self._link = link
        self._outbox = outbox
        self._disk = disk
        self._clock = clock
        self._on_receipt = on_receipt
        self._on_new_cloud = on_new_cloud
        self._window = Window()
        self._last_showing = 0
        self._cloud: CloudState | None = None
        self._wake = asyncio.Event()
        self._anew = False
        self.malformed = 0

    def offer(self, seq: int, body: bytes) -> None:
        """A sale is on the disk: publish it at once, or in its turn if older ones wait."""
        now = self._clock.boottime()
        in_turn = self._window.highest == seq - 1 and self._window.room(now) > 0
        if in_turn and self._link.connected:
            self._publish(Channel.SALE, body)
            self._window.sent(seq, now)
        self._wake.set()

    def connected(self) -> None:
        """A new connection: nothing is known of what the last one carried, nor of the cloud."""
        self._cloud = None
        self._anew = True
        self._wake.set()

    def keep_showing(self, shown: Shown) -> None:
        """Evidence goes to the disk, then up."""
        self._disk.later(self._outbox.put_showing, shown)
        self._wake.set()

    async def run(self) -> None:
        """Send what is open, and again what is overdue, for ever."""
        while True:
            # Without a connection nothing is due: what is overdue would keep the loop awake.
            connected = self._link.connected
            wait = self._window.next_deadline(self._clock.boottime()) if connected else None
            try:
                async with asyncio.timeout(IDLE_S if wait is None else wait):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._anew:  # here and not in `connected`: never between reading and sending
                self._anew = False
                self._window.restart()
                self._last_showing = 0
            if self._link.connected:
                await self._send()

    async def receive(self, incoming: Incoming) -> None:
        """Take one message from the cloud."""
        try:
            await self._take(incoming)
        except MalformedMessageError as error:
            self.malformed += 1
            log.warning("%s: no message of ours: %s", incoming.topic, error)
        incoming.acknowledge()

    async def _take(self, incoming: Incoming) -> None:
        if incoming.topic == CLOUD_STATE:
            cloud = decode(incoming.payload, CloudState)
            if cloud.online and cloud != self._cloud:
                if self._cloud is not None:
                    # It has read the birth of our connection, which is old by now.
                    await self._on_new_cloud()
                self.connected()
            self._cloud = cloud
            return
        match parse(incoming.topic):
            case (self._machine, Channel.ACK):
                await self._acknowledged(decode(incoming.payload, Ack))
            case (self._machine, Channel.RECEIPT):
                receipt = decode(incoming.payload, Receipt)
                if await self._disk.insist(self._outbox.put_receipt, receipt):
                    self._on_receipt(receipt)
                answer = ReceiptAck(sale_id=receipt.sale_id, rev=receipt.rev)
                self._publish(Channel.RECEIPT_ACK, encode(answer))
            case _:
                raise MalformedMessageError("no topic of this machine")

    async def _acknowledged(self, ack: Ack) -> None:
        if ack.epoch != self._outbox.epoch or ack.upto >= self._outbox.next_seq:
            log.warning("an ack of epoch %s up to %s is not ours", ack.epoch, ack.upto)
            return
        now = self._clock.boottime()
        await self._disk.do(self._outbox.acknowledge, ack.upto, ack.missing)
        self._window.acknowledged(ack.upto, frozenset(ack.missing), now)
        if ack.hold_s:
            self._window.hold(now + ack.hold_s)
        self._wake.set()

    async def _send(self) -> None:
        now = self._clock.boottime()
        for seq in self._window.due(now):
            for number, body in await self._disk.do(self._outbox.open_sales, seq - 1, 1):
                if number == seq:
                    self._publish(Channel.SALE, body)
                    self._window.sent(seq, now)
        room = self._window.room(now)
        if room > 0:
            for seq, body in await self._disk.do(
                self._outbox.open_sales, self._window.highest, room
            ):
                self._publish(Channel.SALE, body)
                self._window.sent(seq, now)
        await self._send_showings()

    async def _send_showings(self) -> None:
        for number, body in await self._disk.do(
            self._outbox.open_showings, self._last_showing, SIZE
        ):
            self._last_showing = number
            self._publish(Channel.SHOWN, body).add_done_callback(
                partial(self._showing_published, number)
            )

    def _showing_published(self, number: int, done: "asyncio.Future[bool]") -> None:
        if not done.cancelled() and done.exception() is None and done.result():
            self._disk.later(self._outbox.showing_published, number)

    def _publish(self, channel: Channel, body: bytes) -> "asyncio.Future[bool]":
        topic = channel.of(self._machine)
        return self._link.publish(topic, body, channel.qos, retain=channel.retained)

"""The uplink: what the outbox holds goes up, what the cloud answers comes down.

- A sale is published until the cloud's `ack` names it; a PUBACK changes nothing.
- A backlog goes in order. A sale that is made meanwhile does not wait behind it.
- A sale that was made under a wrong clock waits a little for the right time, and is then told the
  same way for ever.
- A receipt is acknowledged once it is on the disk, every time it comes.
- A message that makes no sense is counted, acknowledged and forgotten: it may not come for ever.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from edge.clock import Clock, unix_ms
from edge.note_lane import NoteLane
from edge.storage.disk import Disk
from edge.storage.outbox import OpenSale, Outbox
from edge.timeline import Timeline
from edge.window import LIVE, Window
from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    CloudState,
    MalformedMessageError,
    Noted,
    Receipt,
    ReceiptAck,
    decode,
    encode,
    parse,
    parse_command,
)
from edge.wire.link import Incoming, Link

log = logging.getLogger(__name__)

IDLE_S: Final = 3600.0
TIDY_S: Final = 3600.0
FORGOTTEN_S: Final = 600.0
"""How often a cloud that misses what it acknowledged is told so, at most."""
CLOUD_S: Final = 10.0
"""A cloud that is there tells the time with its first ack; so long a sale waits for it."""
ALONE_S: Final = 120.0
"""And so long where no cloud says that it is there."""


def subscriptions(machine: str) -> list[str]:
    """What a machine listens to."""
    mine = (Channel.ACK, Channel.RECEIPT, Channel.NOTED, Channel.DESIRED)
    return [*(each.of(machine) for each in mine), Channel.commands_of(machine), CLOUD_STATE]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the cloud's words are handed to."""

    receipt: Callable[[Receipt], None]
    new_cloud: Callable[[], Awaitable[None]]
    presence: Callable[[bool], None]
    command: Callable[[str, bytes], Awaitable[None]]
    desired: Callable[[bytes], Awaitable[None]]
    doubt: Callable[[str], Awaitable[None]]


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
        timeline: Timeline,
        answers: Answers,
    ) -> None:
        self._machine = machine
        self._link = link
        self._outbox = outbox
        self._disk = disk
        self._clock = clock
        self._timeline = timeline
        self._answers = answers
        self._window = Window(live=LIVE)
        self._notes = NoteLane(outbox, disk, self._publish)
        self._fresh: list[int] = []
        self._untimed = True
        self._cloud: CloudState | None = None
        self._cloud_since: float | None = None
        self._connected_since = 0.0
        self._tidied: float | None = None
        self._objected: float | None = None
        self._wake = asyncio.Event()
        self._anew = False
        self._behind = 0
        """The last place that belongs to the backlog; what comes after it is fresh."""
        self._rollbacks = outbox.rollbacks
        self._nonce = ""
        self._answered = False
        self.malformed = 0

    @property
    def in_flight(self) -> int:
        """Sales that were published and are not acknowledged."""
        return len(self._window.on_their_way)

    @property
    def cloud_online(self) -> bool:
        """Whether the cloud says that it is there; the broker alone stores nothing."""
        return self._link.connected and self._cloud is not None and self._cloud.online

    def offer(self, kept: OpenSale) -> None:
        """A sale is on the disk: publish it at once if there is room, else in its turn."""
        now = self._clock.boottime()
        self._untimed = self._untimed or kept.untimed
        if self._link.connected and not self._untimed and not self._anew:
            if self._window.highest == kept.place - 1 and self._window.room(now):
                self._send_sale(kept, now)
            elif self._window.room_to_overtake(now):
                self._send_sale(kept, now, overtaking=True)
            else:
                self._fresh.append(kept.place)
        else:
            self._fresh.append(kept.place)
        self._wake.set()

    def connected(self, nonce: str) -> None:
        """A new connection: nothing is known of what the last one carried, nor of the cloud.

        `nonce` is in this connection's births. What comes before the ack that names it may have
        lain in the broker's session for days; its time is not believed.
        """
        self._nonce, self._answered = nonce, False
        self._cloud = self._cloud_since = None
        self._connected_since = self._clock.boottime()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nothing is known of what the cloud has: on with the oldest unacknowledged."""
        self._anew, self._behind = True, self._outbox.last_place
        self._window.hold(0.0)  # at once: what the new cloud asks for may be here before its turn
        self._wake.set()

    def look(self) -> None:
        """There may be more to send."""
        self._wake.set()

    async def run(self) -> None:
        """Send what is open, and again what is overdue, for ever."""
        while True:
            wait = self._until_due() if self._link.connected else None
            try:
                async with asyncio.timeout(IDLE_S if wait is None else wait):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            anew, self._anew = self._anew, False
            # An ack or a note's mark went with it: no window knows that it is open again. Once the
            # card takes something; while it refuses, another goes with every try.
            undone = self._rollbacks != self._outbox.rollbacks and not self._disk.refusing
            if anew or undone:  # here and not in `connected`: never between reading and sending
                self._rollbacks = self._outbox.rollbacks
                self._window.restart()
                self._notes.restart()
            if anew:  # not what was made since: it may have taken the disk a while to come here
                self._fresh = [place for place in self._fresh if place > self._behind]
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

    def _until_due(self) -> float | None:
        """Seconds until there is something to do; without a connection nothing is."""
        now = self._clock.boottime()
        waits = [self._window.next_deadline(now), self._notes.next_deadline(now)]
        if self._untimed:
            waits.append(max(0.0, self._time_is_up() - now))
        due = [wait for wait in waits if wait is not None]
        return min(due) if due else None

    async def _take(self, incoming: Incoming) -> None:
        if incoming.topic == CLOUD_STATE:
            await self._heard_of_cloud(decode(incoming.payload, CloudState))
            return
        command = parse_command(incoming.topic)
        if command is not None and command[0] == self._machine and not command[2]:
            await self._answers.command(command[1], incoming.payload)
            return
        match parse(incoming.topic):
            case (self._machine, Channel.ACK):
                await self._acknowledged(decode(incoming.payload, Ack))
            case (self._machine, Channel.NOTED):
                noted = decode(incoming.payload, Noted)
                await self._notes.noted(noted, self._cloud_time(), self._clock.boottime())
                self._wake.set()
            case (self._machine, Channel.DESIRED):
                await self._answers.desired(incoming.payload)
            case (self._machine, Channel.RECEIPT):
                receipt = decode(incoming.payload, Receipt)
                if await self._disk.insist(self._outbox.put_receipt, receipt):
                    self._answers.receipt(receipt)
                answer = ReceiptAck(sale_id=receipt.sale_id, rev=receipt.rev)
                self._publish(Channel.RECEIPT_ACK, encode(answer))
                self._wake.set()  # what rode along with it may go up
            case _:
                raise MalformedMessageError("no topic of this machine")

    async def _heard_of_cloud(self, cloud: CloudState) -> None:
        known, self._cloud = self._cloud, cloud
        self._cloud_since = self._clock.boottime() if cloud.online else None
        self._answers.presence(cloud.online)
        if cloud.online and cloud != known:
            if known is not None:
                # It has read the birth of our connection, which is old by now.
                await self._answers.new_cloud()
            self.begin_anew()

    async def _acknowledged(self, ack: Ack) -> None:
        if not self._outbox.knows(ack):
            log.warning("an ack of epoch %s up to %s is not ours", ack.epoch, ack.upto)
            if ack.epoch == self._outbox.epoch:
                await self._answers.doubt("the cloud has a number that was never given here")
            return
        now = self._clock.boottime()
        self._answered = self._answered or ack.answers == self._nonce != ""
        if self._answered:
            self._timeline.cloud_says(ack.time)
        at = unix_ms(ack.time)
        seconds = None if at is None else at // 1000
        places = list(self._window.on_their_way)
        still, missing = await self._disk.insist(self._outbox.acknowledge, ack, seconds, places)
        self._window.acknowledged(set(places) - still, missing, now)
        await self._object_to(ack, now)
        if ack.hold_s:  # it ends by itself, or with a new connection or a new cloud
            self._window.hold(now + ack.hold_s)
        if seconds is not None and (self._tidied is None or now - self._tidied > TIDY_S):
            self._tidied = now
            self._disk.later(self._outbox.forget, min(seconds, self._cloud_time() or seconds))
        self._wake.set()

    async def _object_to(self, ack: Ack, now: float) -> None:
        """A birth tells the cloud what was acknowledged, and it writes down what it has lost of that.

        A database may lose its last commits under a cloud that goes on: no other birth would come.
        """
        lately = self._objected is not None and now - self._objected <= FORGOTTEN_S
        if lately or not ack.missing:
            return
        if await self._disk.insist(self._outbox.forgotten, ack):
            self._objected = now
            await self._answers.new_cloud()

    def _cloud_time(self) -> int | None:
        """Unix seconds where the time of day is known, else None."""
        return self._timeline.now().unix_ms // 1000 if self._timeline.known else None

    def _time_is_up(self) -> float:
        """When a sale under a wrong clock waits no longer for the right time; boot time."""
        alone = self._connected_since + ALONE_S
        return alone if self._cloud_since is None else min(alone, self._cloud_since + CLOUD_S)

    async def _send(self) -> None:
        now = self._clock.boottime()
        for place in self._window.due(now):
            kept = await self._open(place)
            if kept is not None and place in self._window.due(now):  # and not held meanwhile
                self._send_sale(kept, now)
            elif kept is None:  # acknowledged while it was on its way to be sent again
                self._window.acknowledged((place,), (), now)
        if not self._untimed or await self._settle_times(now):
            await self._send_fresh(now)
            await self._send_backlog(now)
            await self._send_fresh(now)  # whose turn came has left room to others
        await self._notes.send(now)

    async def _settle_times(self, now: float) -> bool:
        """Settle how sales under a wrong clock are told; False if the right time may still come."""
        self._untimed = False  # before reading: one that is made meanwhile sets it again
        while untimed := await self._disk.insist(self._outbox.untimed):
            if not self._timeline.known and now < self._time_is_up():
                self._untimed = True
                return False
            told = [(place, self._timeline.retimed(sale, place)) for place, sale in untimed]
            await self._disk.insist(self._outbox.tell, told)
        return not self._untimed

    async def _send_fresh(self, now: float) -> None:
        """What was made since the connection goes before a backlog, as far as there is room."""
        waiting, self._fresh = self._fresh, []
        for place in waiting:
            if place in self._window.on_their_way or place <= self._window.highest:
                continue
            if not self._window.room_to_overtake(now):
                self._fresh.append(place)
                continue
            kept = await self._open(place)
            if kept is None:
                continue
            if self._waits_for_time(kept) or not self._window.room_to_overtake(now):
                self._fresh.append(place)
            else:
                self._send_sale(kept, now, overtaking=True)

    async def _send_backlog(self, now: float) -> None:
        while room := self._window.room(now):
            rows = await self._disk.insist(self._outbox.open_sales, self._window.highest, room)
            for kept in rows[: self._window.room(now)]:  # a pause may have been asked for meanwhile
                if self._waits_for_time(kept):
                    return
                if kept.place in self._window.on_their_way:
                    self._window.passed(kept.place)
                else:
                    self._send_sale(kept, now)
            if not rows:
                return

    async def _open(self, place: int) -> OpenSale | None:
        """The sale at a place, unless the cloud has it."""
        rows = await self._disk.insist(self._outbox.open_sales, place - 1, 1)
        return rows[0] if rows and rows[0].place == place else None

    def _waits_for_time(self, kept: OpenSale) -> bool:
        """One that is on the disk before anybody told of it: how it is told is settled first."""
        if kept.untimed:
            self._untimed = True
            self._wake.set()
        return kept.untimed

    def _send_sale(self, kept: OpenSale, now: float, *, overtaking: bool = False) -> None:
        self._publish(Channel.SALE, kept.body)
        self._window.sent(kept.place, now, overtaking=overtaking)

    def _publish(self, channel: Channel, body: bytes) -> "asyncio.Future[bool]":
        topic = channel.of(self._machine)
        return self._link.publish(topic, body, channel.qos, retain=channel.retained)

"""A cloud that only counts: takes sales as fast as they come and says so once for many."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from parts import until

from cloud.sequence import received
from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    CloudState,
    Incident,
    Noted,
    ReceiptAck,
    Sale,
    State,
    decode,
    encode,
    parse,
)
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker


class Sink:
    """`arrivals` are the seqs in the order they came. It acknowledges while `answers` is true."""

    def __init__(self, machine: str, port: int) -> None:
        self.machine = machine
        self.answers = True
        self.nonce = ""
        self.arrivals: list[int] = []
        self.sales: dict[int, Sale] = {}
        self.bodies: dict[int, set[bytes]] = {}
        self.acked: set[int] = set()
        self.incidents: dict[int, Incident] = {}
        self.showings = 0
        self.receipt_acks: list[ReceiptAck] = []
        self.at: list[float] = []
        """When each came, by this test's clock."""
        self.epoch = ""
        self.connections = 0
        self.upto = 0
        self._beyond: set[int] = set()
        self.link = Link(
            Broker(port=port),
            client_id="sink",
            subscriptions=[
                channel.of_all
                for channel in (
                    *(Channel.SALE, Channel.STATE, Channel.SHOWN),
                    *(Channel.INCIDENT, Channel.RECEIPT_ACK),
                )
            ],
            will=(CLOUD_STATE, encode(CloudState(online=False))),
        )
        self._waiting: asyncio.Queue[Incoming] = asyncio.Queue()

    def acknowledge(self, hold_s: int = 0) -> None:
        """All that is here."""
        runs = _runs(sorted(self._beyond))
        now = received(self.upto, runs, runs)
        stamp = datetime.now(UTC).isoformat()
        ack = Ack(
            epoch=self.epoch,
            upto=now.upto,
            missing=now.missing,
            also=now.also,
            time=stamp,
            hold_s=hold_s,
            answers=self.nonce,
        )
        self.say(Channel.ACK, encode(ack))

    def say(self, channel: Channel, body: bytes) -> None:
        self.link.publish(channel.of(self.machine), body, 1)

    async def follow(self) -> None:
        async for happening in self.link:
            match happening:
                case Connected():
                    self.connections += 1
                    online = encode(CloudState(online=True, instance="1"))
                    self.link.publish(CLOUD_STATE, online, 1, retain=True)
                case Incoming():
                    self._waiting.put_nowait(happening)

    async def count(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            news = False
            for each in batch:
                news = self._take(each) or news
                each.acknowledge()
            while self.upto + 1 in self._beyond:
                self.upto += 1
                self._beyond.discard(self.upto)
            if news and self.answers and self.epoch:
                self.acked = self._beyond | {self.upto}
                self.acknowledge()

    def _take(self, incoming: Incoming) -> bool:
        addressed = parse(incoming.topic)
        match addressed:
            case (self.machine, Channel.SALE):
                sale = decode(incoming.payload, Sale)
                self.epoch = sale.epoch
                self.arrivals.append(sale.seq)
                self.at.append(time.monotonic())
                self.sales[sale.seq] = sale
                self.bodies.setdefault(sale.seq, set()).add(incoming.payload)
                if sale.seq > self.upto:
                    self._beyond.add(sale.seq)
                return True
            case (self.machine, Channel.INCIDENT):
                incident = decode(incoming.payload, Incident)
                self.incidents[incident.number] = incident
                noted = Noted(epoch=incident.epoch, numbers=(incident.number,))
                self.say(Channel.NOTED, encode(noted))
            case (self.machine, Channel.SHOWN):
                self.showings += 1
            case (self.machine, Channel.RECEIPT_ACK):
                self.receipt_acks.append(decode(incoming.payload, ReceiptAck))
            case (self.machine, Channel.STATE):
                # A birth is answered, and with it the machine knows the time.
                state = decode(incoming.payload, State)
                self.epoch, self.nonce = state.epoch or self.epoch, state.nonce
                return True
        return False


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


@asynccontextmanager
async def a_sink(machine: str, port: int, *, connected: bool = True) -> AsyncIterator[Sink]:
    sink = Sink(machine, port)
    sink.link.start()
    tasks = [asyncio.ensure_future(each) for each in (sink.follow(), sink.count())]
    try:
        if connected:
            await until(lambda: sink.connections)
            # The broker takes things in order: once it has this, the sink has subscribed.
            await sink.link.publish("sync", b"", 1)
        yield sink
    finally:
        await sink.link.stop()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

"""A tiny cloud, written from the contract: it stores sales in memory and says what it has."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    CloudState,
    Incident,
    Noted,
    Receipt,
    ReceiptAck,
    Sale,
    Shown,
    State,
    decode,
    encode,
    parse,
)
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

N = TypeVar("N", Shown, Incident)
NONCE = "a connection"
"""What a machine's birth would have said, of one that says none."""


class Cloud:
    """Keeps every body it was ever sent. It acknowledges while `answers` is true.

    `time` is what its acks say that the time is.
    """

    def __init__(self, port: int, *, answers: bool = True) -> None:
        self.answers = answers
        self.instance = "1"
        self.bodies: dict[int, list[bytes]] = defaultdict(list)
        self.receipt_acks: list[ReceiptAck] = []
        self.showings: list[Shown] = []
        self.incidents: list[Incident] = []
        self._known: set[tuple[type, str | None, int]] = set()
        self.notes = True
        self.nonce = NONCE
        self.time = datetime.now(UTC).isoformat()
        self.states: list[State] = []
        self.connections = 0
        self.machine = ""
        self.link = Link(
            Broker(port=port),
            client_id="cloud",
            subscriptions=[channel.of_all for channel in Channel],
            will=(CLOUD_STATE, encode(CloudState(online=False))),
        )

    @property
    def arrived(self) -> list[int]:
        """Each seq that is here, once."""
        return sorted(self.bodies)

    def times(self, seq: int) -> int:
        return len(self.bodies[seq])

    def say(self, channel: Channel, body: bytes) -> None:
        self.link.publish(channel.of(self.machine), body, 1)

    def acknowledge(
        self,
        epoch: str,
        upto: int | None = None,
        hold_s: int = 0,
        stored: tuple[str, ...] | None = None,
    ) -> None:
        """All up to a number but what is missing; by default up to the highest seen.

        Without `stored` it is an older cloud that speaks.
        """
        upto = max(self.arrived, default=0) if upto is None else upto
        missing = tuple(seq for seq in range(1, upto + 1) if seq not in self.bodies)
        ack = Ack(
            epoch=epoch,
            upto=upto,
            missing=missing,
            time=self.time,
            hold_s=hold_s,
            answers=self.nonce,
            stored=stored,
        )
        self.say(Channel.ACK, encode(ack))

    def send(self, receipt: Receipt) -> None:
        self.say(Channel.RECEIPT, encode(receipt))

    def announce(self) -> None:
        body = encode(CloudState(online=True, instance=self.instance))
        self.link.publish(CLOUD_STATE, body, 1, retain=True)

    async def run(self) -> None:
        self.link.start()
        try:
            async for happening in self.link:
                match happening:
                    case Connected():
                        self.connections += 1
                        self.announce()
                    case Incoming():
                        self._take(happening)
                        happening.acknowledge()
        finally:
            await self.link.stop()

    def _take(self, incoming: Incoming) -> None:
        addressed = parse(incoming.topic)
        if addressed is None:
            return
        self.machine, channel = addressed
        match channel:
            case Channel.SALE:
                sale = decode(incoming.payload, Sale)
                self.bodies[sale.seq].append(incoming.payload)
                if self.answers:
                    self.acknowledge(sale.epoch, stored=(sale.sale_id,))
            case Channel.RECEIPT_ACK:
                self.receipt_acks.append(decode(incoming.payload, ReceiptAck))
            case Channel.SHOWN:
                self._note(decode(incoming.payload, Shown), self.showings)
            case Channel.INCIDENT:
                self._note(decode(incoming.payload, Incident), self.incidents)
            case Channel.STATE:
                state = decode(incoming.payload, State)
                self.states.append(state)
                if state.epoch is not None:
                    # A birth is answered, and with it the machine knows the time.
                    self.nonce = state.nonce
                    self.acknowledge(state.epoch, 0, stored=())

    def _note(self, told: N, known: list[N]) -> None:
        """Stored once, whatever comes twice; and said so, while `notes` is true.

        Also where a test has emptied its list since: a copy may still have been on its way.
        """
        name = type(told), told.epoch, told.number
        if name not in self._known:
            self._known.add(name)
            known.append(told)
        if self.notes and told.epoch is not None:
            self.say(Channel.NOTED, encode(Noted(epoch=told.epoch, numbers=(told.number,))))


@asynccontextmanager
async def cloud_at(port: int, *, answers: bool = True) -> AsyncIterator[Cloud]:
    """One that hears: what is published from here on reaches it."""
    cloud = Cloud(port, answers=answers)
    running = asyncio.create_task(cloud.run())
    try:
        async with asyncio.timeout(10):
            while not cloud.connections:
                await asyncio.sleep(0.005)
            # The broker takes things in order: once it has this, the cloud has subscribed.
            await cloud.link.publish("sync", b"", 1)
        yield cloud
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

"""Whoever sends receipts, and an ear at the broker: every body of every sale, as it went by."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import specimens
from parts import until

from edge.wire import Channel, ReceiptAck, Sale, decode, encode, parse
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

REPEAT_S = 0.15


class Office:
    """Answers each sale with a receipt, again and again until the machine says that it has it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.connected = False
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        """By sale."""
        self.acknowledged: dict[str, set[str]] = defaultdict(set)
        """Sales whose receipt is said to be on the disk, by machine."""
        self._owed: dict[str, Sale] = {}

    async def listen(self) -> None:
        async for happening in self.link:
            match happening:
                case Connected():
                    self.connected = True
                case Incoming(topic, payload):
                    happening.acknowledge()
                    addressed = parse(topic)
                    assert addressed is not None
                    self._take(*addressed, payload)

    async def repeat(self) -> None:
        while True:
            await asyncio.sleep(REPEAT_S)
            for sale in list(self._owed.values()):
                self._send(sale)

    def _take(self, machine: str, channel: Channel, payload: bytes) -> None:
        if channel is Channel.SALE:
            sale = decode(payload, Sale)
            self.bodies[sale.sale_id].add(payload)
            if sale.sale_id not in self.acknowledged[machine]:
                self._owed[sale.sale_id] = sale
                self._send(sale)
        else:
            told = decode(payload, ReceiptAck)
            self._owed.pop(told.sale_id, None)
            self.acknowledged[machine].add(told.sale_id)

    def _send(self, sale: Sale) -> None:
        body = encode(specimens.receipt(sale))
        self.link.publish(Channel.RECEIPT.of(sale.machine), body, 1)


@asynccontextmanager
async def an_office(port: int) -> AsyncIterator[Office]:
    link = Link(
        Broker(port=port),
        client_id="office",
        subscriptions=[Channel.SALE.of_all, Channel.RECEIPT_ACK.of_all],
        will=("office", b""),
    )
    office = Office(link)
    link.start()
    tasks = [asyncio.ensure_future(each) for each in (office.listen(), office.repeat())]
    try:
        await until(lambda: office.connected)
        await link.publish("listens", b"", 1)  # once the broker has this, the office has subscribed
        yield office
    finally:
        await link.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

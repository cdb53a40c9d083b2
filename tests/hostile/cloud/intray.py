"""An in-tray: the real inbox at a real store. The broker between is this test."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from shop import MACHINE_AT_WORK, a_fleet, a_sale, rows, stock

from cloud.bell import Bell
from cloud.inbox import Inbox
from cloud.store import Store
from cloud.store.schema import metadata
from edge.wire import Channel, decode, encode
from edge.wire.link import Incoming, Link

HONEST = "vm-000123"
LIAR = "vm-000666"
M = TypeVar("M")
Message = tuple[str, bytes]
Rows = Mapping[str, Sequence[Sequence[Any]]]

OF_MACHINES = [each for each in metadata.tables.values() if "machine" in each.c]
OF_SALES = [
    each for each in metadata.tables.values() if "sale_id" in each.c and "machine" not in each.c
]


class Mouth(Link):
    """What the cloud says, kept: nobody is connected."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def publish(
        self, topic: str, payload: bytes, _qos: int, *, retain: bool = False
    ) -> "asyncio.Future[bool]":
        assert not retain
        self.said.append((topic, payload))
        return asyncio.get_running_loop().create_future()


@dataclass
class Mailbox:
    """Hands messages in, and counts how often each was acknowledged to the broker."""

    store: Store
    mouth: Mouth
    inbox: Inbox
    work: "asyncio.Task[None]"
    due: Bell = field(default_factory=Bell)

    async def take(self, *messages: Message) -> None:
        """All of them at once; each is acknowledged once, and the inbox goes on."""
        acknowledged = [0] * len(messages)
        done = asyncio.Event()

        def acknowledge(number: int) -> None:
            acknowledged[number] += 1
            if all(acknowledged):
                done.set()

        for number, (topic, payload) in enumerate(messages):
            self.inbox.take(Incoming(topic, payload, partial(acknowledge, number)))
        waiting = asyncio.ensure_future(done.wait())
        await asyncio.wait({waiting, self.work}, timeout=30, return_when="FIRST_COMPLETED")
        waiting.cancel()
        assert not self.work.done(), self.work
        # Its own turn is over when the next one is: what it still says of this one is said.
        await asyncio.sleep(0)
        assert acknowledged == [1] * len(messages)

    def heard(self, machine: str, channel: Channel, kind: type[M]) -> list[M]:
        """What was said to a machine on a topic."""
        return [
            decode(body, kind) for topic, body in self.mouth.said if topic == channel.of(machine)
        ]

    def spoken_to(self) -> set[str]:
        """The machines that anything was said to."""
        return {topic.split("/")[2] for topic, _ in self.mouth.said}


async def of_machine(store: Store, machine: str) -> Rows:
    """Every row of a machine, and of its sales, in every table there is."""
    kept = {
        each.name: [tuple(row) for row in await rows(store, sa.select(each).order_by(*each.c))]
        for each in (*OF_MACHINES, *OF_SALES)
    }
    of_it: dict[str, list[Any]] = {}
    for each in OF_MACHINES:
        place = list(each.c.keys()).index("machine")
        of_it[each.name] = [row for row in kept[each.name] if row[place] == machine]
    names = list(metadata.tables["sale"].c.keys())
    own = {row[names.index("sale_id")] for row in of_it["sale"]}
    for each in OF_SALES:
        place = list(each.c.keys()).index("sale_id")
        of_it[each.name] = [row for row in kept[each.name] if row[place] in own]
    return of_it


@asynccontextmanager
async def a_mailbox(store: Store) -> AsyncIterator[Mailbox]:
    """An inbox at work, until the block ends."""
    mouth, due, news, stuck = Mouth(), Bell(), Bell(), Bell()
    inbox = Inbox(store, mouth, due, news, stuck)
    work = asyncio.ensure_future(inbox.run())
    try:
        yield Mailbox(store, mouth, inbox, work, due)
    finally:
        work.cancel()
        await asyncio.wait([work])


async def two_machines(store: Store) -> None:
    """An operator with two machines that stand side by side; the honest one has sold something."""
    liar = msgspec.structs.replace(MACHINE_AT_WORK, id=LIAR)
    await stock(store, *a_fleet(liar))


def honest_sale(number: int) -> Message:
    return Channel.SALE.of(HONEST), encode(a_sale(number, machine=HONEST))

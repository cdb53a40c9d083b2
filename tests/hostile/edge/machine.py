"""A whole agent in this process with a real outbox, and a link whose other end is the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from street.living import OwnClock, Screen
from street.mortal import Fuse, Wire

from edge.agent import Agent, Parts
from edge.attachments import Attachments
from edge.capture import Capture
from edge.commands import Commands
from edge.config import read_text
from edge.deeds import MachineDeeds
from edge.in_force import InForce
from edge.keeper import Concluded
from edge.printers.file import FilePrinter
from edge.printers.print_queue import PrintQueue
from edge.printers.profiles import PROFILES
from edge.stage import Stage
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.uplink import subscriptions
from edge.wire import Channel, Sale, decode
from edge.wire.link import Connected, Happening, Incoming, Link
from edge.wire.settings import Broker
from mdb import event

MACHINE: Final = "vm-000123"
EPOCH: Final = "7f3a9c1e"
PAGES: Final = "https://chek.example/r/"
CONFIG: Final = read_text(
    f'machine = "{MACHINE}"\ntap = "virtual:0001=1000"\n[receipts]\nlink = "{PAGES}"', "edge.toml"
)
PATIENCE_S: Final = 10.0


class Spoken(Link):
    """A link that is connected at once; what is published is remembered."""

    def __init__(self) -> None:
        will = (Channel.STATE.of(MACHINE), b"{}")
        super().__init__(Broker(), "hostile", subscriptions(MACHINE), will)
        self.published: list[tuple[str, bytes]] = []
        self.acknowledged = 0
        self._said: asyncio.Queue[Happening] = asyncio.Queue()

    def start(self) -> None:
        self.connected, self.connections = True, 1
        self._said.put_nowait(Connected())

    @property
    def alive(self) -> bool:
        return True

    async def stop(self) -> None:
        self.connected = False

    async def __aiter__(self) -> AsyncIterator[Happening]:
        while True:
            yield await self._said.get()

    def publish(
        self,
        topic: str,
        payload: bytes,
        qos: int,  # noqa: ARG002, all of it arrives
        *,
        retain: bool = False,  # noqa: ARG002
    ) -> "asyncio.Future[bool]":
        self.published.append((topic, payload))
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    def say(self, topic: str, payload: bytes) -> None:
        """What the broker hands down."""
        self._said.put_nowait(Incoming(topic, payload, self._taken))

    def _taken(self) -> None:
        self.acknowledged += 1


class Life:
    """One agent from its start on, as the assembly puts it together."""

    def __init__(self, folder: Path) -> None:
        self.clock = OwnClock()
        self.outbox = Outbox(folder / "outbox.sqlite", EPOCH)
        self.disk = Disk()
        self.link = Spoken()
        self.screen = Screen()
        ballast = Ballast(folder)
        in_force = InForce(CONFIG, self.outbox, self.disk)
        self.agent = agent = Agent(
            Parts(
                machine=MACHINE,
                tap=Wire(Fuse(folder, folder / "never")),
                outbox=self.outbox,
                disk=self.disk,
                ballast=ballast,
                link=self.link,
                clock=self.clock,
                product=in_force.product,
            )
        )
        self.stage = Stage(
            {"screen": self.screen},
            in_force.policy,
            CONFIG.products,
            agent.timeline,
            agent.keep_showing,
        )
        in_force.follow(self.stage.change)
        printer = FilePrinter(folder / "slips", replace(PROFILES["generic-58"], settle_s=0.01))
        self.words: list[str] = []
        self.printing = PrintQueue(
            {"file": printer}, self.clock, agent.keep_showing, lambda _name, word: self._says(word)
        )
        commands = Commands(
            machine=MACHINE,
            remember=partial(self.disk.do, self.outbox.memory.put_answer),
            recall=partial(self.disk.do, self.outbox.memory.answer),
            publish=partial(self.link.publish, qos=1),
            deeds=MachineDeeds(
                outbox=self.outbox,
                disk=self.disk,
                stage=self.stage,
                printing=self.printing,
                slip=agent.slip,
                last_lines=lambda _lines: ["a line"],
                stop=self._stopped,
                buying=lambda: False,
            ),
            capture=Capture(self.clock, lambda: agent.listener.context, title=MACHINE),
            attachments=Attachments(folder / "captures"),
            now=agent.timeline.now,
        )
        agent.on_command, agent.on_desired = commands.receive, in_force.wished
        self.restarts = 0
        self.running = asyncio.ensure_future(
            agent.run(self.stage, self.printing, (commands.run(),))
        )

    def sell(self, item: str, amount: int = 1000) -> None:
        tender = event.Tender("cashless-1", amount)
        vend = event.Sale(0.0, 0x10, item, event.Kind.PAID, amount, "RUB", (tender,))
        self.agent.keeper.take(Concluded(vend, *self.agent.timeline.look()))

    @property
    def sales(self) -> dict[str | None, Sale]:
        """What was published, by item."""
        topic = Channel.SALE.of(MACHINE)
        told = [decode(body, Sale) for each, body in self.link.published if each == topic]
        return {each.item: each for each in told}

    async def sold(self, item: str) -> Sale:
        """Sell it, and see it published."""
        self.sell(item)
        await self.until(item)
        return self.sales[item]

    async def until(self, item: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while item not in self.sales:
                assert not self.running.done(), self.running
                await asyncio.sleep(0.001)

    async def taken(self, count: int) -> None:
        """So many messages have been taken; none of them ended anything."""
        async with asyncio.timeout(PATIENCE_S):
            while self.link.acknowledged < count:
                assert not self.running.done(), self.running
                await asyncio.sleep(0.001)

    def _says(self, word: str) -> None:
        self.words.append(word)

    def _stopped(self) -> None:
        self.restarts += 1


@asynccontextmanager
async def a_life(folder: Path) -> AsyncIterator[Life]:
    """From a start to an orderly end, which nothing that was heard has brought about."""
    life = Life(folder)
    try:
        yield life
        assert not life.running.done(), life.running
    finally:
        life.running.cancel()
        await asyncio.wait([life.running])
        if not life.running.cancelled() and (error := life.running.exception()):
            raise error

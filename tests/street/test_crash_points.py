"""A crash at every step between hearing and acknowledging; none costs a sale, none doubles one.

The bus is heard as fast as it can be, but for one pause: goods fall when the motor has turned, and
until then an approval is on the disk. So of a vend by card nothing is ever missing: it is sold once
or asked of once. Cash has no approval: the last vend before a crash may be nowhere if its sale was
not on the disk yet.
"""

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from parts import Mosquitto
from shop import a_cloud, eventually, rows
from street.deals import Deal, End, judge
from street.mortal import (
    FILES,
    Crash,
    Fuse,
    Mortal,
    RightClock,
    commits_are_steps,
    kind_of,
)
from street.office import Office, an_office

from cloud.store import Store
from cloud.store.schema import incident, note, sale
from edge.clock import Clock
from edge.wire import Incident, Sale, decode
from edge.wire.settings import Broker
from mdb.byte import BusByte, Signal
from mdb.taps.virtual import COINS, HABITS, TURNAROUND_S
from mdb.virtual import card_dialogues, cash_dialogues
from mdb.virtual.card_reader import VEND, ReaderMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.start_up import switch_on
from mdb.virtual.unit import TENTHS
from mdb.virtual.wire import Wire

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.timeout(400)]
Blocks = Sequence[tuple[Signal, ...]]
STORY = ("card", "cash", "failed", "card")
PRICE = 1000
EVERY_KIND = {
    *("a block of the bus was heard", "before a commit", "after a commit"),
    *("before publishing sale", "after publishing sale", "before taking ack", "after taking ack"),
    *("before taking receipt", "before publishing receipt/ack", "after publishing receipt/ack"),
    *("before the PUBACK of receipt", "after the PUBACK of receipt", "before the PUBACK of ack"),
}


@dataclass
class Books:
    """What is on a disk: by item, so that it can be held against deals."""

    sold: set[str]
    approved: set[str]
    receipts: set[str]


class Street:
    """One machine with its story: lives of its agent, one disk after another, one cloud."""

    def __init__(
        self, folder: Path, name: str, broker: Broker, office: Office, store: Store
    ) -> None:
        self.folder, self.name, self.broker = folder, name, broker
        self.office, self.store = office, store
        self.deals: list[Deal] = []
        self.disks: list[Books] = []
        """What was on the disk at each crash."""
        self.waiting = list(STORY)
        self.crashes: list[str] = []
        self.kinds: list[str] = []
        self.fuse: Fuse | None = None

    async def live(self, at: int | str | None, clock: Clock | None = None) -> None:
        """One life: from the start to the crash, or until all is sold and acknowledged."""
        number = len(self.disks)
        here = self.folder / f"life-{number}"
        here.mkdir(exist_ok=True)
        fuse = self.fuse = Fuse(here, self.folder / f"life-{number + 1}", at)
        life = Mortal(here, self.name, self.broker, clock or RightClock(), fuse)
        try:
            await self._switch_on(life, number)
        finally:
            await life.bury()
            self.fuse = None
        if life.dead:
            self.crashes.append(fuse.story)
            self.kinds.append(kind_of(fuse.steps[-1]))
            self.disks.append(books_of(fuse.copy, self.folder / f"look-{number}"))
            for deal in reversed(self.deals):
                deal.last = True
                if deal.over:
                    break

    async def _switch_on(self, life: Mortal, turn: int) -> None:
        make = Make({}, (ReaderMake(level=1, unit=TENTHS, multivend=False),), COINS, habits=HABITS)
        machine = Machine(
            make, Wire(time.clock_gettime(time.CLOCK_BOOTTIME), turnaround_s=TURNAROUND_S)
        )
        machine.vmc.reset_bus(machine.peripherals)
        switch_on(machine)
        life.fuse.armed = turn > 0
        await self._say(life, machine.wire.take())
        life.fuse.armed = True
        while self.waiting and not life.dead:
            await self._deal(life, machine, turn)
        await soon(lambda: life.dead or life.agent.keeper.waiting == 0)
        if not life.dead:
            await eventually(lambda: self._all_is_told(life), 20)

    async def _all_is_told(self, life: Mortal) -> bool:
        if life.dead:
            return True
        kept = life.outbox.pending()[0] == 0 and life.outbox.notes.pending() == 0
        ids = {each.sale_id for each in await self.sales()}
        return kept and ids <= self.office.acknowledged[self.name]

    async def _deal(self, life: Mortal, machine: Machine, turn: int) -> None:
        how = self.waiting.pop(0)
        number = len(self.deals)
        item = f"{number + 1:04x}"
        end = End.VOID if how == "failed" else End.SOLD
        deal = Deal(number, item, PRICE, how, end, turn)
        self.deals.append(deal)
        machine.make.prices[item] = PRICE
        if how == "cash":
            cash_dialogues.buy(machine, item)
            blocks = machine.wire.take()
            told = next(at for at, each in enumerate(blocks) if _tells_cash_sale(each))
            await self._say(life, blocks[:told])
            await self._decide(life, blocks[told : told + 2], deal)
            await self._say(life, blocks[told + 2 :])
            return
        reader = machine.reader()
        session = card_dialogues.Session(machine, reader)
        assert session.request(item, PRICE, PRICE)
        deal.approved = True  # or about to be: from here on it may be on the disk
        await self._say(life, machine.wire.take())
        await soon(lambda: life.dead or life.agent.keeper.waiting == 0)  # the motor turns
        if how == "card":
            session.succeed(item)
        else:
            machine.tell(reader, VEND, 0x03)
        await self._decide(life, machine.wire.take(), deal)
        session.end()
        await self._say(life, machine.wire.take())

    async def _decide(self, life: Mortal, blocks: Blocks, deal: Deal) -> None:
        for block in blocks[:-1]:
            await self._say(life, [block])
        await self._say(life, [blocks[-1]], lambda: setattr(deal, "over", True))

    async def _say(self, life: Mortal, blocks: Blocks, then: Callable[[], object] = bool) -> None:
        """As one step of the bus; a machine without power says nothing."""
        if life.dead:
            return
        heard = asyncio.Event()

        def at_last() -> None:
            heard.set()
            then()

        life.wire.say([each for block in blocks for each in block], at_last)
        await soon(lambda: life.dead or heard.is_set())

    async def sales(self) -> list[Sale]:
        found = await rows(self.store, sa.select(sale.c.body).where(sale.c.machine == self.name))
        return [decode(row.body.encode(), Sale) for row in found]

    async def incidents(self) -> list[Incident]:
        found = await rows(self.store, sa.select(note.c.body).where(note.c.machine == self.name))
        return [decode(row.body.encode(), Incident) for row in found]

    async def check(self) -> None:
        """Everything is told; hold the books against each other."""
        sales, incidents = await self.sales(), await self.incidents()
        verdict = judge(self.deals, sales, incidents)
        sold = {each.item for each in sales}
        asked = {each.item for each in incidents if each.kind == "outcome_unknown"}
        for number, disk in enumerate(self.disks):
            if not disk.sold <= sold:
                verdict.broken.append(f"on disk {number}, not in the inbox: {disk.sold - sold}")
            if not disk.approved <= sold | asked:
                verdict.broken.append(f"approved, and silence: {disk.approved - sold - asked}")
        for deal in self.deals:
            if deal.how == "card" and deal.over and deal.item not in sold | asked:
                verdict.broken.append(f"silence: {deal}")
        for each in sales:
            if len(self.office.bodies[each.sale_id]) != 1:
                verdict.broken.append(f"{each.sale_id} was told in two ways")
        where = incident.c.machine == self.name
        for row in await rows(self.store, sa.select(incident).where(where)):
            if row.kind != "outcome_unknown":
                verdict.broken.append(f"the cloud complains: {row.kind}: {row.detail}")
        assert verdict.holds, "\n".join([*map(str, self.crashes), *verdict.broken])

    def check_receipts(self) -> None:
        """What was acknowledged by now is on the disk that the crash left."""
        missing = self.office.acknowledged[self.name] - self.disks[-1].receipts
        assert not missing, f"{self.crashes}: acknowledged, and not on the disk: {missing}"


async def soon(condition: Callable[[], object]) -> None:
    """`until`, in smaller steps: there are thousands."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def books_of(folder: Path, look: Path) -> Books:
    """Look at a copy: the next life finds what the crash left, and not what a look has mended."""
    look.mkdir()
    for each in folder.glob(FILES):
        shutil.copy(each, look)
    with closing(sqlite3.connect(look / "outbox.sqlite")) as reader:
        if not reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'sale'").fetchone():
            return Books(set(), set(), set())
        sold = reader.execute("SELECT json_extract(CAST(body AS TEXT), '$.item') FROM sale")
        intents = reader.execute("SELECT json_extract(CAST(body AS TEXT), '$.item') FROM intent")
        receipts = reader.execute("SELECT sale_id FROM receipt")
        return Books(*({row[0] for row in found} for found in (sold, intents, receipts)))


def _tells_cash_sale(block: tuple[Signal, ...]) -> bool:
    told = [each.value for each in block if isinstance(each, BusByte)]
    return told[:2] == [0x13, 0x05]


@pytest.fixture
async def streets(
    broker: Mosquitto, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[str], Street]]:
    monkeypatch.setattr("edge.agent.LAST_S", 0.0)
    open_now: list[Street] = []
    commits_are_steps(monkeypatch, lambda: open_now[-1].fuse if open_now else None)

    def of_the_living(loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        """What fails in an agent that is dead is nobody's concern."""
        if not isinstance(told.get("exception"), Crash):
            loop.default_exception_handler(told)

    asyncio.get_running_loop().set_exception_handler(of_the_living)
    async with a_cloud(store, broker), an_office(broker.port) as office:

        def street(name: str) -> Street:
            folder = tmp_path / name
            folder.mkdir()
            open_now.append(Street(folder, name, Broker(port=broker.port), office, store))
            return open_now[-1]

        yield street


async def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    streets: Callable[[str], Street],
) -> None:
    kinds: set[str] = set()
    at = 0
    while True:
        at += 1
        street = streets(f"vm-{at}")
        if not await crashes_at(at, street):
            break
        kinds.add(street.kinds[-1])
    assert at > 60
    for kind in EVERY_KIND - kinds:  # the steps' order is not the same each time
        assert await crashes_at(kind, streets(f"vm-{at}-{len(kind)}")), kind


async def crashes_at(step: int | str, street: Street) -> bool:
    """A story with a crash at this step, and its end; False if it came to its end without."""
    await street.live(step)
    if not street.crashes:
        return False
    street.check_receipts()
    await street.live(None)
    await street.check()
    return True


async def test_two_crashes_in_one_story_are_as_harmless(
    streets: Callable[[str], Street],
) -> None:
    chance = random.Random(4)
    for number in range(12):
        street = streets(f"vm-{number}")
        await street.live(chance.randint(1, 90))
        if street.crashes:
            await street.live(chance.randint(1, 40))
        await street.live(None)
        await street.check()


def test_a_crash_is_nothing_that_ours_may_catch() -> None:
    assert not issubclass(Crash, Exception)

"""A vending machine with its buyers, on the world's time, and its own truth.

The machine is `mdb.virtual`'s, which is written from the standard and knows nothing of the listener.
A dialogue is made when its buyer comes, and said at the bus's own pace: what a cut of the machine's
power leaves unsaid never was. Between buyers it polls so seldom that a day costs nothing, and often
enough that no listener takes it for dead.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from random import Random
from typing import Final

from simulation.deal import Deal, How, Said, Visit, batches, play
from simulation.tap import Ears, Tap

from mdb.taps.virtual import COINS
from mdb.virtual.bill_validator import ValidatorMake
from mdb.virtual.card_reader import ReaderMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.start_up import switch_on
from mdb.virtual.unit import TENTHS
from mdb.virtual.vmc import Habits
from mdb.virtual.wire import Unreliable, Wire, quiet

__all__ = ["Deal", "How", "Vending", "Visit"]

IDLE_S: Final = 20.0
"""Between two rounds of polls while nobody buys; 30 s of silence are a dead bus (`edge.listener`)."""
OFF_S: Final = 1.5
"""How long the power is away."""
PATIENCE_S: Final = 10.0
"""Whoever puts a box in switches the machine on when it listens: money is scaled at the start alone.
So long he waits for it."""
FIRST_PRICE: Final = 1000
STEP: Final = 10
"""Minor units from one deal's price to the next; one unit of every device."""


class Vending:
    """One machine. `deals` are its books; `noise` and `power_cycle` are the world's."""

    def __init__(
        self,
        name: str,
        chance: Random,
        items: Sequence[str],
        buyers: Sequence[Visit] = (),
        first_price: int = FIRST_PRICE,
    ) -> None:
        self.name = name
        self.deals: list[Deal] = []
        self.noise: float | None = None
        """How often a block is lost or damaged on the link, and again how often at the tap."""
        self.configured_at: float | None = None
        """When a tap that was there had plainly heard the whole of a start: money has a scale."""
        self.lives = 0
        self.tap_now: Tap | None = None
        self._first_price = first_price
        self._chance = chance
        self._items = cycle(items)
        self._visits = deque(sorted(buyers, key=lambda each: each.at))
        self._prices: dict[str, int] = {}
        self._habits = Habits(
            poll_s=chance.choice((0.125, 0.2)),
            motor_s=chance.uniform(1.6, 2.5),  # no machine lets two out within 1.5 s
            retort=chance.choice(("nak", "ret", "silence")),
            polls_in_vend=chance.random() < 0.7,
            change_first=chance.random() < 0.5,
            asks_names=False,
        )
        self._reader = ReaderMake(
            level=chance.choice((1, 2, 3)), unit=TENTHS, at_once=chance.random() < 0.3
        )
        self._expecting = self._off = self._telling = False
        self._patience_s = PATIENCE_S
        self._awake: asyncio.Future[None] | None = None
        self._machine = self._made(0.0)

    def tap(self) -> Tap:
        """A new life's tap; within its process."""
        self.lives += 1
        return Tap(self, self.lives)

    def attach(self, tap: Tap) -> None:
        """This one is heard by from now on."""
        self.tap_now = tap
        if self._expecting and self._awake is not None:
            _wake(self._awake)

    def detach(self, tap: Tap) -> None:
        """Nobody listens, unless another does already."""
        if self.tap_now is tap:
            self.tap_now = None

    def power_cycle(self, patience_s: float = 0.0) -> None:
        """Off and on. What is under way is broken off; not amid the word that the goods are out.

        With `patience_s` it stays off until somebody listens, or for so long.
        """
        self._off, self._patience_s = True, patience_s
        if self._awake is not None and not self._awake.done() and not self._telling:
            self._awake.set_result(None)

    async def live(self, until: float = float("inf")) -> None:
        """On, with buyers, until a time; the deal that is then under way is ended."""
        loop = asyncio.get_running_loop()
        await self._expect_ears()
        await self._start(loop.time())
        while loop.time() < until:
            due = min(loop.time() + IDLE_S, until)
            if self._visits:
                due = min(due, max(loop.time(), self._visits[0].at))
            if not await self._reach(due):
                self._off = False
                await self._reach(loop.time() + OFF_S)
                await self._expect_ears()
                await self._start(loop.time())
            elif self._visits and self._visits[0].at <= loop.time() < until:
                await self._serve(self._visits.popleft())
            else:
                self._machine.wire.now = loop.time()
                self._machine.round()
                await self._say(self._machine.wire.take())

    async def _expect_ears(self) -> None:
        """Before it is switched on."""
        self._expecting = True
        if self.tap_now is None and self._patience_s:
            await self._reach(asyncio.get_running_loop().time() + self._patience_s)
        self._expecting = self._off = False

    def _made(self, now: float) -> Machine:
        make = Make(self._prices, (self._reader,), COINS, ValidatorMake(), habits=self._habits)
        return Machine(make, Wire(now))

    async def _start(self, now: float) -> None:
        """Every device is reset, some machines' by a break before, and tells what it is."""
        self._machine = self._made(now)
        self._be_noisy()
        if self._chance.random() < 0.5:
            self._machine.vmc.reset_bus(self._machine.peripherals)
        switch_on(self._machine)
        before = self.tap_now
        plain = await self._say(self._machine.wire.take())
        if plain and before is not None and before is self.tap_now and self.configured_at is None:
            self.configured_at = asyncio.get_running_loop().time()

    async def _serve(self, visit: Visit) -> None:
        number = len(self.deals)
        item, price = visit.item or next(self._items), self._first_price + STEP * number
        now = asyncio.get_running_loop().time()
        deal = Deal(self.name, number, item, price, visit.how, now)
        deal.lives = self._life, 0
        deal.configured = self.configured_at is not None
        self.deals.append(deal)
        self._prices[item] = price
        self._machine.wire.now = now
        self._be_noisy()
        marks = play(self._machine, deal)
        await self._say(self._machine.wire.take(), deal, marks)
        if deal.over_at is None:
            deal.over_at, deal.broken_off = asyncio.get_running_loop().time(), True
        deal.lives = deal.lives[0], self._life

    @property
    def _life(self) -> int:
        return 0 if self.tap_now is None else self.tap_now.life

    def _be_noisy(self) -> None:
        self._machine.wire.fates = Unreliable(self._chance, self.noise) if self.noise else quiet

    async def _say(
        self,
        blocks: Sequence[Said],
        deal: Deal | None = None,
        marks: Sequence[tuple[float, str]] = (),
    ) -> bool:
        """Each block when its time has come, and the books with it. Whether all was plainly heard."""
        plain = True
        for batch in batches(blocks, marks):
            if not await self._reach(batch.ends_at):
                return False
            self._telling = batch.telling
            for mark in batch.marks if deal is not None else ():
                if getattr(deal, f"{mark}_at") is None:
                    setattr(deal, f"{mark}_at", batch.ends_at)
            if self.tap_now is not None:
                ears = Ears(self._chance, self.noise) if self.noise else None
                reached = [(deal, mark) for mark in batch.marks] if deal is not None else []
                if not self.tap_now.hear(batch.blocks, reached, ears):
                    plain = False
                    if deal is not None:
                        deal.damaged = True
        return plain

    async def _reach(self, when: float) -> bool:
        """Wait until then. Whether there is power still."""
        loop = asyncio.get_running_loop()
        if when > loop.time() and (self._telling or not self._off):
            self._awake = loop.create_future()
            timer = loop.call_at(when, _wake, self._awake)
            await self._awake
            timer.cancel()
        return self._telling or not self._off


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)

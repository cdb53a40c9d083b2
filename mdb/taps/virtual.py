"""A vending machine in memory: ``virtual:0001=12000,0002=9000`` (item number = price in kopecks).

The machine of `mdb.virtual`, with a cashless reader, a coin changer and a bill validator, at the
bus's own pace in `CLOCK_BOOTTIME`. It is written from the standard and not from our decoder, and
keeps its own ledger of what it dispensed, so it can be a judge of what was heard.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from mdb.byte import BYTE_S, Signal
from mdb.virtual import card_dialogues, cash_dialogues
from mdb.virtual.bill_validator import ValidatorMake
from mdb.virtual.card_reader import ReaderMake
from mdb.virtual.coin_changer import ChangerMake
from mdb.virtual.machine import Machine, Make
from mdb.virtual.start_up import switch_on
from mdb.virtual.unit import TENTHS
from mdb.virtual.vmc import Habits
from mdb.virtual.wire import Wire

POLL_S: Final = 0.125
TURNAROUND_S: Final = 0.0005
"""A side's pause before it speaks; the standard allows 5 ms."""
HABITS: Final = Habits(
    poll_s=0.0, motor_s=0.0, repeat_s=TURNAROUND_S, repoll_s=TURNAROUND_S, asks_names=False
)
"""In a hurry while a buyer waits: no pause between POLLs, and a motor that takes no time."""
COINS: Final = ChangerMake(
    level=2, unit=TENTHS, coins=(1, 5, 10, 20, 50, 100), tubes=(40,) * 6, alternative_payout=False
)
"""0.10 to 10.00: every price can be paid exactly."""
ROUND_SUM: Final = 1000
"""A buyer with cash pays up to whole tens, while there is change for that."""
_ENTRY: Final = re.compile(r"[0-9A-Fa-f]{4}=[0-9]+")


@dataclass(frozen=True, slots=True)
class Vend:
    """What the machine knows it did: `at` is when the reader's ACK had been heard."""

    at: float
    item: str
    price: int
    by: str


@dataclass(frozen=True, slots=True)
class _Choice:
    item: str
    by: str


class VirtualMachine:
    """A tap whose bus is inside it; `press` is the buyer's finger."""

    vmc_only: Final = False
    """Both lines are heard."""

    def __init__(self, prices: dict[str, int]) -> None:
        self.prices = prices
        self.ledger: list[Vend] = []
        self._pressed: asyncio.Queue[_Choice] = asyncio.Queue()

    @classmethod
    def open(cls, address: str) -> "VirtualMachine":
        """Read ``ITEM=PRICE,…``.

        Raises:
            ValueError: an item is not four hex digits, or a price no multiple of ten kopecks that
                fits the bus.
        """
        prices: dict[str, int] = {}
        for entry in address.split(","):
            item, _, price = entry.partition("=")
            if not _ENTRY.fullmatch(entry) or int(price) % TENTHS.minor:
                raise ValueError(
                    f"virtual: {entry!r} is no item and price; expected four hex digits, '=',"
                    " and kopecks in tens, such as 0001=12000"
                )
            if int(price) // TENTHS.minor >= 0xFFFF:
                raise ValueError(f"virtual: {price} does not fit the bus; at most 655340")
            prices[item.lower()] = int(price)
        return cls(prices)

    def press(self, item: str, by: str = "cashless") -> None:
        """Buy an item, by ``cashless`` or ``cash``.

        Raises:
            KeyError: the machine has no such item.
        """
        _ = self.prices[item]
        self._pressed.put_nowait(_Choice(item, by))

    async def __aiter__(self) -> AsyncIterator[Signal]:
        """Switch the machine on and listen to its bus, for ever."""
        wire = Wire(_now(), turnaround_s=TURNAROUND_S)
        make = Make(
            self.prices,
            (ReaderMake(level=1, unit=TENTHS, multivend=False, response_s=7),),
            COINS,
            ValidatorMake(),
            habits=HABITS,
        )
        machine = Machine(make, wire)
        switch_on(machine)
        async for signal in self._speak(machine):
            yield signal
        while True:
            choice = await self._chosen()
            wire.now = max(wire.now, _now())
            if choice is None:
                machine.round()
            else:
                _serve(machine, choice)
            async for signal in self._speak(machine, choice):
                yield signal

    async def _chosen(self) -> _Choice | None:
        """What is pressed before the next POLLs are due."""
        try:
            return await asyncio.wait_for(self._pressed.get(), POLL_S)
        except TimeoutError:
            return None

    async def _speak(
        self, machine: Machine, choice: _Choice | None = None
    ) -> AsyncIterator[Signal]:
        """What was said, each block when its time has come, and the ledger with it."""
        done = machine.truth.vends[-1].at if choice else None
        for block in machine.wire.take():
            ended = block[-1].at + BYTE_S
            await asyncio.sleep(max(0.0, ended - _now()))
            if choice and done is not None and ended >= done - BYTE_S / 2:
                self._enter(choice, done)
                done = None
            for signal in block:
                yield signal
        if choice and done is not None:
            self._enter(choice, done)

    def _enter(self, choice: _Choice, at: float) -> None:
        self.ledger.append(Vend(at, choice.item, self.prices[choice.item], choice.by))


def _serve(machine: Machine, choice: _Choice) -> None:
    if choice.by == "cash":
        price = machine.make.prices[choice.item]
        change = -price % ROUND_SUM
        changer = machine.changer
        can_change = changer is not None and changer.change_for(change) is not None
        cash_dialogues.buy(machine, choice.item, price + change if can_change else price)
    else:
        card_dialogues.buy(machine, machine.reader(), [choice.item])


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

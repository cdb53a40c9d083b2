"""A vending machine in memory: ``virtual:0001=12000,0002=9000`` (item number = price in kopecks).

A VMC and a cashless reader hold the standard's own dialogues (MDB 4.2, section 7.7) at the bus's
own pace, byte for byte. The dialogues are written from the standard and not from our decoder, and
the machine keeps its own ledger of what it dispensed, so it can be a judge of what was heard.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from mdb.byte import Line, Signal
from mdb.trace import BYTE_S, signals

SCALE: Final = 10
POLL_S: Final = 0.125
TURNAROUND_S: Final = 0.0005
"""A side's pause before it speaks; the standard allows 5 ms."""

VMC, READER = Line.VMC, Line.PERIPHERAL
ACK: Final = b"\x00"
_ENTRY: Final = re.compile(r"[0-9A-Fa-f]{4}=[0-9]+")
Turn = tuple[Line, bytes]


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
            if not _ENTRY.fullmatch(entry) or int(price) % SCALE:
                raise ValueError(
                    f"virtual: {entry!r} is no item and price; expected four hex digits, '=',"
                    " and kopecks in tens, such as 0001=12000"
                )
            if int(price) // SCALE >= 0xFFFF:
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
        async for signal in self._speak(_start_up()):
            yield signal
        while True:
            try:
                choice = await asyncio.wait_for(self._pressed.get(), POLL_S)
            except TimeoutError:
                async for signal in self._speak([_vmc(0x12), (READER, ACK)]):
                    yield signal
                continue
            units = self.prices[choice.item] // SCALE
            item = bytes.fromhex(choice.item)
            cash = choice.by == "cash"
            ahead, done, after = _cash_vend(units, item) if cash else _card_vend(units, item)
            async for signal in self._speak(ahead):
                yield signal
            async for signal in self._speak(done, choice):
                yield signal
            async for signal in self._speak(after):
                yield signal

    async def _speak(
        self, turns: list[Turn] | Iterator[Turn], done: _Choice | None = None
    ) -> AsyncIterator[Signal]:
        """Put turns on the bus, each taking the time its bytes take; `done` goes to the ledger."""
        for line, values in turns:
            await asyncio.sleep(TURNAROUND_S + len(values) * BYTE_S)
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            if done is not None and line is READER:
                self.ledger.append(Vend(now, done.item, self.prices[done.item], done.by))
            for signal in signals(line, values, now - len(values) * BYTE_S):
                yield signal


def _vmc(*values: int) -> Turn:
    return VMC, bytes([*values, sum(values) & 0xFF])


def _reader(*values: int) -> Turn:
    return READER, bytes([*values, sum(values) & 0xFF])


def _start_up() -> list[Turn]:
    """RESET to READER ENABLE: level 1, roubles, scale 10, two decimals, cash sales wanted."""
    return [
        *(_vmc(0x10), (READER, ACK)),
        *(_vmc(0x12), _reader(0x00), (VMC, ACK)),
        *(_vmc(0x11, 0x00, 0x03, 0x10, 0x01, 0x01), (READER, ACK)),
        *(_vmc(0x12), _reader(0x01, 0x01, 0x16, 0x43, SCALE, 0x02, 0x07, 0x09), (VMC, ACK)),
        *(_vmc(0x11, 0x01, 0xFF, 0xFF, 0x00, 0x00), (READER, ACK)),
        *(_vmc(0x14, 0x01), (READER, ACK)),
    ]


def _card_vend(units: int, item: bytes) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """Dialogue 1, a single vend: what comes before the motor turns, VEND SUCCESS, and after."""
    price = units.to_bytes(2, "big")
    ahead = [
        *(_vmc(0x12), _reader(0x03, 0xFF, 0xFF), (VMC, ACK)),
        *(_vmc(0x13, 0x00, *price, *item), (READER, ACK)),
        *(_vmc(0x12), _reader(0x05, *price), (VMC, ACK)),
    ]
    after = [_vmc(0x13, 0x04), _reader(0x07), (VMC, ACK)]
    return ahead, [_vmc(0x13, 0x02, *item), (READER, ACK)], after


def _cash_vend(units: int, item: bytes) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """CASH SALE (7.4.10): the reader is told, for its audit, once the product is out."""
    sale = _vmc(0x13, 0x05, *units.to_bytes(2, "big"), *item)
    return [], [sale, (READER, ACK)], []

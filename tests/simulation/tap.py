"""The tap: what an edge hears of the bus, a life at a time.

As a serial port gives it: what is said while nobody has it open is gone. What its process does not
read waits in the kernel, and beyond its room is lost.
"""

import asyncio
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from simulation.deal import Deal, Said
from simulation.process import PROCESS, Process

from mdb.byte import BusByte, Signal
from mdb.taps.seam import Seam
from mdb.virtual.noise import HITS

if TYPE_CHECKING:
    from simulation.vending import Vending

KERNEL: Final = 4096
"""Bytes that wait for a process which does not read."""
KNOWN_S: Final = 4.0
"""In so long an agent has acted upon what it took.

A sale that may have another part is held back for 1.5 s of the bus's time, and where the bus then
says nothing, until its silence is minded, up to a second later; the rest is for disk and glass.
"""
KEPT_S: Final = 0.5
"""In so long an agent has an approval on its card."""
_STEPS: Final = 4
"""In so many parts that time is measured, in the process's own steps: a stop is not counted."""


class Tap:
    """The tap of one life: for `Agent.Parts.tap`. It is there from the first iteration on."""

    vmc_only = False

    def __init__(self, vending: "Vending", life: int) -> None:
        self.life = life
        self._vending = vending
        self._loop = asyncio.get_running_loop()
        self._process: Process | None = PROCESS.get()
        self._taken: Iterator[Signal] = iter(())
        self._unread: list[Signal] = []
        self._marks: list[tuple[Deal, str]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._opened_at = 0.0
        self._seam: Seam | None = Seam()

    def __aiter__(self) -> "Tap":
        self._opened_at = self._loop.time()
        self._vending.attach(self)
        if self._process is not None:
            self._process.at_death.append(self.close)
        return self

    async def __anext__(self) -> Signal:
        for signal in self._taken:
            return signal
        return await self._read()

    def close(self) -> None:
        """The port is closed: by who iterates, or by the kernel."""
        self._vending.detach(self)
        self._unread, self._marks = [], []

    def hear(
        self, blocks: Sequence[Said], reached: Sequence[tuple[Deal, str]], ears: "Ears | None"
    ) -> bool:
        """Blocks have been said. Whether all of it came here, as it was said."""
        heard, plain, last = ears.over(blocks) if ears else (blocks, True, True)
        signals = [signal for block in heard for signal in block]
        if self._seam is not None:
            whole = len(signals)
            signals = [
                each
                for signal in signals
                if signal.at >= self._opened_at
                for each in self._seam.join(signal)
            ]
            plain = plain and len(signals) == whole
            self._seam = None if signals else self._seam
        room = KERNEL - len(self._unread)
        if len(signals) > room:
            del signals[room:]
            plain = last = False
        self._unread += signals
        if last:
            self._marks += reached
        if self._waiter is not None and self._unread and not self._waiter.done():
            self._waiter.set_result(None)
        return plain

    async def _read(self) -> Signal:
        while not self._unread:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except BaseException:
                self.close()
                raise
        read, self._unread = self._unread, []
        for deal, mark in self._marks:
            self._took(deal, mark)
        self._marks = []
        self._taken = iter(read)
        return next(self._taken)

    def _took(self, deal: Deal, mark: str) -> None:
        now = self._loop.time()
        if mark == "requested":
            deal.request_heard_at = now
        elif mark == "approved":
            self._loop.call_later(KEPT_S, self._let_keep, deal)
        elif mark == "decided":
            deal.heard_at, deal.heard_by = now, self.life
            self._loop.call_later(KNOWN_S / _STEPS, self._let_act, deal, _STEPS - 1)

    def _let_keep(self, deal: Deal) -> None:
        deal.approval_known_at = self._loop.time()

    def _let_act(self, deal: Deal, left: int) -> None:
        """A step of the process itself: it is dropped with it, and waits where it is stopped."""
        if left:
            self._loop.call_later(KNOWN_S / _STEPS, self._let_act, deal, left - 1)
        else:
            deal.known_at = self._loop.time()


class Ears:
    """Noise at the tap alone: a block is missed now and then, or a byte of it spoiled."""

    def __init__(self, chance: Random, rate: float) -> None:
        self._chance = chance
        self._rate = rate

    def over(self, blocks: Sequence[Said]) -> tuple[Sequence[Said], bool, bool]:
        """The blocks as they are heard; whether all are plain; whether the last one is."""
        heard: list[Said] = []
        plain = last = True
        for block in blocks:
            last = self._chance.random() >= self._rate
            plain = plain and last
            if last:
                heard.append(block)
            elif self._chance.random() < 0.5:
                heard.append(self._spoilt(block))
        return heard, plain, last

    def _spoilt(self, block: Said) -> Said:
        at = self._chance.randrange(len(block))
        byte = block[at]
        if not isinstance(byte, BusByte):
            return ()
        hit = self._chance.choice(HITS)(byte, self._chance)
        return (*block[:at], *hit, *block[at + 1 :])

"""The listener: what is said on the bus, what follows from it, and whether the bus is alive.

It hears and hands over; it waits for nobody. What it has concluded goes to the keeper, what a
screen may want to know to the stage.
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from edge.buyer.event import Buying
from edge.clock import Clock
from edge.keeper import Concluded
from edge.timeline import Timeline
from mdb import Signal, Sniffer, event
from mdb.context import Context
from mdb.sniffer import Heard
from mdb.vocabulary.cash_message import MoneyIn
from mdb.vocabulary.cashless import SessionComplete
from mdb.vocabulary.message import Message, Reset

log = logging.getLogger(__name__)

SILENCE_S: Final = 0.5
"""A VMC polls somebody every 200 ms; a bus that says nothing for so long may be dead."""
DEAD_S: Final = 30.0
"""And so long it is: the machine is off, or the wire is."""
RATE_S: Final = 10.0
CASH_S: Final = 60.0
"""So long after the last coin somebody stands there who pays in cash: nothing tells that he left."""
CASH: Final = 0
"""No address of a reader's: whoever pays in cash."""
_BEGINS: Final = (event.SessionBegan, event.VendRequested)
_ENDS: Final = (
    *(event.SessionEnded, event.VendDenied, event.VendCancelled, event.VendFailed),
    *(event.VendUncertain, event.PeripheralReset, event.BusReset),
)
_GOES: Final = (event.SessionEnded, event.PeripheralReset)
_KEPT: Final = (
    *(event.Sale, event.Return, event.VendUncertain, event.BusReset),
    *(event.VendApproved, *_BEGINS, *_ENDS),
)
Pulse = Literal["ok", "silent", "ended"]


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told: what was concluded, that a buyer began or ended, that the bus lives or not."""

    conclude: Callable[[Concluded], None]
    buying: Callable[[Buying], None]
    pulse: Callable[[Pulse], None]
    heard: Callable[[Heard], None] | None = None


class Listener:
    """One tap, heard for as long as the agent runs."""

    def __init__(
        self,
        *,
        tap: AsyncIterable[Signal],
        vmc_only: bool,
        known: Mapping[int, Context],
        clock: Clock,
        timeline: Timeline,
        ears: Ears,
    ) -> None:
        self._tap = tap
        self._clock = clock
        self._timeline = timeline
        self._ears = ears
        self._known = dict(known)
        self._sniffer = Sniffer(known, vmc_only=vmc_only)
        self._tapped: Callable[[Signal], None] | None = None
        self._buying = set[int]()
        """Readers at which somebody is buying (a VMC may ask two for the same vend), or `CASH`."""
        self._cash_until: float | None = None
        self._sessions = set[int]()
        """Readers with a session that a buyer's media began."""
        self._at = 0.0
        self.heard_at = clock.boottime()
        """Boot time of the last signal, or of the start."""
        self.looked_at = self.heard_at
        """Boot time when the silence was last minded: the loop turns."""
        self.signals = 0
        self.per_second: float | None = None
        """Bytes a second, over the last `RATE_S`; None until they are over."""
        self._counted = (self.heard_at, 0)
        self.faults = 0
        self.pulse: Pulse = "ok"

    @property
    def context(self) -> Mapping[int, Context]:
        """What the peripherals have told of themselves."""
        return self._sniffer.context

    @property
    def buying(self) -> bool:
        """Whether somebody is, as far as the bus tells."""
        return bool(self._buying)

    def record(self, take: Callable[[Signal], None] | None) -> None:
        """Give every signal to `take` as well, until told otherwise."""
        self._tapped = take

    async def run(self) -> None:
        """Hear until the tap ends, or for ever."""
        async for signal in self._tap:
            self._at, self.heard_at = signal.at, self._clock.boottime()
            self.signals += 1
            if self._tapped is not None:
                self._tapped(signal)
            for heard in self._sniffer.listen(signal):
                self._take(heard)
        for heard in self._sniffer.flush():
            self._take(heard)
        self._beat("ended")
        log.warning("the tap has ended; what it gave goes on its way")

    async def mind_silence(self) -> None:
        """What waits for more of the bus does not wait for ever: it may have died with the sale."""
        while True:
            await asyncio.sleep(SILENCE_S)
            self.looked_at = now = self._clock.boottime()
            if self._cash_until is not None and now >= self._cash_until:
                self._end(CASH)
            since, before = self._counted
            if now - since >= RATE_S:
                self.per_second = (self.signals - before) / (now - since)
                self._counted = (now, self.signals)
            if self.pulse == "ended":
                continue
            silent = now - self.heard_at
            if silent > SILENCE_S:
                self._release(self._at + silent)
            self._beat("silent" if silent > DEAD_S else "ok")

    def stop(self) -> None:
        """Nothing more is heard: what only waits for more of the bus is concluded now."""
        self._release(float("inf"))

    def _release(self, at: float) -> None:
        if released := tuple(self._sniffer.wait(at)):
            self._take(Heard(None, (), released))

    def _take(self, heard: Heard) -> None:
        for concluded in heard.events:
            self._happened(concluded)
        if any(isinstance(each, MoneyIn) for each in heard.said):
            self._buying.add(CASH)
            self._cash_until = self._clock.boottime() + CASH_S
            self._ears.buying(Buying(now=True))
        if heard.exchange is not None and not heard.exchange.is_poll:
            self._mind_the_end(heard.exchange.address, heard.said)
            self._keep_context()
        if self._ears.heard is not None:
            self._ears.heard(heard)

    def _happened(self, concluded: event.Event) -> None:
        if isinstance(concluded, event.BusFault):
            self.faults += 1
        elif isinstance(concluded, _KEPT):
            self._ears.conclude(Concluded(concluded, *self._timeline.look()))
        self._follow_buyer(concluded)

    def _follow_buyer(self, concluded: event.Event) -> None:
        address = concluded.address
        match concluded:
            case event.SessionBegan() | event.VendRequested():
                chosen = isinstance(concluded, event.VendRequested)
                again = chosen and address in self._sessions
                if not chosen:
                    self._sessions.add(address)
                self._buying.add(address)
                self._ears.buying(Buying(now=True, again=again))
            case event.Sale() | event.Return():
                self._buying &= {address}  # whom else the VMC had asked has lost
            case event.CashMovement():
                # Behind a sale it says nothing: the sale ends the purchase where it is shown, once
                # it is on the disk. A late receipt that came up until then would be cut off by it.
                if CASH in self._buying:
                    self._end(CASH)
            case event.BusReset():
                self._buying.clear()
                self._sessions.clear()
                self._ears.buying(Buying(now=False))
            case _ if isinstance(concluded, _ENDS):
                if isinstance(concluded, _GOES):
                    self._sessions.discard(address)
                self._end(address)

    def _mind_the_end(self, address: int, said: Sequence[Message]) -> None:
        """What ends a session, or a reader's part in a vend, though no answer is heard."""
        if any(isinstance(each, SessionComplete | Reset) for each in said):
            self._sessions.discard(address)
        if any(isinstance(each, Reset) for each in said) and address in self._buying:
            self._end(address)

    def _end(self, address: int) -> None:
        self._buying.discard(address)
        if CASH not in self._buying:
            self._cash_until = None
        if not self._buying:
            self._ears.buying(Buying(now=False))

    def _keep_context(self) -> None:
        """What the peripherals told at the machine's start is told once: to the disk with it."""
        context = self._sniffer.context
        new = {each: told for each, told in context.items() if self._known.get(each) != told}
        if new:
            self._known.update(new)
            self._ears.conclude(Concluded(new, *self._timeline.look()))

    def _beat(self, pulse: Pulse) -> None:
        if pulse != self.pulse:
            self.pulse = pulse
            if pulse != "ok":  # whatever ends a purchase now is not heard
                self._buying.clear()
                self._sessions.clear()
            self._ears.pulse(pulse)

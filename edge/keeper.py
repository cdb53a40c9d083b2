"""The keeper: what the bus has concluded goes to the disk, in order, before anything else.

- The bus is heard on while the disk takes its time, or refuses: what waits, waits here.
- An approval is on the disk before the product falls; its end is committed with the sale.
- An approval whose end was not heard becomes an incident: the operator is asked, nobody is silent.
- An outbox that anybody finds damaged is mended here, and what is to be kept is kept in the new one.
- A sale that the disk has not taken in a second is told of: the screen cannot wait for it.
- Told to stop, it keeps what it has before it ends.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.clock import Moment
from edge.incident import outcome_unknown
from edge.intent import completed, fits, intent_of, is_open, may_end
from edge.sale import sale_of
from edge.storage.disk import Disk
from edge.storage.outbox import OpenSale, Outbox
from edge.wire import Sale
from mdb import event
from mdb.context import Context

log = logging.getLogger(__name__)

CHANCE_BYTES: Final = 20
EPOCH_BYTES: Final = 4
LOOK_S: Final = 10.0
"""How often an open approval is looked at: its end may have become impossible to hear."""
UNKEPT_S: Final = 1.0
"""A commit takes milliseconds; one that has taken so long may take hours."""
LOST = "the agent stopped between the approval and its end; was the product dispensed?"
UNHEARD = "a vend was approved, and the bus did not tell its end; was the product dispensed?"
_BEGIN_ANOTHER: Final = (
    *(event.SessionBegan, event.VendRequested, event.VendApproved),
    event.PeripheralReset,
)
_SALES: Final = (event.Sale, event.Return)


@dataclass(frozen=True, slots=True)
class Concluded:
    """Something to keep, and when it was heard: by the machine's clock, and as right as known."""

    what: event.Event | Mapping[int, Context]
    raw: Moment
    moment: Moment


class Keeper:
    """Takes what the listener has concluded, and sees it safely onto the disk."""

    def __init__(
        self,
        *,
        machine: str,
        outbox: Outbox,
        disk: Disk,
        chance: Callable[[int], bytes],
        now: Callable[[], Moment],
        on_kept: Callable[[Sale, OpenSale], None],
        on_unkept: Callable[[Concluded], None],
        on_incident: Callable[[], None],
        on_mended: Callable[[], None],
    ) -> None:
        self._machine = machine
        self._outbox = outbox
        self._disk = disk
        disk.on_damage = self.mend
        self._chance = chance
        self._now = now
        self._on_kept = on_kept
        self._on_unkept = on_unkept
        self._on_incident = on_incident
        self._on_mended = on_mended
        self._queue: asyncio.Queue[Concluded] = asyncio.Queue()
        self._intents = outbox.memory.intents()
        self._inherited = set(self._intents)
        self._reported: set[int] = set()
        """Readers of which the last vend was sold as a gateway reported it."""
        self._doubted = False
        self._keeping: Concluded | None = None
        self._unkept: deque[Concluded] = deque()
        """Sales that are in memory only, in order."""
        self._over = asyncio.Event()
        """Nobody takes anything from the queue any more."""

    @property
    def waiting(self) -> int:
        """How many conclusions are in memory only."""
        return self._queue.qsize() + (self._keeping is not None)

    @property
    def sales_waiting(self) -> int:
        """How many sales are in memory only."""
        return len(self._unkept)

    def take(self, concluded: Concluded) -> None:
        """Hand one in."""
        if isinstance(concluded.what, _SALES):
            self._unkept.append(concluded)
            asyncio.get_running_loop().call_later(UNKEPT_S, self._mind, concluded)
        self._queue.put_nowait(concluded)

    def _mind(self, sold: Concluded) -> None:
        if any(each is sold for each in self._unkept):
            self._on_unkept(sold)

    async def run(self) -> None:
        """Keep what comes, for ever.

        Raises:
            sqlite3.DatabaseError: the card is beyond help; what waited is in the log.
        """
        try:
            while True:
                if self._queue.empty():  # else the end of an old approval may be among what waits
                    for address, intent in list(self._intents.items()):
                        if not is_open(intent, self._now()):
                            await self._ask(address)
                try:
                    async with asyncio.timeout(LOOK_S if self._intents else None):
                        concluded = await self._queue.get()
                except TimeoutError:
                    continue
                self._keeping = concluded
                await self._keep(concluded)
                self._keeping = None
                if self._unkept and self._unkept[0] is concluded:
                    self._unkept.popleft()
                self._queue.task_done()
        except Exception:
            self._name_what_waits()
            raise
        finally:
            self._over.set()

    async def doubt(self, reason: str) -> None:
        """Begin a new epoch, once a process: this one's numbers may have been given before.

        So it is where the cloud has a number that was never given here: an old card was put back.
        """
        if not self._doubted:
            self._doubted = True
            await self._disk.mend(reason)

    async def mend(self, reason: str) -> None:
        """Replace the outbox, at any price; for `Disk.mend`, which sees that it is done once.

        Raises:
            sqlite3.DatabaseError: the new one is damaged as well.
        """
        epoch = self._chance(EPOCH_BYTES).hex()
        await self._disk.patiently(self._outbox.mend, epoch, reason)
        self._on_mended()

    async def drain(self, patience_s: float) -> None:
        """Keep all that was handed in; what is not kept in that time goes to the log.

        Where `run` has ended there is nothing to wait for, and all that waits goes to the log.
        """
        kept = asyncio.ensure_future(self._queue.join())
        over = asyncio.ensure_future(self._over.wait())
        try:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait((kept, over), timeout=patience_s, return_when=first)
        finally:
            over.cancel()
            kept.cancel()
        if not kept.done():
            self._name_what_waits()

    def _name_what_waits(self) -> None:
        self._unkept.clear()
        if self._keeping is not None:
            log.critical("not kept: %s", self._keeping)
            self._keeping = None
        while not self._queue.empty():
            log.critical("not kept: %s", self._queue.get_nowait())
            self._queue.task_done()

    async def _keep(self, concluded: Concluded) -> None:
        match concluded.what:
            case event.Sale() | event.Return() as vend:
                await self._keep_sale(vend, concluded)
            case event.Event() as told:
                await self._follow(told, concluded.moment)
            case contexts:
                await self._disk.insist(lambda: self._outbox.memory.put_context(contexts))

    async def _follow(self, told: event.Event, moment: Moment) -> None:
        """What an event that is no sale means for the approvals."""
        address = told.address
        match told:
            case event.VendUncertain() if address in self._reported:
                self._reported.discard(address)  # uncertain to its reader alone
            case event.VendUncertain():
                self._intents.setdefault(address, intent_of(told, moment))
                await self._ask(address, UNHEARD)
            case event.BusReset():
                for each in sorted(self._inherited & set(self._intents)):
                    await self._ask(each)
            case event.VendFailed() | event.VendCancelled() | event.VendDenied() if (
                address in self._intents
            ):
                await self._call_off(address, told.item)
            case _ if address in self._intents and isinstance(told, _BEGIN_ANOTHER):
                await self._ask(address)
        if isinstance(told, event.VendApproved):
            self._reported.discard(address)
            intent = intent_of(told, moment)
            await self._disk.insist(lambda: self._outbox.memory.put_intent(address, intent))
            self._intents[address] = intent

    async def _call_off(self, address: int, item: str | None) -> None:
        """A vend of that item came to nothing.

        Behind a restart it has to be named: what nobody heard begin may be another's, and the goods
        of the approved one may have fallen meanwhile.
        """
        if address in self._inherited and (item is None or item != self._intents[address].item):
            await self._ask(address)
            return
        await self._disk.insist(lambda: self._outbox.memory.drop_intent(address))
        self._ended(address)

    async def _keep_sale(self, vend: event.Sale | event.Return, concluded: Concluded) -> None:
        ends = await self._end_of(vend)
        if isinstance(vend, event.Sale) and ends in self._inherited:
            vend = completed(vend, self._intents[ends])
        wall = concluded.raw.iso if concluded.raw != concluded.moment else None
        chance = self._chance(CHANCE_BYTES)

        def put() -> tuple[Sale, OpenSale]:
            """In the disk's thread, where epoch and number are those of this moment."""
            sale = sale_of(
                vend,
                machine=self._machine,
                epoch=self._outbox.epoch,
                seq=self._outbox.next_seq,
                moment=concluded.moment,
                chance=chance,
                wall=wall,
            )
            return sale, self._outbox.put(sale, ends)

        sale, kept = await self._disk.insist(put)
        if ends is not None:
            self._ended(ends)
            if ends != vend.address:
                self._reported.add(ends)
        log.info("sale kept: seq=%s item=%s amount=%s", sale.seq, sale.item, sale.amount)
        self._on_kept(sale, kept)

    async def _end_of(self, vend: event.Sale | event.Return) -> int | None:
        """The address of the approval that this ends. One that it leaves open for good is asked of."""
        for address, intent in list(self._intents.items()):
            if may_end(vend, address, intent):
                strange = isinstance(vend, event.Sale) and not fits(vend, intent)
                if address not in self._inherited or not strange:
                    return address
                await self._ask(address)  # it was another's, that ended while nobody listened
            elif isinstance(vend, event.Return) and vend.address == address:
                await self._ask(address)
        return None

    async def _ask(self, address: int, why: str | None = None) -> None:
        """The end of an approval will not be heard: the operator is asked."""
        why = why or (LOST if address in self._inherited else UNHEARD)
        incident = outcome_unknown(self._intents[address], why)
        await self._disk.insist(lambda: self._outbox.ask(address, incident))
        log.warning("outcome unknown: item=%s amount=%s", incident.item, incident.amount)
        self._ended(address)
        self._on_incident()

    def _ended(self, address: int) -> None:
        self._intents.pop(address, None)
        self._inherited.discard(address)

"""The keeper: what the bus has concluded goes to the disk, in order, before anything else.

- The bus is heard on while the disk takes its time, or refuses: what waits, waits here.
- An approval is on the disk before the product falls; its end is committed with the sale.
- An approval whose end was not heard becomes an incident: the operator is asked, nobody is silent.
- Told to stop, it keeps what it has before it ends.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.clock import Moment
from edge.incident import outcome_unknown
from edge.intent import completed, intent_of, is_open
from edge.sale import sale_of
from edge.storage.disk import Disk
from edge.storage.outbox import OpenSale, Outbox
from edge.wire import Sale, encode
from mdb import event
from mdb.context import Context

log = logging.getLogger(__name__)

CHANCE_BYTES: Final = 20
EPOCH_BYTES: Final = 4
LOOK_S: Final = 10.0
"""How often an open approval is looked at: its end may have become impossible to hear."""
LOST = "the agent stopped between the approval and its end; was the product dispensed?"
UNHEARD = "a vend was approved, and the bus did not tell its end; was the product dispensed?"
_BEGIN_ANOTHER: Final = (
    *(event.SessionBegan, event.VendRequested, event.VendApproved),
    event.PeripheralReset,
)
_CALLED_OFF: Final = (event.VendFailed, event.VendCancelled, event.VendDenied)


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
        on_incident: Callable[[], None],
        on_mended: Callable[[], None],
    ) -> None:
        self._machine = machine
        self._outbox = outbox
        self._disk = disk
        self._chance = chance
        self._now = now
        self._on_kept = on_kept
        self._on_incident = on_incident
        self._on_mended = on_mended
        self._queue: asyncio.Queue[Concluded] = asyncio.Queue()
        self._intents = outbox.memory.intents()
        self._inherited = set(self._intents)
        self._keeping = False

    @property
    def waiting(self) -> int:
        """How many conclusions are in memory only."""
        return self._queue.qsize() + self._keeping

    def take(self, concluded: Concluded) -> None:
        """Hand one in."""
        self._queue.put_nowait(concluded)

    async def run(self) -> None:
        """Keep what comes, for ever."""
        while True:
            for address, intent in list(self._intents.items()):
                if not is_open(intent, self._now()):
                    await self._ask(address, LOST if address in self._inherited else UNHEARD)
            try:
                async with asyncio.timeout(LOOK_S if self._intents else None):
                    concluded = await self._queue.get()
            except TimeoutError:
                continue
            self._keeping = True
            try:
                await self._keep(concluded)
            finally:
                self._keeping = False
                self._queue.task_done()

    async def drain(self, patience_s: float) -> None:
        """Keep all that was handed in; what the disk does not take in that time goes to the log."""
        try:
            async with asyncio.timeout(patience_s):
                await self._queue.join()
        except TimeoutError:
            while not self._queue.empty():
                log.critical("not kept: %s", self._queue.get_nowait())

    async def _keep(self, concluded: Concluded) -> None:
        match concluded.what:
            case event.Sale() | event.Return() as vend:
                await self._keep_sale(vend, concluded)
            case event.VendUncertain(address=address) as uncertain:
                if address not in self._intents:
                    self._intents[address] = intent_of(uncertain, concluded.moment)
                await self._ask(address, UNHEARD)
            case event.BusReset():
                for address in list(self._inherited & set(self._intents)):
                    await self._ask(address, LOST)
            case event.Event(address=address) as told:
                if address in self._intents and isinstance(told, _CALLED_OFF):
                    await self._end(address)
                elif address in self._inherited and isinstance(told, _BEGIN_ANOTHER):
                    await self._ask(address, LOST)
                if isinstance(told, event.VendApproved):
                    intent = self._intents[address] = intent_of(told, concluded.moment)
                    await self._disk.insist(self._outbox.memory.put_intent, address, intent)
            case contexts:
                await self._disk.insist(self._outbox.memory.put_context, contexts)

    async def _keep_sale(self, vend: event.Sale | event.Return, concluded: Concluded) -> None:
        intent = self._intents.get(vend.address)
        if isinstance(vend, event.Sale) and vend.address in self._inherited:
            vend = completed(vend, intent)
        wall = concluded.raw.iso if concluded.raw != concluded.moment else None
        chance = self._chance(CHANCE_BYTES)
        while True:
            sale = sale_of(
                vend,
                machine=self._machine,
                epoch=self._outbox.epoch,
                seq=self._outbox.next_seq,
                moment=concluded.moment,
                chance=chance,
                wall=wall,
            )
            ends = vend.address if intent is not None else None
            try:
                kept = await self._disk.insist(self._outbox.put, sale, ends)
                break
            except sqlite3.IntegrityError:
                log.critical("not kept: %s", encode(sale).decode())
                raise
            except sqlite3.DatabaseError as error:
                log.error("the outbox is damaged: %s", error)  # noqa: TRY400, one line
                epoch = self._chance(EPOCH_BYTES).hex()
                await self._disk.insist(self._outbox.mend, epoch)
                self._on_mended()
        self._intents.pop(vend.address, None)
        self._inherited.discard(vend.address)
        log.info("sale kept: seq=%s item=%s amount=%s", sale.seq, sale.item, sale.amount)
        self._on_kept(sale, kept)

    async def _ask(self, address: int, why: str) -> None:
        """The end of an approval will not be heard: the operator is asked."""
        incident = outcome_unknown(self._intents[address], why)
        await self._disk.insist(self._outbox.ask, address, incident)
        log.warning("outcome unknown: item=%s amount=%s", incident.item, incident.amount)
        self._intents.pop(address, None)
        self._inherited.discard(address)
        self._on_incident()

    async def _end(self, address: int) -> None:
        await self._disk.insist(self._outbox.memory.drop_intent, address)
        self._intents.pop(address, None)
        self._inherited.discard(address)

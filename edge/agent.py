"""The agent: bus, disk, link and screen of one machine, joined. Decides nothing itself."""

import asyncio
import logging
import os
from collections.abc import AsyncIterable, Callable
from importlib.metadata import version
from typing import Final

from edge.buyer.presenter import STATUTORY_S, Answered, Buying, Sold
from edge.buyer.stage import Stage
from edge.clock import Clock
from edge.sale import sale_of
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.uplink import Uplink
from edge.wire import Channel, Health, Receipt, Sale, Shown, State, encode
from edge.wire.link import Connected, Incoming, Link, LinkLostError
from mdb import Signal, Sniffer, event
from mdb.sniffer import Heard

log = logging.getLogger(__name__)

HEALTH_S: Final = 60.0
SILENCE_S: Final = 0.5
"""A VMC polls somebody every 200 ms; a bus that says nothing for so long may be dead."""
CHANCE_BYTES: Final = 20
BEGINS: Final = (event.SessionBegan, event.VendRequested)
ENDS: Final = (
    *(event.SessionEnded, event.VendDenied, event.VendCancelled, event.VendFailed),
    *(event.VendUncertain, event.PeripheralReset, event.BusReset),
)


class Agent:
    """Runs until it is cancelled."""

    def __init__(
        self,
        *,
        machine: str,
        tap: AsyncIterable[Signal],
        outbox: Outbox,
        disk: Disk,
        link: Link,
        clock: Clock,
        chance: Callable[[int], bytes] = os.urandom,
        on_heard: Callable[[Heard], None] | None = None,
        vmc_only: bool = False,
    ) -> None:
        self._machine = machine
        self._tap = tap
        self._outbox = outbox
        self._disk = disk
        self._link = link
        self._clock = clock
        self._chance = chance
        self._on_heard = on_heard
        self._known = outbox.contexts()
        self._sniffer = Sniffer(self._known, vmc_only=vmc_only)
        self._concluding = asyncio.Lock()
        self._heard_at = (0.0, clock.boottime())
        self._started = clock.boottime()
        self._faults = 0
        self._arrived: asyncio.Queue[Receipt] = asyncio.Queue()
        self._uplink = Uplink(
            machine=machine,
            link=link,
            outbox=outbox,
            disk=disk,
            clock=clock,
            on_receipt=self._arrived.put_nowait,
            on_new_cloud=self._say_birth,
        )

    def keep_showing(self, shown: Shown) -> None:
        """Evidence from the stage."""
        self._uplink.keep_showing(shown)

    async def run(self, stage: Stage) -> None:
        """Everything at once. Says goodbye when it is cancelled."""
        await self._resume(stage)
        self._link.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(stage), name="bus")
                group.create_task(self._mind_silence(stage), name="silence")
                group.create_task(self._follow_link(), name="link")
                group.create_task(self._uplink.run(), name="uplink")
                group.create_task(self._follow_receipts(stage), name="receipts")
                group.create_task(stage.run(), name="stage")
                group.create_task(self._tell_health(), name="health")
        finally:
            stage.close()
            await self._say_goodbye()
            self._disk.close()
            self._outbox.close()

    async def _resume(self, stage: Stage) -> None:
        """Started again while the buyer still stands there: go on with that sale's screen."""
        last = await self._disk.do(self._outbox.last_sale)
        now = self._clock.now()
        if last is None or last[0].boot_id != now.boot_id:
            return
        sale, receipt = last
        if now.boottime_ms - sale.boottime_ms < 1000 * STATUTORY_S and _is_shown(sale):
            stage.happen(Sold(sale))
            if receipt is not None:
                stage.happen(Answered(sale, receipt))

    async def _listen(self, stage: Stage) -> None:
        async for signal in self._tap:
            async with self._concluding:
                self._heard_at = (signal.at, self._clock.boottime())
                await self._conclude(self._sniffer.listen(signal), stage)
        async with self._concluding:
            await self._conclude(self._sniffer.flush(), stage)
        log.warning("the tap has ended; what it gave goes on its way")

    async def _mind_silence(self, stage: Stage) -> None:
        """What waits for more of the bus does not wait for ever: it may have died with the sale."""
        while True:
            await asyncio.sleep(SILENCE_S)
            async with self._concluding:
                at, then = self._heard_at
                silent = self._clock.boottime() - then
                if silent > SILENCE_S:
                    released = tuple(self._sniffer.wait(at + silent))
                    await self._conclude([Heard(None, (), released)], stage)

    async def _conclude(self, heard: list[Heard], stage: Stage) -> None:
        for each in heard:
            for concluded in each.events:
                await self._happened(concluded, stage)
            if each.exchange is not None and not each.exchange.is_poll:
                await self._keep_context()
            if self._on_heard is not None:
                self._on_heard(each)

    async def _happened(self, concluded: event.Event, stage: Stage) -> None:
        match concluded:
            case event.Sale() | event.Return():
                await self._keep(concluded, stage)
            case event.BusFault():
                self._faults += 1
            case _ if isinstance(concluded, BEGINS):
                stage.happen(Buying(now=True))
            case _ if isinstance(concluded, ENDS):
                stage.happen(Buying(now=False))

    async def _keep_context(self) -> None:
        """What the peripherals told at the machine's start is told once: to the disk with it."""
        context = self._sniffer.context
        new = {each: told for each, told in context.items() if self._known.get(each) != told}
        if new:
            await self._disk.insist(self._outbox.put_context, new)
            self._known = {**self._known, **new}

    async def _keep(self, vend: event.Sale | event.Return, stage: Stage) -> None:
        """To the disk before anything else; then up, and only then to the screen."""
        sale = sale_of(
            vend,
            machine=self._machine,
            epoch=self._outbox.epoch,
            seq=self._outbox.next_seq,
            moment=self._clock.now(),
            chance=self._chance(CHANCE_BYTES),
        )
        body = await self._disk.insist(self._outbox.put, sale)
        log.info("sale kept: seq=%s item=%s amount=%s", sale.seq, sale.item, sale.amount)
        self._uplink.offer(sale.seq, body)
        if _is_shown(sale):
            stage.happen(Sold(sale))

    async def _follow_link(self) -> None:
        async for happening in self._link:
            match happening:
                case Connected():
                    await self._say_birth()
                    await self._say_health()
                    self._uplink.connected()
                case Incoming():
                    await self._uplink.receive(happening)

    async def _follow_receipts(self, stage: Stage) -> None:
        while True:
            receipt = await self._arrived.get()
            sale = await self._disk.do(self._outbox.sale, receipt.sale_id)
            log.info("receipt %s: sale_id=%s", receipt.status, receipt.sale_id)
            if sale is not None:
                stage.happen(Answered(sale, receipt))

    async def _say_birth(self) -> None:
        _, oldest = await self._disk.do(self._outbox.pending)
        moment = self._clock.now()
        birth = State(
            online=True,
            boot_id=moment.boot_id,
            epoch=self._outbox.epoch,
            next_seq=self._outbox.next_seq,
            oldest_unacked=oldest,
            version=version("chekomat"),
            clock=moment.quality,
        )
        self._tell(Channel.STATE, encode(birth))

    async def _say_goodbye(self) -> None:
        if self._link.connected:
            told = self._tell(Channel.STATE, encode(State(online=False)))
            try:
                async with asyncio.timeout(1):
                    await told
            except (TimeoutError, LinkLostError) as error:
                log.debug("the broker did not hear the goodbye: %s", error)
        await self._link.stop()

    async def _tell_health(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_S)
            if self._link.connected:
                await self._say_health()

    async def _say_health(self) -> None:
        pending, _ = await self._disk.do(self._outbox.pending)
        health = Health(
            uptime_s=int(self._clock.boottime() - self._started),
            pending=pending,
            sales=self._outbox.next_seq - 1,
            bus_faults=self._faults,
        )
        self._tell(Channel.HEALTH, encode(health))

    def _tell(self, channel: Channel, body: bytes) -> "asyncio.Future[bool]":
        topic = channel.of(self._machine)
        return self._link.publish(topic, body, channel.qos, retain=channel.retained)


def _is_shown(sale: Sale) -> bool:
    """Whether a buyer waits for a receipt of it: free and test vends have none."""
    return sale.kind in {"paid", "token"} and sale.amount != 0

"""The agent: bus, disk, link, screen and printers of one machine, joined. Decides nothing itself.

tap -> Listener -> Keeper -> outbox -> Uplink -> broker
|                   |
Stage  <- receipts - -+- commands, wishes
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from edge.alarms import Alarms
from edge.buyer.presenter import STATUTORY_S, Answered, Buying, Reached, Serving, Sold, Unkept
from edge.clock import Clock, Moment
from edge.incident import of_machine
from edge.keeper import Concluded, Keeper
from edge.listener import Ears, Listener, Pulse
from edge.presence import Presence
from edge.printers.print_queue import PrintQueue
from edge.printers.slip import Slip, slip_of
from edge.stage import Stage
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import OpenSale, Outbox
from edge.timeline import Timeline
from edge.uplink import Answers, Uplink
from edge.watchdog import Part, Probe
from edge.wire import Channel, Health, Receipt, Reported, Sale, Shown, State, encode
from edge.wire.link import Connected, Disconnected, Incoming, Link
from mdb import Signal, event
from mdb.sniffer import Heard

log = logging.getLogger(__name__)

RIDE_S: Final = 60.0
"""What rides along with the next commit rides so long at most."""
LAST_S: Final = 2.0
"""What the bus has told is kept for so long after the agent was told to stop.

With the goodbye's second and the link's one and a half it is below the five that SIGTERM may take.
"""
FRESH_S: Final = 120.0
"""A slip is for the buyer who stands there."""
NONCE_BYTES: Final = 8
UNLIT: Final = frozenset({"free", "test", "return"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What an agent is made of, each opened by who starts it."""

    machine: str
    tap: AsyncIterable[Signal]
    outbox: Outbox
    disk: Disk
    ballast: Ballast
    link: Link
    clock: Clock
    vmc_only: bool = False
    on_heard: Callable[[Heard], None] | None = None
    chance: Callable[[int], bytes] = os.urandom
    product: Callable[[str | None], str] = lambda item: item or ""


class Agent:
    """Runs until it is cancelled."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.timeline = Timeline(parts.clock, parts.outbox, parts.disk)
        self._arrived: asyncio.Queue[Receipt] = asyncio.Queue()
        self._stage: Stage | None = None
        self._printing: PrintQueue | None = None
        self.link_since = parts.clock.boottime()
        """Boot time of the link's last change."""
        self.on_command: Callable[[str, bytes], Awaitable[None]] | None = None
        """Who takes a command: its id and its body."""
        self.on_desired: Callable[[bytes], Awaitable[Reported]] | None = None
        """Who takes what the cloud wants set, and answers."""
        self.keeper = Keeper(
            machine=parts.machine,
            outbox=parts.outbox,
            disk=parts.disk,
            chance=parts.chance,
            now=self.timeline.now,
            on_kept=self._kept,
            on_unkept=self._unkept,
            on_incident=self._look,
            on_mended=self._mended,
        )
        self.listener = Listener(
            tap=parts.tap,
            vmc_only=parts.vmc_only,
            known=parts.outbox.memory.contexts(),
            clock=parts.clock,
            timeline=self.timeline,
            ears=Ears(self.keeper.take, self._buying, self._pulse, parts.on_heard),
        )
        self.uplink = Uplink(
            machine=parts.machine,
            link=parts.link,
            outbox=parts.outbox,
            disk=parts.disk,
            clock=parts.clock,
            timeline=self.timeline,
            answers=Answers(
                receipt=self._arrived.put_nowait,
                new_cloud=self._say_again,
                presence=self._reached,
                command=self._commanded,
                desired=self._desired,
                doubt=self.keeper.doubt,
            ),
        )
        self.presence = Presence(
            machine=parts.machine,
            link=parts.link,
            outbox=parts.outbox,
            disk=parts.disk,
            ballast=parts.ballast,
            clock=parts.clock,
            timeline=self.timeline,
            state=self._fill_state,
            health=self._fill_health,
        )

        self.alarms = Alarms(
            outbox=parts.outbox,
            disk=parts.disk,
            timeline=self.timeline,
            incident=self._look,
            changed=self._say_again,
        )

    def keep_showing(self, shown: Shown) -> None:
        """Evidence from a screen or a printer: to the disk, then up."""
        self.parts.disk.later(lambda: self.parts.outbox.notes.put_showing(shown))

    def probes(self) -> Mapping[Part, Probe]:
        """What the watchdog asks: whether bus, disk and link get on."""
        looked = self.listener.looked_at

        async def bus() -> bool:
            nonlocal looked
            before, looked = looked, self.listener.looked_at
            return looked > before or self.listener.heard_at > before

        async def outbox() -> bool:
            await self.parts.disk.do(bool)
            return True

        async def link() -> bool:
            return self.parts.link.alive

        return {"bus": bus, "outbox": outbox, "link": link}

    async def run(
        self, stage: Stage, printing: PrintQueue, beside: Sequence[Awaitable[None]] = ()
    ) -> None:
        """Everything at once, and what runs `beside` it. Says goodbye when it is cancelled."""
        self._stage, self._printing = stage, printing
        self._reached(False)  # until the cloud says otherwise; the screen waits before it says so
        keeping = asyncio.create_task(self.keeper.run(), name="keeper")
        try:
            self.parts.link.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(_lasting(keeping), name="keeping")
                group.create_task(self.listener.run(), name="bus")
                group.create_task(self._tell_salvage(), name="salvage")
                group.create_task(self._resume(stage), name="resume")
                group.create_task(self.listener.mind_silence(), name="silence")
                group.create_task(self._follow_link(), name="link")
                group.create_task(self.uplink.run(), name="uplink")
                group.create_task(self._follow_receipts(), name="receipts")
                group.create_task(stage.run(), name="stage")
                group.create_task(printing.run(), name="printers")
                group.create_task(self.presence.keep_telling(), name="health")
                group.create_task(self._keep_riders(), name="riders")
                group.create_task(self.alarms.watch(stage), name="alarms")
                for each in beside:
                    group.create_task(_awaited(each))
        finally:
            await self._end(stage, keeping)

    async def _end(self, stage: Stage, keeping: "asyncio.Task[None]") -> None:
        """In order: what was heard is kept, what was shown is noted, then the goodbye."""
        self.listener.stop()
        await self.keeper.drain(0 if keeping.done() else LAST_S)
        keeping.cancel()
        stage.close()
        # Before the goodbye, which a link without a network may draw out.
        self.parts.disk.later(self.parts.outbox.keep_what_rides_along)
        await self.presence.say_goodbye()
        await asyncio.to_thread(self.parts.disk.close)
        self.parts.outbox.close()

    async def _resume(self, stage: Stage) -> None:
        """Started again: on with the last sale's screen, if its buyer still stands there.

        What came and was never seen is late; the presenter judges whether too late.
        """
        unshown = await self.parts.disk.insist(self.parts.outbox.unshown)
        # Nothing is awaited between this and its screen: somebody may be buying meanwhile.
        last = await self.parts.disk.insist(self.parts.outbox.last_sale)
        now = self.timeline.now()
        if last is not None and last[0].boot_id == now.boot_id:
            sale, receipt = last
            if _is_fresh(sale, now) and _is_shown(sale):
                stage.happen(Sold(sale))
                if receipt is not None:
                    stage.happen(Answered(sale, receipt))
                    unshown = [each for each in unshown if each[0] != sale]
        for sale, receipt in unshown:
            stage.happen(Answered(sale, receipt))

    async def _tell_salvage(self) -> None:
        """A new outbox in the place of a damaged one is told to the operator, once."""
        story = self.parts.outbox.salvaged
        if story is not None:
            incident = of_machine("outbox_salvaged", story, self.timeline.now())
            await self.parts.disk.insist(self.parts.outbox.tell_salvage, incident)

    # What the bus tells. -----------------------------------------------------------------------

    def _kept(self, sale: Sale, kept: OpenSale) -> None:
        """It is on the disk: up with it, and only then to the screen.

        Where the disk took nothing for too long, another buyer may stand there by now.
        """
        self.uplink.offer(kept)
        if _is_shown(sale) and self._printing is not None:
            self._printing.sold(sale.boottime_ms / 1000)
        if _is_shown(sale) and _is_fresh(sale, self.timeline.now()) and self._stage is not None:
            self._stage.happen(Sold(sale))

    def _unkept(self, concluded: Concluded) -> None:
        """It is not on the disk yet; who bought it is not to see the picture of the one before."""
        if _is_waited_for(concluded.what) and self._stage is not None:
            self._stage.happen(Unkept(concluded.moment.boottime_ms / 1000))

    def _buying(self, buying: Buying) -> None:
        if self._stage is not None:
            self._stage.happen(buying)

    def _pulse(self, pulse: Pulse) -> None:
        log.warning("the bus: %s", pulse)
        if self._stage is not None:
            self._stage.happen(Serving(pulse != "silent"))
        _soon(self._say_again())

    def _mended(self) -> None:
        async def told() -> None:
            await self._tell_salvage()
            await self._say_again()
            self.uplink.begin_anew()

        _soon(told())

    # What the cloud tells. ---------------------------------------------------------------------

    async def _follow_link(self) -> None:
        async for happening in self.parts.link:
            match happening:
                case Connected():
                    self.link_since = self.parts.clock.boottime()
                    self.presence.nonce = self.parts.chance(NONCE_BYTES).hex()
                    self.uplink.connected(self.presence.nonce)
                    await self.presence.say_birth()
                    await self.presence.say_health()
                case Disconnected():
                    self.link_since = self.parts.clock.boottime()
                    self._reached(False)
                case Incoming():
                    await self.uplink.receive(happening)

    async def _follow_receipts(self) -> None:
        while True:
            receipt = await self._arrived.get()
            sale = await self.parts.disk.insist(self.parts.outbox.sale, receipt.sale_id)
            log.info("receipt %s: sale_id=%s", receipt.status, receipt.sale_id)
            if sale is None or self._stage is None:
                continue
            self._stage.happen(Answered(sale, receipt))
            now = self.timeline.now()
            age_ms = now.boottime_ms - sale.boottime_ms
            slip = self.slip(sale, receipt)
            fresh = sale.boot_id == now.boot_id and age_ms < 1000 * FRESH_S
            if slip is not None and fresh and self._printing is not None:
                self._printing.offer(slip, sale.boottime_ms / 1000)

    def slip(self, sale: Sale, receipt: Receipt) -> Slip | None:
        """What is printed of a receipt; None if nothing is."""
        return slip_of(sale, receipt, self.parts.product(sale.item))

    def _reached(self, now: bool) -> None:  # noqa: FBT001, a fact of the link
        if self._stage is not None:
            self._stage.happen(Reached(now))

    async def _commanded(self, command: str, payload: bytes) -> None:
        if self.on_command is not None:
            await self.on_command(command, payload)

    async def _desired(self, payload: bytes) -> None:
        if self.on_desired is not None:
            reported = await self.on_desired(payload)
            channel = Channel.REPORTED
            topic = channel.of(self.parts.machine)
            self.parts.link.publish(topic, encode(reported), channel.qos, retain=channel.retained)

    # What is told of the machine. --------------------------------------------------------------

    def _look(self) -> None:
        self.uplink.look()

    async def _say_again(self) -> None:
        await self.presence.say_again()

    def _fill_state(self, birth: State) -> State:
        stage, printing = self._stage, self._printing
        failing = ", ".join(stage.failing) if stage is not None else ""
        return msgspec.structs.replace(
            birth,
            bus=self.listener.pulse,
            display=f"failing: {failing}" if failing else "ok",
            printer=printing.status if printing is not None else "none",
        )

    def _fill_health(self, health: Health) -> Health:
        return msgspec.structs.replace(
            health,
            bus_faults=self.listener.faults,
            malformed=self.uplink.malformed,
            late=self._stage.late if self._stage is not None else 0,
        )

    async def _keep_riders(self) -> None:
        """Evidence and acknowledgements do not wait for the next sale for ever."""
        while True:
            await asyncio.sleep(RIDE_S)
            self.parts.disk.later(self.parts.ballast.lay_down)  # once there is room again
            await self.parts.disk.insist(self.parts.outbox.keep_what_rides_along)
            self.uplink.look()  # another commit may have taken them along, and told nobody


_TASKS: Final[set["asyncio.Task[None]"]] = set()


def _soon(work: Awaitable[None]) -> None:
    """Begin it and go on; the loop keeps only a weak hand on a task."""
    task = asyncio.ensure_future(_awaited(work))
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _lasting(keeping: "asyncio.Task[None]") -> None:
    """Fail as it fails; but who is cancelled here does not cancel it."""
    await asyncio.shield(keeping)


def _is_fresh(sale: Sale, now: Moment) -> bool:
    """Whether its buyer is likely to stand there still; the sale is of this boot."""
    return now.boottime_ms - sale.boottime_ms < 1000 * STATUTORY_S


def _is_shown(sale: Sale) -> bool:
    """Whether a buyer waits for a receipt of it: free and test vends have none."""
    return sale.kind not in UNLIT and sale.amount != 0


def _is_waited_for(what: object) -> bool:
    """The same of a sale that is not named yet."""
    return isinstance(what, event.Sale) and what.kind.value not in UNLIT and what.amount != 0

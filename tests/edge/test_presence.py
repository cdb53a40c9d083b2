"""What a machine says of itself, heard through a real broker by somebody who came later."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest
from parts import Mosquitto, until
from specimens import BOOT, StillClock, sale

from edge.incident import of_machine
from edge.presence import MEGABYTE, Presence
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline
from edge.wire import Ack, Channel, Health, State, decode, encode
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("mosquitto")
MACHINE, EPOCH = "vm-000123", "7f3a9c1e"


class Machine:
    """An outbox, its link, and what it says; `bus` and `late` are what others fill in."""

    def __init__(self, folder: Path, port: int) -> None:
        self.clock = StillClock()
        self.outbox = Outbox(folder / "outbox.sqlite", EPOCH)
        self.disk = Disk(lambda: True)
        self.ballast = Ballast(folder)
        self.bus = "ok"
        self.link = Link(
            Broker(port=port), MACHINE, [], (Channel.STATE.of(MACHINE), encode(State(online=False)))
        )
        self.presence = Presence(
            machine=MACHINE,
            link=self.link,
            outbox=self.outbox,
            disk=self.disk,
            ballast=self.ballast,
            clock=self.clock,
            timeline=Timeline(self.clock, self.outbox, self.disk),
            state=lambda told: msgspec.structs.replace(told, bus=self.bus, printer="none"),
            health=lambda told: msgspec.structs.replace(told, bus_faults=3, late=2),
        )

    async def follow(self) -> None:
        async for happening in self.link:
            if isinstance(happening, Connected):
                await self.presence.say_birth()


@asynccontextmanager
async def machine_at(folder: Path, port: int) -> AsyncIterator[Machine]:
    machine = Machine(folder, port)
    machine.link.start()
    following = asyncio.create_task(machine.follow())
    try:
        await until(lambda: machine.link.connected)
        yield machine
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await machine.link.stop()
        machine.disk.close()
        machine.outbox.close()


class Watcher:
    """A dashboard."""

    def __init__(self, port: int) -> None:
        topics = [Channel.STATE.of(MACHINE), Channel.HEALTH.of(MACHINE)]
        self.link = Link(Broker(port=port), "watcher", topics, ("lwt", b""))
        self.states: list[State] = []
        self.healths: list[Health] = []

    async def run(self) -> None:
        self.link.start()
        try:
            async for happening in self.link:
                if isinstance(happening, Incoming):
                    if happening.topic == Channel.STATE.of(MACHINE):
                        self.states.append(decode(happening.payload, State))
                    else:
                        self.healths.append(decode(happening.payload, Health))
                    happening.acknowledge()
        finally:
            await self.link.stop()


@asynccontextmanager
async def watcher_at(port: int) -> AsyncIterator[Watcher]:
    watcher = Watcher(port)
    running = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_the_birth_says_who_it_is_and_what_it_holds(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine:
        for seq in (1, 2, 3):
            await machine.disk.do(machine.outbox.put, sale(seq))
        ack = Ack(epoch=EPOCH, upto=1, time="")
        await machine.disk.do(machine.outbox.acknowledge, ack, None)
        await machine.presence.say_birth()
        async with watcher_at(broker.port) as later:  # retained
            await until(lambda: any(each.next_seq == 4 for each in later.states))
    # The one that a connection brings about by itself may have come just before.
    assert later.states[-1:] == [
        State(
            online=True,
            boot_id=BOOT,
            epoch=EPOCH,
            next_seq=4,
            oldest_unacked=2,
            version=version("chekomat"),
            clock="synced",
            bus="ok",
            printer="none",
        )
    ]


async def test_nothing_unacknowledged_is_no_number(broker: Mosquitto, tmp_path: Path) -> None:
    async with machine_at(tmp_path, broker.port), watcher_at(broker.port) as watcher:
        await until(lambda: watcher.states)
    assert (watcher.states[0].next_seq, watcher.states[0].oldest_unacked) == (1, None)


async def test_it_is_said_again_when_a_part_s_state_has_changed_and_on_each_connect(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        await until(lambda: watcher.states)
        machine.bus = "silent"
        await machine.presence.say_again()
        await until(lambda: watcher.states[-1].bus == "silent")
        broker.kill()
        await until(lambda: not machine.link.connected)
        machine.bus = "ok"
        await machine.presence.say_again()  # nobody to tell it to
        broker.start()  # it has forgotten all it retained
        watched = len(watcher.states)
        await until(lambda: len(watcher.states) > watched)
    assert [each.online for each in watcher.states] == [True] * len(watcher.states)
    assert watcher.states[-1].bus == "ok"


async def test_the_gauges_of_its_health_are_real(broker: Mosquitto, tmp_path: Path) -> None:
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        now = machine.clock.now()
        for seq in (1, 2, 3):
            sold = sale(seq, boottime_ms=now.boottime_ms + 1000 * seq)
            await machine.disk.do(machine.outbox.put, sold)
        ack, incident = Ack(epoch=EPOCH, upto=1, time=""), of_machine("printer", "no paper", now)
        await machine.disk.do(machine.outbox.acknowledge, ack, None)
        await machine.disk.do(machine.outbox.notes.put_incident, incident)
        machine.clock.seconds += 90.7
        refusals = 0

        def refuse() -> None:
            nonlocal refusals
            refusals += 1
            if refusals < 3:
                raise sqlite3.OperationalError("database or disk is full")

        await machine.disk.insist(refuse)
        await machine.presence.say_health()
        await until(lambda: watcher.healths)
        free = machine.ballast.free() // MEGABYTE
    (health,) = watcher.healths
    assert health.disk_free_mb is not None
    assert abs(health.disk_free_mb - free) < 1000  # others write to this disk too
    assert msgspec.structs.replace(health, disk_free_mb=None) == Health(
        uptime_s=90,
        pending=2,
        sales=3,
        bus_faults=3,
        oldest_s=88,
        notes=1,
        disk_refusals=2,
        late=2,
    )


async def test_the_age_of_a_sale_of_an_earlier_boot_is_told_by_nobody(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        await machine.disk.do(machine.outbox.put, sale(1, boot_id="another"))
        await machine.presence.say_health()
        await until(lambda: watcher.healths)
    assert (watcher.healths[0].pending, watcher.healths[0].oldest_s) == (1, None)


async def test_connections_after_the_first_are_counted(broker: Mosquitto, tmp_path: Path) -> None:
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        await machine.presence.say_health()
        broker.kill()
        await until(lambda: not machine.link.connected)
        broker.start()
        await until(lambda: machine.link.connected)
        await until(lambda: watcher.link.connected)
        await machine.presence.say_health()
        await until(lambda: [each for each in watcher.healths if each.reconnects])
    assert watcher.healths[-1].reconnects == 1


async def test_health_is_told_by_itself_while_there_is_a_connection(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.presence.HEALTH_S", 0.02)
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        telling = asyncio.create_task(machine.presence.keep_telling())
        await until(lambda: len(watcher.healths) >= 3)
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def test_the_goodbye_is_retained_and_the_will_is_not_needed(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.presence.say_goodbye()
        await until(lambda: not machine.link.connected)  # a slow thread of it was left behind
        async with watcher_at(broker.port) as later:
            await until(lambda: State(online=False) in later.states)
    assert later.states[-1:] == [State(online=False)]


async def test_a_birth_that_is_written_amid_the_goodbye_is_not_said_behind_it(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        await until(lambda: watcher.states)
        read = threading.Event()
        machine.disk.later(read.wait, 5)
        birth = asyncio.ensure_future(machine.presence.say_birth())
        goodbye = asyncio.ensure_future(machine.presence.say_goodbye())
        await asyncio.sleep(0)  # the goodbye is on its way, the birth is not
        read.set()
        await asyncio.gather(birth, goodbye)
        async with watcher_at(broker.port) as later:
            await until(lambda: State(online=False) in later.states)
    assert later.states[-1] == State(online=False)


async def test_a_goodbye_that_nobody_hears_ends_all_the_same(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine:
        broker.kill()
        await until(lambda: not machine.link.connected)
        async with asyncio.timeout(10):
            await machine.presence.say_goodbye()


def stand_still_until_sold(machine: Machine) -> None:
    """The event loop has its hands full, and the disk goes on."""
    while machine.outbox.next_seq == 1:
        time.sleep(0.001)


async def test_a_birth_does_not_call_a_sale_acknowledged_that_was_made_while_it_was_written(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """The cloud would believe it, and never ask for that sale."""
    async with machine_at(tmp_path, broker.port) as machine, watcher_at(broker.port) as watcher:
        await until(lambda: watcher.states)
        seen = len(watcher.states)
        birth = asyncio.ensure_future(machine.presence.say_birth())
        await asyncio.sleep(0)  # it has asked the disk
        machine.disk.later(machine.outbox.put, sale(1))
        stand_still_until_sold(machine)
        await birth
        await until(lambda: len(watcher.states) > seen)
    told = watcher.states[seen]
    assert (told.next_seq, told.oldest_unacked) in {(1, None), (2, 1)}

"""The uplink against a real broker and a tiny cloud: what was sold arrives, whatever happens."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
from parts import Mosquitto, until
from peer import NONCE, Cloud, cloud_at
from specimens import BOOT, StillClock, receipt, sale

from edge.clock import Moment, iso
from edge.storage import disk
from edge.storage.disk import Disk
from edge.storage.notes import OpenNote
from edge.storage.outbox import OpenSale, Outbox
from edge.timeline import Timeline
from edge.uplink import ALONE_S, CLOUD_S, FORGOTTEN_S, TIDY_S, Answers, Uplink, subscriptions
from edge.window import LIVE, PATIENCE_S, SIZE
from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    CloudState,
    Noted,
    Receipt,
    ReceiptAck,
    Sale,
    Shown,
    decode,
    encode,
)
from edge.wire.link import Connected, Incoming, Link
from edge.wire.messages import Quality
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("mosquitto")
MACHINE, EPOCH = "vm-000123", "7f3a9c1e"
SHOWN = Shown(
    sale_id=sale().sale_id,
    rev=1,
    on="screen",
    shown_at="",
    hidden_at="",
    reason="timeout",
    frame_sha256="a" * 64,
)


@dataclass
class SomeClock(StillClock):
    """A still clock that may be wrong, and of another boot."""

    quality: Quality = "synced"
    boot: str = BOOT

    def now(self) -> Moment:
        return replace(super().now(), quality=self.quality, boot_id=self.boot)


class Machine:
    """An outbox and its uplink; what the agent does of it, and no bus and no screen."""

    def __init__(
        self, folder: Path, port: int, clock: StillClock | None = None, epoch: str = EPOCH
    ) -> None:
        self.clock = clock or StillClock()
        self.outbox = Outbox(folder / "outbox.sqlite", epoch)
        self.disk = Disk()
        self.receipts: list[Receipt] = []
        self.link = Link(
            Broker(port=port),
            client_id="machine",
            subscriptions=subscriptions(MACHINE),
            will=(Channel.STATE.of(MACHINE), b"{}"),
        )
        self.timeline = Timeline(self.clock, self.outbox, self.disk)
        self.commands: list[tuple[str, bytes]] = []
        self.wishes: list[bytes] = []
        self.doubts: list[str] = []
        self.presence: list[bool] = []
        self.uplink = Uplink(
            machine=MACHINE,
            link=self.link,
            outbox=self.outbox,
            disk=self.disk,
            clock=self.clock,
            timeline=self.timeline,
            answers=Answers(
                receipt=self.receipts.append,
                new_cloud=self.say_birth,
                presence=self.presence.append,
                command=self.take_command,
                desired=self.take_wish,
                doubt=self.take_doubt,
            ),
        )
        self.connections = 0
        self.births = 0

    async def take_doubt(self, reason: str) -> None:
        self.doubts.append(reason)

    async def take_command(self, command: str, payload: bytes) -> None:
        self.commands.append((command, payload))

    async def take_wish(self, payload: bytes) -> None:
        self.wishes.append(payload)

    async def show(self, shown: Shown = SHOWN) -> None:
        """Evidence, on the disk."""
        await self.disk.do(self.outbox.notes.put_showing, shown)
        await self.disk.do(self.outbox.keep_what_rides_along)
        self.uplink.look()

    async def say_birth(self) -> None:
        self.births += 1

    async def holds_its_disk(self) -> threading.Event:
        """Whatever is asked of its disk from here on waits for this; all before is done."""
        held, end = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            end.wait(60)

        self.disk.later(hold)
        await until(held.is_set)
        return end

    @property
    def pending(self) -> int:
        return self.outbox.pending()[0]

    async def sell(self, count: int = 1) -> None:
        for _ in range(count):
            sold = sale(self.outbox.next_seq)
            self.uplink.offer(await self.disk.do(self.outbox.put, sold))

    async def sell_now(self) -> Sale:
        """A sale under this machine's clock, right or wrong."""
        made = made_now(self.timeline, self.outbox)
        self.uplink.offer(await self.disk.do(self.outbox.put, made))
        return made

    async def sent_all(self, cloud: Cloud) -> None:
        """Evidence goes up behind every sale that may go: when it is there, they are.

        And when the cloud's word of it is here, nothing of it comes later into what a test does.
        """
        before = len(cloud.showings)
        await self.show()
        await until(lambda: len(cloud.showings) > before and not self.outbox.notes.pending())

    async def hears(self, cloud: Cloud) -> None:
        """Wait until it has heard of the cloud, and has begun anew and sent all that may go.

        Only then does it hear what the cloud says: before, it may not have subscribed.
        """
        await until(lambda: self.presence)
        for _ in range(2):  # the first may have gone up with what was under way before
            await self.sent_all(cloud)

    @property
    def open(self) -> list[int]:
        return [kept.place for kept in self.outbox.open_sales(0, 1000)]

    async def follow(self) -> None:
        async for happening in self.link:
            match happening:
                case Connected():
                    self.connections += 1
                    self.uplink.connected(NONCE)
                case Incoming():
                    await self.uplink.receive(happening)


def made_now(timeline: Timeline, outbox: Outbox) -> Sale:
    """What the keeper would make of a vend at this moment."""
    raw, moment = timeline.look()
    return sale(
        outbox.next_seq,
        sold_at=moment.iso,
        clock=moment.quality,
        boot_id=moment.boot_id,
        boottime_ms=moment.boottime_ms,
        wall=raw.iso if raw != moment else None,
    )


@asynccontextmanager
async def machine_at(
    folder: Path, port: int, clock: StillClock | None = None, epoch: str = EPOCH
) -> AsyncIterator[Machine]:
    machine = Machine(folder, port, clock, epoch)
    machine.link.start()
    tasks = [asyncio.create_task(machine.follow()), asyncio.create_task(machine.uplink.run())]
    try:
        await until(lambda: machine.connections)
        yield machine
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await machine.link.stop()
        machine.disk.close()
        machine.outbox.close()


@pytest.fixture
async def cloud(broker: Mosquitto) -> AsyncIterator[Cloud]:
    async with cloud_at(broker.port) as opened:
        opened.machine = MACHINE
        yield opened


@pytest.fixture
async def machine(broker: Mosquitto, cloud: Cloud, tmp_path: Path) -> AsyncIterator[Machine]:
    assert cloud.connections
    async with machine_at(tmp_path, broker.port) as opened:
        await opened.hears(cloud)  # what is sold amid that goes up in any order
        cloud.showings.clear()
        yield opened


def as_sold(cloud: Cloud) -> None:
    """Every sale that arrived is byte for byte the one that was made, each time it arrived."""
    for seq, bodies in cloud.bodies.items():
        assert set(bodies) == {encode(sale(seq))}


async def test_what_is_sold_arrives_and_is_acknowledged(machine: Machine, cloud: Cloud) -> None:
    await machine.sell(5)
    await until(lambda: machine.pending == 0)
    assert cloud.arrived == [1, 2, 3, 4, 5]
    as_sold(cloud)


async def test_a_long_backlog_goes_through_the_window(machine: Machine, cloud: Cloud) -> None:
    cloud.answers = False
    await machine.sell(3 * SIZE)
    await until(lambda: len(cloud.arrived) == SIZE)
    cloud.answers = True
    cloud.acknowledge(EPOCH)
    await until(lambda: machine.pending == 0)
    assert cloud.arrived == list(range(1, 3 * SIZE + 1))
    as_sold(cloud)


async def test_no_more_than_the_window_is_on_its_way(machine: Machine, cloud: Cloud) -> None:
    cloud.answers = False
    await machine.sell(3 * SIZE)
    await machine.sent_all(cloud)
    assert cloud.arrived == list(range(1, SIZE + 1))


async def test_a_puback_proves_nothing(machine: Machine, cloud: Cloud) -> None:
    cloud.answers = False
    await machine.sell()
    await until(lambda: cloud.times(1))
    before = cloud.times(1)
    machine.clock.seconds += PATIENCE_S
    machine.uplink.look()
    await until(lambda: cloud.times(1) > before)
    assert machine.pending == 1
    as_sold(cloud)


async def test_what_is_missing_is_sent_again_at_once(machine: Machine, cloud: Cloud) -> None:
    cloud.answers = False
    await machine.sell(4)
    await until(lambda: cloud.arrived == [1, 2, 3, 4])
    before = {seq: cloud.times(seq) for seq in cloud.arrived}
    cloud.say(Channel.ACK, encode(Ack(epoch=EPOCH, upto=4, missing=(2, 3), time="")))
    await until(lambda: cloud.times(2) > before[2] and cloud.times(3) > before[3])
    assert machine.open == [2, 3]
    assert (cloud.times(1), cloud.times(4)) == (before[1], before[4])


async def test_acknowledgements_may_come_twice_and_in_any_order(
    machine: Machine, cloud: Cloud
) -> None:
    cloud.answers = False
    await machine.sell(5)
    await until(lambda: len(cloud.arrived) == 5)
    for upto in (4, 4, 2, 0, 3):
        cloud.acknowledge(EPOCH, upto)
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    assert machine.open == [5]


@pytest.mark.parametrize(("epoch", "upto"), [("0badcafe", 3), (EPOCH, 4)])
async def test_an_acknowledgement_that_is_not_ours_frees_nothing(
    machine: Machine, cloud: Cloud, caplog: pytest.LogCaptureFixture, epoch: str, upto: int
) -> None:
    cloud.answers = False
    await machine.sell(3)
    await until(lambda: len(cloud.arrived) == 3)
    cloud.acknowledge(epoch, upto)
    await until(lambda: f"an ack of epoch {epoch} up to {upto} is not ours" in caplog.text)
    assert machine.pending == 3
    # A number of this very epoch that was never given: an old card was put back.
    assert len(machine.doubts) == (epoch == EPOCH)


async def test_the_cloud_may_ask_for_a_pause(machine: Machine, cloud: Cloud) -> None:
    await machine.sell()
    await until(lambda: machine.pending == 0)
    cloud.acknowledge(EPOCH, hold_s=100)
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    await machine.sell(2)
    await machine.show()
    await until(lambda: cloud.showings)
    assert cloud.arrived == [1]
    machine.clock.seconds += 100
    machine.uplink.look()
    await until(lambda: machine.pending == 0)
    assert cloud.arrived == [1, 2, 3]


async def test_a_cloud_that_started_anew_is_told_again(machine: Machine, cloud: Cloud) -> None:
    cloud.answers = False
    await machine.sell(3)
    await until(lambda: len(cloud.arrived) == 3)
    cloud.bodies.clear()
    cloud.instance = "2"
    cloud.answers = True
    cloud.announce()
    await until(lambda: machine.pending == 0)
    assert cloud.arrived == [1, 2, 3]
    assert machine.births == 1


async def test_a_receipt_is_acknowledged_every_time_and_told_once(
    machine: Machine, cloud: Cloud
) -> None:
    ours = sale(1)
    for rev in (1, 1, 2, 1):
        cloud.send(receipt(ours, rev))
    await until(lambda: len(cloud.receipt_acks) == 4)
    assert cloud.receipt_acks == [ReceiptAck(sale_id=ours.sale_id, rev=rev) for rev in (1, 1, 2, 1)]
    assert machine.receipts == [receipt(ours, 1), receipt(ours, 2)]


async def test_a_receipt_is_on_the_disk_before_it_is_acknowledged(
    machine: Machine, cloud: Cloud
) -> None:
    busy = await machine.holds_its_disk()
    cloud.send(receipt(sale(1)))
    await cloud.link.publish("sync", b"", 1)
    for _ in range(50):
        await asyncio.sleep(0)
    assert cloud.receipt_acks == []
    assert machine.receipts == []
    busy.set()
    await until(lambda: cloud.receipt_acks)
    assert not await machine.disk.do(machine.outbox.put_receipt, receipt(sale(1)))


async def test_evidence_goes_up_until_the_cloud_has_noted_it(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.notes = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.show()
        await until(lambda: cloud.showings)
        assert machine.outbox.notes.pending() == 1
    cloud.notes = True
    async with machine_at(tmp_path, broker.port) as machine:
        await until(lambda: machine.outbox.notes.pending() == 0)
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.sell()
        await until(lambda: machine.pending == 0)
    assert cloud.showings == [msgspec.structs.replace(SHOWN, epoch=EPOCH, number=1)]


@pytest.mark.usefixtures("cloud")
async def test_what_went_with_a_commit_that_failed_is_told_again(machine: Machine) -> None:
    """That a note was noted rides along; the card refuses the commit that was to keep it."""
    await machine.show()
    await until(lambda: machine.outbox.notes.pending() == 0)

    def refused() -> None:
        with machine.outbox._file.committed():  # noqa: SLF001, a card that refuses
            raise sqlite3.OperationalError("disk I/O error")

    with suppress(sqlite3.OperationalError):
        await machine.disk.do(refused)
    assert machine.outbox.notes.pending() == 1
    machine.uplink.look()
    await until(lambda: machine.outbox.notes.pending() == 0)


MALFORMED = [
    (Channel.ACK.of(MACHINE), b""),
    (Channel.ACK.of(MACHINE), b"{"),
    (Channel.ACK.of(MACHINE), b'{"epoch":"7f3a9c1e","upto":-1,"time":""}'),
    (Channel.ACK.of(MACHINE), b'{"epoch":"7f3a9c1e","upto":1,"missing":[0.5],"time":""}'),
    (Channel.ACK.of(MACHINE), b"[" * 60000),
    (Channel.RECEIPT.of(MACHINE), b"\xff\xfe"),
    (Channel.RECEIPT.of(MACHINE), b'{"sale_id":"x","rev":1,"status":"issued"}'),
    (Channel.RECEIPT.of(MACHINE), b" " * 70000),
    (CLOUD_STATE, b"online"),
]


async def test_messages_that_make_no_sense_are_counted_said_and_done_with(
    machine: Machine, cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    for told, (topic, payload) in enumerate(MALFORMED, 1):
        cloud.link.publish(topic, payload, 1)
        cloud.send(receipt(sale(1)))
        await until(lambda told=told: len(cloud.receipt_acks) == told)
        assert machine.uplink.malformed == told, payload[:50]
        assert f"{topic}: no message of ours: " in caplog.messages[-1]
    await machine.sell()
    await until(lambda: machine.pending == 0)


async def test_numbers_beyond_any_database_are_only_numbers(machine: Machine, cloud: Cloud) -> None:
    cloud.answers = False
    await machine.sell(2)
    await until(lambda: len(cloud.arrived) == 2)
    missing = b"[2,-9,9223372036854775808,1" + b"0" * 400 + b"]"
    cloud.say(Channel.ACK, b'{"epoch":"7f3a9c1e","upto":2,"time":"","missing":' + missing + b"}")
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    assert machine.open == [2]


async def test_a_backlog_of_an_earlier_run_goes_up(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", EPOCH)
    for seq in range(1, 2 * SIZE):
        outbox.put(sale(seq))
    outbox.acknowledge(Ack(epoch=EPOCH, upto=3, time=""), None)
    outbox.close()
    async with machine_at(tmp_path, broker.port) as machine:
        await until(lambda: machine.pending == 0)
    assert set(range(4, 2 * SIZE)) <= set(cloud.arrived)
    as_sold(cloud)


async def test_every_sale_arrives_though_the_broker_is_killed_in_mid_flight(
    broker: Mosquitto, machine: Machine, cloud: Cloud
) -> None:
    cloud.answers = False
    await machine.sell(10)
    await until(lambda: cloud.times(1))
    broker.kill()
    await until(lambda: not machine.link.connected)
    await machine.sell(10)
    broker.start()
    await machine.sell(10)
    cloud.answers = True
    await until(lambda: machine.pending == 0)
    assert cloud.arrived == list(range(1, 31))
    as_sold(cloud)


async def test_a_cloud_that_comes_back_after_the_machine_is_told_at_once(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """The new broker takes the sale and has nobody to give it to; no patience must run out."""
    async with machine_at(tmp_path, broker.port) as machine:
        async with cloud_at(broker.port) as cloud:
            await machine.sell()
            await until(lambda: machine.pending == 0)
            broker.kill()
        broker.start()
        await until(lambda: machine.connections == 2)
        await machine.sell()
        await machine.link.publish("sync", b"", 1)
        async with cloud_at(broker.port) as again:
            await until(lambda: machine.pending == 0)
            assert cloud.instance == again.instance
            # The first was acknowledged: it may have its receipt, and does not go up again.
            assert again.arrived == [2]


async def test_a_new_connection_begins_with_the_oldest_even_in_the_middle_of_sending(
    machine: Machine, cloud: Cloud
) -> None:
    """The uplink waits for the disk, for what comes after sale 3, when a connection is made."""
    cloud.answers = False
    await machine.sell(3)
    await until(lambda: len(cloud.arrived) == 3)
    before = {seq: cloud.times(seq) for seq in cloud.arrived}
    busy = await machine.holds_its_disk()
    machine.outbox.put(sale(4))
    machine.uplink.look()
    for _ in range(5):
        await asyncio.sleep(0)
    machine.uplink.connected(NONCE)
    busy.set()
    await until(lambda: cloud.times(4))
    await until(lambda: all(cloud.times(seq) > times for seq, times in before.items()))


async def test_a_machine_without_a_network_sleeps(
    broker: Mosquitto, machine: Machine, cloud: Cloud
) -> None:
    cloud.answers = False
    await machine.sell(3)
    await until(lambda: len(cloud.arrived) == 3)
    broker.kill()
    await until(lambda: not machine.link.connected)
    machine.clock.seconds += 10 * PATIENCE_S
    machine.uplink.look()
    before = machine.clock.asked
    for _ in range(1000):
        await asyncio.sleep(0)
    assert machine.clock.asked - before < 10


# A live sale and a backlog. ---------------------------------------------------------------------


def acknowledge_in_order(cloud: Cloud) -> None:
    """What a real cloud says: up to the first gap, and which runs it has beyond."""
    upto = next(seq for seq in range(10**6) if seq + 1 not in cloud.bodies)
    beyond = [seq for seq in cloud.arrived if seq > upto]
    also = tuple((seq, seq) for seq in beyond)
    cloud.say(Channel.ACK, encode(Ack(epoch=EPOCH, upto=upto, time=cloud.time, also=also)))


def fill(folder: Path, count: int) -> None:
    """A machine that was offline for a while."""
    outbox = Outbox(folder / "outbox.sqlite", EPOCH)
    for seq in range(1, count + 1):
        outbox.put(sale(seq))
    outbox.close()


async def test_a_live_sale_does_not_wait_behind_a_thousand(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    fill(tmp_path, 1000)
    cloud.answers = False
    in_turn = SIZE - LIVE
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        assert cloud.arrived == list(range(1, in_turn + 1))
        await machine.sell(LIVE + 2)
        await machine.sent_all(cloud)
        assert list(cloud.bodies) == [*range(1, in_turn + 1), *range(1001, 1001 + LIVE)]
        assert machine.uplink.in_flight == SIZE
        acknowledge_in_order(cloud)
        await until(lambda: {1001 + LIVE, 1002 + LIVE} <= set(cloud.arrived))
        await until(lambda: len(cloud.arrived) >= 2 * in_turn + LIVE + 2)
        while machine.pending:
            acknowledge_in_order(cloud)
            arrived = len(cloud.arrived)
            await until(lambda arrived=arrived: len(cloud.arrived) > arrived or not machine.pending)
        await until(lambda: machine.uplink.in_flight == 0)
    assert list(cloud.bodies) == [
        *range(1, in_turn + 1),
        *range(1001, 1001 + LIVE),
        *range(1001 + LIVE, 1003 + LIVE),
        *range(in_turn + 1, 1001),
    ]
    assert {cloud.times(seq) for seq in cloud.arrived if seq > in_turn} == {1}
    as_sold(cloud)


async def test_nor_does_one_that_was_made_while_all_is_about_to_begin_anew(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection is made while the uplink reads its notes, and somebody buys at that moment."""
    fill(tmp_path, 100)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        read, reads, busy = machine.outbox.notes.open, threading.Event(), threading.Event()

        def slowly(after: int, most: int) -> list[OpenNote]:
            reads.set()
            busy.wait(60)
            return read(after, most)

        monkeypatch.setattr(machine.outbox.notes, "open", slowly)
        machine.uplink.look()
        await until(reads.is_set)
        machine.uplink.connected(NONCE)
        machine.uplink.offer(machine.outbox.put(sale(101)))  # the disk's thread stands still
        busy.set()
        await machine.sent_all(cloud)
        await machine.sent_all(cloud)
        assert cloud.arrived == [*range(1, SIZE - LIVE + 1), 101]


async def test_what_was_live_on_the_connection_before_waits_for_its_turn_on_the_next(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    fill(tmp_path, 100)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        await machine.sell(LIVE + 2)
        await machine.sent_all(cloud)
        before = cloud.times(1)
        machine.uplink.connected(NONCE)
        for _ in range(2):
            await machine.sent_all(cloud)
        assert cloud.times(1) == before + 1
        assert cloud.arrived == [*range(1, SIZE - LIVE + 1), *range(101, 101 + LIVE)]


async def test_sales_that_overtook_are_acknowledged_by_themselves(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    fill(tmp_path, 30)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        await machine.sell(3)
        await until(lambda: {31, 32, 33} <= set(cloud.arrived))
        ack = Ack(epoch=EPOCH, upto=2, time="", also=((31, 31), (33, 33)))
        cloud.say(Channel.ACK, encode(ack))
        await until(lambda: machine.pending == 29)
        assert machine.open == [*range(3, 31), 32]
        assert {cloud.times(seq) for seq in (31, 32, 33)} == {1}


async def test_a_sale_that_overtook_is_sent_again_like_any_other_and_its_turn_sends_it_once(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    fill(tmp_path, 30)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        await machine.sell()
        await until(lambda: cloud.times(31) == 1)
        machine.clock.seconds += PATIENCE_S
        machine.uplink.look()
        await until(lambda: cloud.times(31) == 2)
        cloud.acknowledge(EPOCH, 16)
        await until(lambda: cloud.times(30) == 1)
        await machine.sent_all(cloud)
        assert cloud.times(31) == 2
        cloud.answers = True
        cloud.acknowledge(EPOCH)
        await until(lambda: machine.pending == 0)
    as_sold(cloud)


async def test_while_the_cloud_asks_for_a_pause_nothing_overtakes(
    machine: Machine, cloud: Cloud
) -> None:
    cloud.answers = False
    cloud.acknowledge(EPOCH, 0, hold_s=50)
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    await machine.sell(SIZE - LIVE)
    await machine.sent_all(cloud)
    assert cloud.arrived == []
    machine.clock.seconds += 50
    machine.uplink.look()
    await until(lambda: len(cloud.arrived) == SIZE - LIVE)


# The time of day. -------------------------------------------------------------------------------

TOLD = "2026-12-01T10:00:00+00:00"
LATER = "2027-03-01T10:00:00+00:00"


async def test_a_sale_under_a_wrong_clock_waits_for_the_cloud_s_time_and_is_told_so_for_ever(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.time, cloud.answers = TOLD, False
    clock = SomeClock(quality="unsynced")
    async with machine_at(tmp_path, broker.port, clock) as machine:
        made = await machine.sell_now()
        clock.seconds += 5
        await machine.sent_all(cloud)
        assert cloud.arrived == []
        cloud.acknowledge(EPOCH, 0)
        await until(lambda: cloud.arrived == [1])
        clock.seconds += PATIENCE_S
        cloud.time = LATER
        cloud.acknowledge(EPOCH, 0)
        machine.uplink.look()
        await until(lambda: cloud.times(1) == 2)
    async with machine_at(tmp_path, broker.port, SomeClock(quality="unsynced", boot="next")):
        await until(lambda: cloud.times(1) >= 3)
    (body,) = set(cloud.bodies[1])
    assert decode(body, Sale) == msgspec.structs.replace(
        made, clock="corrected", sold_at="2026-12-01T09:59:55.000Z", wall=made.sold_at
    )


async def test_once_the_cloud_has_told_the_time_sales_wait_no_more(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.time = TOLD
    clock = SomeClock(quality="unsynced")
    async with machine_at(tmp_path, broker.port, clock) as machine:
        await machine.hears(cloud)
        cloud.acknowledge(EPOCH, 0)
        await until(lambda: machine.timeline.known)
        clock.seconds += 60
        made = await machine.sell_now()
        await until(lambda: machine.pending == 0)
    assert (made.clock, made.sold_at) == ("corrected", "2026-12-01T10:01:00.000Z")
    assert decode(cloud.bodies[1][0], Sale) == made


@pytest.mark.parametrize("there", [True, False], ids=["a cloud without the time", "no cloud"])
async def test_a_sale_does_not_wait_for_the_time_for_ever(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    if not there:
        monkeypatch.setattr(Cloud, "announce", lambda _: None)
    patience = CLOUD_S if there else ALONE_S
    clock = SomeClock(quality="unsynced")
    async with (
        cloud_at(broker.port, answers=False) as cloud,
        machine_at(tmp_path, broker.port, clock) as machine,
    ):
        await until(lambda: machine.presence or not there)
        made = await machine.sell_now()
        clock.seconds += patience - 1
        await machine.sent_all(cloud)
        assert cloud.arrived == []
        clock.seconds += 1
        machine.uplink.look()
        await until(lambda: cloud.arrived == [1])
        cloud.time = TOLD
        cloud.acknowledge(EPOCH, 0)
        await until(lambda: machine.timeline.known)
        clock.seconds += PATIENCE_S
        machine.uplink.look()
        await until(lambda: cloud.times(1) == 2)
    (body,) = set(cloud.bodies[1])  # the time came too late for it
    assert decode(body, Sale) == made
    assert made.clock == "unsynced"


async def test_a_right_sale_behind_one_that_waits_for_the_time_waits_with_it(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.time, cloud.answers = TOLD, False
    clock = SomeClock(quality="unsynced")
    async with machine_at(tmp_path, broker.port, clock) as machine:
        await machine.sell_now()
        await machine.sent_all(cloud)
        clock.quality = "synced"  # the time server was reached
        await machine.sell_now()
        await until(lambda: cloud.arrived == [1, 2])
    assert [decode(cloud.bodies[seq][0], Sale).clock for seq in (1, 2)] == ["corrected", "synced"]


async def test_a_sale_of_an_earlier_boot_lies_between_what_was_known_before_and_after_it(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    known = SomeClock(boot="a")
    begun = known.now().unix_ms
    for clock in (known, SomeClock(seconds=20, quality="unsynced", boot="b")):
        disk, outbox = Disk(), Outbox(tmp_path / "outbox.sqlite", EPOCH)
        await disk.do(outbox.put, made_now(Timeline(clock, outbox, disk), outbox))
        disk.close()
        outbox.close()
    cloud.time, cloud.answers = TOLD, False
    async with machine_at(
        tmp_path, broker.port, SomeClock(quality="unsynced", boot="c")
    ) as machine:
        await machine.sent_all(cloud)
        assert cloud.arrived == []
        cloud.acknowledge(EPOCH, 0)
        await until(lambda: cloud.arrived == [1, 2])
    right, unsure = (decode(cloud.bodies[seq][0], Sale) for seq in (1, 2))
    assert (right.clock, right.sold_at) == ("synced", iso(begun))
    assert (unsure.clock, unsure.sold_after) == ("bounded", iso(begun))
    assert unsure.sold_before == "2026-12-01T10:00:00.000Z"
    assert unsure.sold_after <= unsure.sold_at <= unsure.sold_before


# What else comes down. --------------------------------------------------------------------------


async def test_only_what_is_noted_of_this_outbox_is_not_told_again(
    machine: Machine, cloud: Cloud
) -> None:
    cloud.notes = False
    for _ in range(3):
        await machine.show()
    await until(lambda: len(cloud.showings) == 3)
    one, two, three = (each.number for each in cloud.showings)
    cloud.say(Channel.NOTED, encode(Noted(epoch="0badcafe", numbers=(one, two, three))))
    cloud.say(Channel.NOTED, encode(Noted(epoch=EPOCH, numbers=(two, 99))))
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    left = machine.outbox.notes.open(0, 10)
    assert [note.number for note in left] == [one, three]


async def test_the_sales_of_a_damaged_outbox_go_up_under_their_own_epoch(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """A page of the file is noise: a card that is wearing out."""
    file = tmp_path / "outbox.sqlite"
    fill(tmp_path, 40)
    content = bytearray(file.read_bytes())
    content[2048 : 2 * 2048] = b"\xa5" * 2048
    file.write_bytes(content)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port, epoch="0a1b2c3d") as machine:
        assert machine.outbox.salvaged is not None
        saved = [decode(each.body, Sale) for each in machine.outbox.open_sales(0, 1000)]
        assert saved
        assert {each.epoch for each in saved} == {EPOCH}
        await until(lambda: len(cloud.arrived) == min(len(saved), SIZE - LIVE))
        as_sold(cloud)
        # Its own acks free nothing of the earlier epoch, and the other way round.
        cloud.acknowledge(EPOCH, 5)
        await until(lambda: machine.pending == len([each for each in saved if each.seq > 5]))
        before = machine.pending
        new = sale(1, epoch=machine.outbox.epoch, sale_id=f"{sale(99).sale_id[:-1]}f")
        assert machine.outbox.next_seq == 1
        assert machine.outbox.epoch != EPOCH
        machine.uplink.offer(await machine.disk.do(machine.outbox.put, new))
        await until(lambda: encode(new) in cloud.bodies[1])
        cloud.acknowledge(machine.outbox.epoch, 1)
        await until(lambda: machine.pending == before)
        assert machine.outbox.sale(new.sale_id) == new
        cloud.say(Channel.ACK, encode(Ack(epoch=EPOCH, upto=40, time="")))
        await until(lambda: machine.pending == 0)


def salvaged(folder: Path, count: int) -> None:
    """The outbox of a machine that doubted it: its sales are of an epoch that is over."""
    fill(folder, count)
    with closing(Outbox(folder / "outbox.sqlite", EPOCH)) as outbox:
        outbox.mend("0a1b2c3d")


async def test_a_cloud_that_counts_further_than_a_card_that_was_put_back_frees_what_it_stored(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """It has other sales up to 10 of that epoch, and says so with every ack, also twice."""
    salvaged(tmp_path, 5)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        before = {seq: cloud.times(seq) for seq in cloud.arrived}
        assert list(before) == [1, 2, 3, 4, 5]
        for seqs in ((), (), (2, 5), (2, 5), (99,)):
            ids = tuple(sale(seq).sale_id for seq in seqs)
            told = Ack(epoch=EPOCH, upto=10, missing=(1,), time="", also=((12, 14),), stored=ids)
            cloud.say(Channel.ACK, encode(told))
        cloud.send(receipt(sale(1)))
        await until(lambda: cloud.receipt_acks)
        assert (machine.open, machine.uplink.in_flight) == ([1, 3, 4], 3)
        # What it does not name may be on its way: it is waited for, as anything else.
        asked = machine.clock.asked
        for _ in range(1000):
            await asyncio.sleep(0)
        assert machine.clock.asked - asked < 10
        await machine.sent_all(cloud)
        assert {seq: cloud.times(seq) for seq in cloud.arrived} == before
        cloud.answers = True
        machine.clock.seconds += PATIENCE_S
        machine.uplink.look()
        await until(lambda: machine.pending == 0)
        await until(lambda: machine.uplink.in_flight == 0)
        assert [cloud.times(seq) - before[seq] for seq in (1, 2, 3, 4, 5)] == [1, 0, 1, 1, 0]
    as_sold(cloud)


async def test_a_cloud_that_misses_what_it_acknowledged_is_told_how_far_that_was(
    machine: Machine, cloud: Cloud
) -> None:
    """Its database lost a commit in a fail-over, and it goes on: there is no other connection."""
    await machine.sell(3)
    await until(lambda: machine.pending == 0)
    cloud.answers = False
    await machine.sell(2)
    before = machine.births

    async def says(missing: tuple[int, ...], *stored: int) -> None:
        ids = tuple(sale(seq).sale_id for seq in stored)
        cloud.say(
            Channel.ACK, encode(Ack(epoch=EPOCH, upto=5, missing=missing, time="", stored=ids))
        )
        cloud.receipt_acks.clear()
        cloud.send(receipt(sale(1)))  # what is answered behind it
        await until(lambda: cloud.receipt_acks)

    await says((4,))  # open here as well: it is on its way
    assert machine.births == before
    await says((2, 3), 5)
    assert machine.births == before + 1
    await says((2, 3))
    assert machine.births == before + 1
    machine.clock.seconds += FORGOTTEN_S + 1
    await says((2, 3, -1, 10**400))
    assert machine.births == before + 2
    assert machine.open == [4]


async def test_a_backlog_that_was_salvaged_goes_through_the_window_and_is_overtaken(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """Each is acknowledged by its id alone; no ack of the new epoch sends any of them again."""
    salvaged(tmp_path, 3 * SIZE)
    cloud.answers = False
    async with machine_at(tmp_path, broker.port) as machine:
        await machine.hears(cloud)
        in_turn = list(range(1, SIZE - LIVE + 1))
        assert cloud.arrived == in_turn
        before = {seq: cloud.times(seq) for seq in in_turn}
        seq, live = 1, sale(1, epoch=machine.outbox.epoch, sale_id=sale(10**6).sale_id)
        machine.uplink.offer(await machine.disk.do(machine.outbox.put, live))
        await until(lambda: encode(live) in cloud.bodies[seq])
        before[seq] += 1
        cloud.acknowledge(live.epoch, seq, stored=(live.sale_id,))
        await until(lambda: machine.pending == 3 * SIZE)
        await machine.sent_all(cloud)
        assert {seq: cloud.times(seq) for seq in cloud.arrived} == before
        cloud.answers = True
        cloud.acknowledge(EPOCH, stored=tuple(sale(seq).sale_id for seq in in_turn))
        await until(lambda: machine.pending == 0)
        await until(lambda: machine.uplink.in_flight == 0)
    assert cloud.arrived == list(range(1, 3 * SIZE + 1))
    assert {cloud.times(seq) for seq in cloud.arrived if seq not in in_turn} == {1}


async def test_a_command_and_a_wish_reach_whoever_takes_them(
    machine: Machine, cloud: Cloud
) -> None:
    cloud.link.publish(Channel.command_of(MACHINE, "a-1"), b"do it", 1)
    cloud.say(Channel.DESIRED, b"wish")
    cloud.say(Channel.DESIRED, b"")
    await until(lambda: len(machine.wishes) == 2)
    assert machine.commands == [("a-1", b"do it")]
    assert machine.wishes == [b"wish", b""]
    assert machine.uplink.malformed == 0


@pytest.mark.parametrize(
    "topic",
    [
        Channel.command_of("vm-000124", "a-1"),
        Channel.result_of(MACHINE, "a-1"),
        Channel.command_of(MACHINE, "a.1"),
        Channel.DESIRED.of("vm-000124"),
        Channel.ACK.of("vm-000124"),
        Channel.RECEIPT.of("vm-000124"),
        Channel.SALE.of(MACHINE),
    ],
)
async def test_what_is_another_machine_s_is_acknowledged_and_reaches_nobody(
    machine: Machine, topic: str
) -> None:
    """A broker without an ACL may deliver it."""
    done: list[bool] = []
    body = encode(Ack(epoch=EPOCH, upto=0, time=""))
    await machine.uplink.receive(Incoming(topic, body, lambda: done.append(True)))
    assert (machine.commands, machine.wishes, machine.receipts) == ([], [], [])
    assert (machine.uplink.malformed, done) == (1, [True])


async def test_the_cloud_s_presence_is_told_and_forgotten_with_the_connection(
    broker: Mosquitto, machine: Machine, cloud: Cloud
) -> None:
    await until(lambda: machine.presence == [True])
    assert machine.uplink.cloud_online
    cloud.link.publish(CLOUD_STATE, encode(CloudState(online=False)), 1, retain=True)
    await until(lambda: machine.presence == [True, False])
    assert not machine.uplink.cloud_online
    cloud.announce()
    await until(lambda: machine.uplink.cloud_online)
    broker.kill()
    await until(lambda: not machine.link.connected)
    assert not machine.uplink.cloud_online


async def test_what_the_cloud_has_had_for_sixty_days_of_its_own_time_is_let_go(
    machine: Machine, cloud: Cloud
) -> None:
    day, now = 86400, machine.clock.now().unix_ms
    cloud.time = iso(now)
    await machine.sell(2)
    await until(lambda: machine.pending == 0)
    cloud.answers = False
    await machine.sell()
    await until(lambda: 3 in cloud.arrived)

    async def told(days: int) -> None:
        cloud.time = iso(now + 1000 * days * day)
        cloud.acknowledge(EPOCH, 2)
        before = len(cloud.receipt_acks)
        cloud.send(receipt(sale(3)))
        await until(lambda: len(cloud.receipt_acks) > before)

    machine.clock.seconds += TIDY_S + 1
    await told(61)  # a cloud whose clock is wrong: the machine knows better
    assert machine.outbox.sale(sale(1).sale_id) is not None
    machine.clock.seconds += 61 * day
    await told(59)
    machine.clock.seconds += TIDY_S + 1
    assert machine.outbox.sale(sale(1).sale_id) is not None
    await told(62)
    assert [machine.outbox.sale(sale(seq).sale_id) for seq in (1, 2)] == [None, None]
    assert machine.open == [3]


# What was wrong once. ---------------------------------------------------------------------------


async def test_a_sale_under_a_wrong_clock_waits_also_before_the_uplink_is_told_of_it(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """It is on the disk, the keeper's word of it comes a moment later, and the uplink looks now."""
    cloud.answers = False
    async with machine_at(tmp_path, broker.port, SomeClock(quality="unsynced")) as machine:
        await machine.hears(cloud)
        made = made_now(machine.timeline, machine.outbox)
        kept = await machine.disk.do(machine.outbox.put, made)
        await machine.sent_all(cloud)
        assert cloud.arrived == []
        machine.uplink.offer(kept)
        cloud.time = TOLD
        cloud.acknowledge(EPOCH, 0)
        await until(lambda: cloud.arrived)
    assert decode(cloud.bodies[1][0], Sale).clock == "corrected"


async def test_the_cloud_of_an_earlier_connection_does_not_use_up_the_patience_of_this_one(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """It was there for a moment and told no time. An hour later the machine is connected again."""
    cloud.answers = False
    clock = SomeClock(quality="unsynced")
    async with machine_at(tmp_path, broker.port, clock) as machine:
        await until(lambda: machine.presence)
        broker.kill()
        await until(lambda: not machine.link.connected)
        clock.seconds += 3600
        await machine.sell_now()
        broker.start()
        await until(lambda: machine.connections == 2)
        await until(lambda: cloud.connections == 2)
        await machine.sent_all(cloud)
        assert cloud.arrived == []
        assert [place for place, _ in machine.outbox.untimed()] == [1]


async def test_a_sale_that_was_acknowledged_while_it_was_read_does_not_keep_the_uplink_busy(
    machine: Machine, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a new connection an ack comes while the backlog is read; then the cloud goes quiet."""
    cloud.answers = False
    await machine.sell(3)
    await until(lambda: len(cloud.arrived) == 3)
    before = {seq: cloud.times(seq) for seq in cloud.arrived}
    read, reads, busy = machine.outbox.open_sales, threading.Event(), threading.Event()

    def slowly(after: int, most: int) -> list[OpenSale]:
        rows = read(after, most)
        if after == 0:  # from the oldest on: the reading of the new connection
            reads.set()
            busy.wait(60)
        return rows

    monkeypatch.setattr(machine.outbox, "open_sales", slowly)
    machine.uplink.connected(NONCE)
    await until(reads.is_set)
    # Handed in as the link would: behind the reading.
    ack = encode(Ack(epoch=EPOCH, upto=3, time=""))
    taking = asyncio.ensure_future(
        machine.uplink.receive(Incoming(Channel.ACK.of(MACHINE), ack, lambda: None))
    )
    for _ in range(20):
        await asyncio.sleep(0)
    busy.set()
    await taking
    await until(lambda: all(cloud.times(seq) > times for seq, times in before.items()))
    assert machine.pending == 0
    machine.clock.seconds += PATIENCE_S
    await machine.sent_all(cloud)
    asked = machine.clock.asked
    for _ in range(1000):
        await asyncio.sleep(0)
    assert machine.clock.asked - asked < 10
    assert machine.uplink.in_flight == 0


async def test_an_ack_that_lay_in_the_broker_for_days_does_not_tell_the_time(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """It is delivered first, with the time of three days ago; sales would be told so for ever."""
    async with machine_at(tmp_path, broker.port, SomeClock(quality="unsynced")) as machine:
        await machine.hears(cloud)
        stale = Ack(epoch=EPOCH, upto=0, time="2026-11-20T10:00:00Z", answers="another connection")
        cloud.say(Channel.ACK, encode(stale))
        cloud.send(receipt(sale(1)))
        await until(lambda: cloud.receipt_acks)
        assert not machine.timeline.known
        cloud.acknowledge(EPOCH, 0)
        await until(lambda: machine.timeline.known)
        # Whatever comes behind the answer is of this connection too.
        assert machine.timeline.now().iso.startswith(cloud.time[:10])


async def test_a_sale_that_the_cloud_never_counts_is_not_sent_at_network_speed(
    machine: Machine, cloud: Cloud
) -> None:
    cloud.answers = False
    await machine.sell(2)
    await until(lambda: cloud.arrived == [1, 2])
    for _ in range(20):
        cloud.say(Channel.ACK, encode(Ack(epoch=EPOCH, upto=2, missing=(1,), time="")))
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    await machine.sent_all(cloud)
    assert cloud.times(1) == 2


async def test_a_new_cloud_does_not_want_the_pause_of_the_one_before(
    machine: Machine, cloud: Cloud
) -> None:
    cloud.acknowledge(EPOCH, 0, hold_s=3600)
    cloud.send(receipt(sale(1)))
    await until(lambda: cloud.receipt_acks)
    await machine.sell()
    cloud.instance = "2"
    cloud.announce()
    await until(lambda: machine.pending == 0)


async def test_a_card_that_refuses_does_not_make_a_backlog_begin_again_with_every_try(
    machine: Machine, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal takes acks with it. They are asked for again once the card takes something."""
    monkeypatch.setattr(disk, "RETRY_S", 0.01)
    cloud.answers = False
    await machine.sell(3)
    await until(lambda: len(cloud.arrived) == 3)
    tries = 0

    def keep() -> None:
        nonlocal tries
        with machine.outbox._file.committed():  # noqa: SLF001, as the keeper's commit
            tries += 1
            if tries < 20:
                raise sqlite3.OperationalError("database or disk is full")

    keeping = asyncio.ensure_future(machine.disk.insist(keep))
    while not keeping.done():
        machine.uplink.look()
        await asyncio.sleep(0.001)
    machine.uplink.look()  # as what is kept at last makes it
    await until(lambda: min(map(cloud.times, cloud.arrived)) > 1)
    cloud.acknowledge(EPOCH)
    await until(lambda: machine.pending == 0)
    assert tries == 20
    assert max(map(cloud.times, cloud.arrived)) <= 4

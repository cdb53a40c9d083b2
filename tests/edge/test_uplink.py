"""The uplink against a real broker and a tiny cloud: what was sold arrives, whatever happens."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from parts import Mosquitto, until
from peer import Cloud, cloud_at
from specimens import StillClock, receipt, sale

from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline
from edge.uplink import Answers, Uplink, subscriptions
from edge.window import LIVE, PATIENCE_S, SIZE
from edge.wire import CLOUD_STATE, Ack, Channel, Receipt, ReceiptAck, Shown, encode
from edge.wire.link import Connected, Incoming, Link
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


class Machine:
    """An outbox and its uplink; what the agent does of it, and no bus and no screen."""

    def __init__(self, folder: Path, port: int) -> None:
        self.clock = StillClock()
        self.outbox = Outbox(folder / "outbox.sqlite", EPOCH)
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
            ),
        )
        self.connections = 0
        self.births = 0

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

    @property
    def pending(self) -> int:
        return self.outbox.pending()[0]

    async def sell(self, count: int = 1) -> None:
        for _ in range(count):
            sold = sale(self.outbox.next_seq)
            self.uplink.offer(await self.disk.do(self.outbox.put, sold))

    @property
    def open(self) -> list[int]:
        return [kept.place for kept in self.outbox.open_sales(0, 1000)]

    async def follow(self) -> None:
        async for happening in self.link:
            match happening:
                case Connected():
                    self.connections += 1
                    self.uplink.connected()
                case Incoming():
                    await self.uplink.receive(happening)


@asynccontextmanager
async def machine_at(folder: Path, port: int) -> AsyncIterator[Machine]:
    machine = Machine(folder, port)
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
    await machine.show()  # goes up behind everything the window lets through
    await until(lambda: cloud.showings)
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
    busy = threading.Event()
    machine.disk.later(busy.wait)
    cloud.send(receipt(sale(1)))
    await cloud.link.publish("sync", b"", 1)
    for _ in range(50):
        await asyncio.sleep(0)
    assert cloud.receipt_acks == []
    assert machine.receipts == []
    busy.set()
    await until(lambda: cloud.receipt_acks)
    assert not machine.outbox.put_receipt(receipt(sale(1)))


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
    busy = threading.Event()
    machine.disk.later(busy.wait)
    machine.outbox.put(sale(4))
    machine.uplink.look()
    for _ in range(5):
        await asyncio.sleep(0)
    machine.uplink.connected()
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

"""A whole machine but for its process: a bus, a disk, a real broker, a screen, a tiny cloud."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from ordering import Synced
from parts import Mosquitto, until
from peer import Cloud, cloud_at
from PIL import Image
from specimens import read, receipt

from edge.agent import FRESH_S, Agent, Parts
from edge.buyer.picture import Picture
from edge.buyer.presenter import STATUTORY_S, Policy
from edge.clock import Moment, SystemClock
from edge.displays import Painted
from edge.keeper import Concluded
from edge.listener import DEAD_S
from edge.printers.file import FilePrinter
from edge.printers.print_queue import PrintQueue
from edge.printers.profiles import PROFILES, Profile
from edge.printers.slip import EARLIER, OURS, Slip, render
from edge.stage import RETRY_S, Stage
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.uplink import subscriptions
from edge.wire import Channel, Sale, State, decode, encode
from edge.wire.link import Link
from edge.wire.settings import Broker
from mdb import Signal, event, read_trace
from mdb.taps import Replay, VirtualMachine

pytestmark = pytest.mark.needs("mosquitto")
MACHINE = "vm-000123"
TRACES = Path(__file__).parents[1] / "traces"
AP113 = (TRACES / "ap113-single-vend.mdb").read_text("utf-8").splitlines()
POLICY = Policy(link="https://chek.example/r/")


class Bus:
    """A tap that gives what the test says, when it says it."""

    def __init__(self) -> None:
        self._signals: asyncio.Queue[Signal] = asyncio.Queue()

    def say(self, lines: list[str]) -> None:
        for signal in read_trace(lines):
            self._signals.put_nowait(signal)

    async def __aiter__(self) -> AsyncIterator[Signal]:
        while True:
            yield await self._signals.get()


class Screen:
    """A display that is seen at once; it remembers what the disk held as each picture came."""

    panel = None

    def __init__(self, file: Path) -> None:
        self._file = file
        self.broken = False
        self.pictures: list[Picture] = []
        self.on_disk: list[int] = []

    def show(self, picture: Picture, painted: Painted) -> None:
        if self.broken and picture.kind != "idle":
            raise OSError("its ribbon cable is loose")
        with closing(sqlite3.connect(self._file)) as reader:
            self.on_disk += reader.execute("SELECT count(*) FROM sale").fetchone()
        self.pictures.append(picture)
        painted(f"{len(self.pictures):064x}")

    @property
    def kinds(self) -> list[str]:
        return [picture.kind for picture in self.pictures]

    def close(self) -> None:
        """It is only a list."""


class Rebooted(SystemClock):
    """The machine was switched off and on: nobody waits before it any more."""

    def now(self) -> Moment:
        return replace(super().now(), boot_id="another")


class Later(SystemClock):
    """A minute later: the buyer has gone."""

    def now(self) -> Moment:
        moment = super().now()
        return replace(moment, boottime_ms=moment.boottime_ms + 60_000)

    def boottime(self) -> float:
        return super().boottime() + 60


class Leaping(SystemClock):
    """Some time passes at once."""

    ahead_s = 0.0

    def now(self) -> Moment:
        moment = super().now()
        return replace(moment, boottime_ms=moment.boottime_ms + round(1000 * self.ahead_s))

    def boottime(self) -> float:
        return super().boottime() + self.ahead_s


class Machine:
    def __init__(
        self,
        folder: Path,
        port: int,
        tap: AsyncIterable[Signal],
        clock: SystemClock,
        epoch: str = "7f3a9c1e",
        *,
        printer: bool = False,
    ) -> None:
        self.file = folder / "outbox.sqlite"
        self.outbox = Outbox(self.file, epoch)
        self.screen = Screen(self.file)
        self.slips = folder / "slips"
        ballast = Ballast(folder)
        self.agent = agent = Agent(
            Parts(
                machine=MACHINE,
                tap=tap,
                outbox=self.outbox,
                disk=Disk(ballast.let_go),
                ballast=ballast,
                link=Link(
                    Broker(port=port),
                    client_id=MACHINE,
                    subscriptions=subscriptions(MACHINE),
                    will=(Channel.STATE.of(MACHINE), encode(State(online=False))),
                ),
                clock=clock,
            )
        )
        stage = Stage({"screen": self.screen}, POLICY, {}, agent.timeline, agent.keep_showing)
        profile = replace(PROFILES["generic-58"], settle_s=0.05)
        self.printing = PrintQueue(
            {"1-file": FilePrinter(self.slips, profile)} if printer else {},
            clock,
            agent.keep_showing,
            agent.alarms.printer_says,
            poll_s=0.02,
        )
        self.run = agent.run(stage, self.printing)

    @property
    def pending(self) -> int:
        return self.outbox.pending()[0]

    @property
    def sales(self) -> list[Sale]:
        with closing(sqlite3.connect(self.file)) as reader:
            rows = reader.execute("SELECT coalesce(told, body) FROM sale ORDER BY place").fetchall()
        return [decode(body, Sale) for (body,) in rows]


@asynccontextmanager
async def machine_at(
    folder: Path,
    broker: Mosquitto,
    tap: AsyncIterable[Signal],
    clock: SystemClock | None = None,
    epoch: str = "7f3a9c1e",
    *,
    printer: bool = False,
) -> AsyncIterator[Machine]:
    machine = Machine(folder, broker.port, tap, clock or SystemClock(), epoch, printer=printer)
    running = asyncio.create_task(machine.run)
    await asyncio.sleep(0)  # it has begun: what is cancelled before that closes nothing
    try:
        yield machine
        assert not running.done()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def cloud(broker: Mosquitto) -> AsyncIterator[Cloud]:
    async with cloud_at(broker.port) as opened:
        opened.machine = MACHINE
        yield opened


def arrived(cloud: Cloud) -> list[Sale]:
    assert all(len(set(bodies)) == 1 for bodies in cloud.bodies.values())
    return [decode(cloud.bodies[seq][0], Sale) for seq in cloud.arrived]


async def test_a_vend_is_kept_published_shown_and_its_receipt_shown(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        await until(lambda: cloud.states)
        vendor.press("0001")
        await until(lambda: machine.screen.kinds == ["idle", "making"])
        await until(lambda: machine.pending == 0 and cloud.arrived == [1])
        (sale,) = arrived(cloud)
        cloud.send(receipt(sale))
        await until(lambda: machine.screen.kinds == ["idle", "making", "ready"])
    assert (sale.item, sale.amount, sale.currency) == ("0001", 12000, "RUB")
    assert [each.code.text for each in machine.screen.pictures if each.code] == [
        f"https://chek.example/r/{sale.token}",
        receipt(sale).qr,
    ]
    assert machine.screen.on_disk == [0, 1, 1]  # the disk first, then the screen


async def test_the_evidence_of_what_was_shown_arrives(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.agent.RIDE_S", 0.1)
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: "ready" in machine.screen.kinds)
        vendor.press("0001")
        await until(lambda: len(cloud.showings) == 2)
    told = [(each.rev, each.reason, each.frame_sha256) for each in cloud.showings]
    assert told == [(0, "receipt", f"{2:064x}"), (1, "next_sale", f"{3:064x}")]


async def test_a_machine_says_its_birth_and_its_goodbye(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    cloud.answers = False
    async with machine_at(tmp_path, broker, vendor, Synced()):
        await until(lambda: cloud.states)
        vendor.press("0001")
        await until(lambda: cloud.arrived)
    await until(lambda: len(cloud.states) == 2)
    async with machine_at(tmp_path, broker, vendor, Synced()):
        await until(lambda: len(cloud.states) == 3)
    await until(lambda: len(cloud.states) == 4)
    assert [each.online for each in cloud.states] == [True, False, True, False]
    births = cloud.states[::2]
    assert [(each.epoch, each.next_seq, each.oldest_unacked) for each in births] == [
        ("7f3a9c1e", 1, None),
        ("7f3a9c1e", 2, 1),
    ]


async def test_what_was_on_the_glass_when_the_agent_stopped_is_told_by_the_next(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        vendor.press("0001")
        await until(lambda: "making" in machine.screen.kinds)
    async with machine_at(tmp_path, broker, vendor):
        await until(lambda: cloud.showings)
    assert {each.reason for each in cloud.showings} == {"stopped"}


async def test_a_machine_that_was_away_gets_its_receipt_again(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor):
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
    (sale,) = arrived(cloud)
    cloud.send(receipt(sale))
    async with machine_at(tmp_path, broker, vendor, Later()) as machine:
        await until(lambda: machine.screen.kinds == ["idle", "ready"])
        await until(lambda: cloud.receipt_acks)
    picture = machine.screen.pictures[-1]
    assert "Чек за покупку" in picture.title
    assert picture.amount == "120,00 ₽"


async def test_an_agent_that_was_killed_goes_on_for_the_buyer_who_still_stands_there(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: machine.screen.kinds[-1] == "ready")
        (shown,) = machine.screen.pictures[-1:]
    async with machine_at(tmp_path, broker, vendor) as machine:
        await until(lambda: machine.screen.kinds == ["idle", "making", "ready"])
    assert machine.screen.pictures[-1] == shown


@pytest.mark.parametrize("kind", ["free-media", "denied"])
async def test_a_vend_without_a_receipt_promises_none(
    broker: Mosquitto, tmp_path: Path, kind: str
) -> None:
    tap = Replay(list(read_trace((TRACES / f"{kind}.mdb").read_text("utf-8").splitlines())), 0)
    async with machine_at(tmp_path, broker, tap) as machine:
        await until(lambda: machine.agent.listener.pulse == "ended")
        await until(lambda: machine.agent.keeper.waiting == 0)
        assert len(machine.sales) >= (kind == "free-media")
        assert machine.screen.kinds == ["idle"]


async def test_a_receipt_of_another_machine_s_sale_is_acknowledged_and_not_shown(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        await until(lambda: cloud.states)
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        stranger = decode(cloud.bodies[1][0].replace(b'"sale_id":"0', b'"sale_id":"f'), Sale)
        cloud.send(receipt(stranger))
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: len(cloud.receipt_acks) == 2)
        await until(lambda: machine.screen.kinds[-1] == "ready")
    assert machine.screen.kinds == ["idle", "making", "ready"]


async def test_a_late_receipt_waits_until_the_buyer_at_the_reader_has_gone(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    tap = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, tap):
        tap.press("0001")
        await until(lambda: cloud.arrived == [1])
    bus = Bus()
    async with machine_at(tmp_path, broker, bus, Later()) as machine:
        bus.say(["1.0 > 12 12", "1.005 < 03 FF FF 01", "1.010 > 00", "2.0 > 12 12"])
        bus.say(["2.005 < 00", "2.1 > 12 12"])
        await until(lambda: len(cloud.states) >= 3 and machine.agent.listener.buying)
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: cloud.receipt_acks)
        assert machine.screen.kinds == ["idle"]
        bus.say(["3.0 > 12 12", "3.005 < 07 07", "3.010 > 00", "4.0 > 12 12", "4.005 < 00"])
        bus.say(["5.0 > 12 12"])
        await until(lambda: machine.screen.kinds == ["idle", "ready"])


async def test_what_a_reader_told_at_its_start_is_known_after_ours(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """The scale is said once, when the machine is switched on; the agent may start later."""
    spoken = [line for line in AP113 if not line.startswith("#")]
    cut = next(at for at, line in enumerate(spoken) if "BEGIN SESSION" in line)
    bus = Bus()
    async with machine_at(tmp_path, broker, bus) as machine:
        bus.say([*spoken[:cut], "1.8 > 12 12", "1.805 < 00", "1.9 > 12 12"])
        contexts = machine.outbox.memory.contexts
        await until(lambda: any(each.scaling for each in contexts().values()))
    async with machine_at(tmp_path, broker, Replay(list(read_trace(spoken[cut:])), 0)) as machine:
        await until(lambda: machine.sales)
        assert [(each.item, each.amount) for each in machine.sales] == [("0001", 12510)]


async def test_what_coins_are_worth_is_known_after_a_restart_too(
    broker: Mosquitto, tmp_path: Path
) -> None:
    bus = Bus()
    async with machine_at(tmp_path, broker, bus) as machine:
        bus.say(["0.1 > 09 09", "0.11 < 02 16 43 64 02 00 17 01 02 05 E0", "0.12 > 00"])
        bus.say(["0.2 > 0B 0B", "0.21 < 00", "0.3 > 0B 0B"])
        await until(machine.outbox.memory.contexts)
    async with machine_at(tmp_path, broker, Bus()) as machine:
        assert machine.outbox.memory.contexts()[0x08].credits == (1, 2, 5)


async def test_a_card_sale_that_may_have_a_cash_part_does_not_die_with_the_bus(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """The VMC says no more after VEND SUCCESS: its power has failed, or its line is cut."""
    spoken = [
        *("0.1 > 11 00 02 00 00 00 13", "0.11 < 01 01 16 43 0A 02 0A 09 7A", "0.12 > 00"),
        *("1.0 > 13 00 04 B0 00 05 CC", "1.1 < 05 04 B0 B9", "1.2 > 00"),
        *("5.0 > 13 02 00 05 1A", "5.1 < 00"),
    ]
    bus = Bus()
    async with machine_at(tmp_path, broker, bus) as machine:
        bus.say(spoken)
        await until(lambda: machine.sales)
        assert [(each.item, each.amount) for each in machine.sales] == [("0005", 12000)]


@pytest.mark.parametrize(
    ("trace", "sales"),
    [
        ("ap113-single-vend", ["paid"]),
        ("two-equal-vends", ["paid", "paid"]),
        ("repeated-success", ["paid", "paid"]),
        ("negative-vend", ["return"]),
        ("failure", []),
        ("denied", []),
        ("cancelled", []),
    ],
)
async def test_a_trace_puts_exactly_its_sales_into_the_outbox(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, trace: str, sales: list[str]
) -> None:
    tap = Replay.open(f"{TRACES / trace}.mdb?pace=0")
    ended = asyncio.Event()

    async def told() -> AsyncIterator[Signal]:
        async for signal in tap:
            yield signal
        ended.set()

    async with machine_at(tmp_path, broker, told()) as machine:
        await ended.wait()
        await until(lambda: len(machine.sales) == len(sales) and machine.pending == 0)
    assert [each.kind for each in machine.sales] == sales
    assert arrived(cloud) == machine.sales


async def test_every_vend_of_the_machine_s_ledger_arrives_whatever_happens_to_the_broker(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """The judge is the machine's own ledger, not what we believe we heard."""
    vendor = VirtualMachine({"0001": 12000, "0002": 9550})
    async with machine_at(tmp_path, broker, vendor) as machine:
        await until(lambda: cloud.states)
        cloud.answers = False
        for number in range(24):
            vendor.press(("0001", "0002")[number % 2], ("cash", "cashless")[number % 3 % 2])
        await until(lambda: len(vendor.ledger) >= 6)
        broker.kill()
        await until(lambda: len(vendor.ledger) >= 12)
        broker.start()
        await until(lambda: len(vendor.ledger) >= 18)
        broker.kill()
        cloud.answers = True
        broker.start()
        await until(lambda: len(machine.sales) == 24 and machine.pending == 0, 20)
    sales = arrived(cloud)
    assert [each.seq for each in sales] == list(range(1, 25))
    assert len({each.sale_id for each in sales}) == 24
    assert [(each.item, each.amount, each.tenders[0].by[:4]) for each in sales] == [
        (vend.item, vend.price, vend.by[:4]) for vend in vendor.ledger
    ]
    assert sales == machine.sales


async def test_a_bus_that_dies_is_told_to_the_dashboards_and_to_the_buyers(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    clock = Leaping()
    bus = Bus()
    async with machine_at(tmp_path, broker, bus, clock) as machine:
        await until(lambda: cloud.states)
        clock.ahead_s = DEAD_S + 1
        await until(lambda: machine.screen.kinds[-1] == "out_of_order")
        await until(lambda: cloud.states[-1].bus == "silent")
        bus.say(["1.0 > 12 12", "1.005 < 00", "2.0 > 12 12"])
        await until(lambda: machine.screen.kinds[-1] == "idle")
        await until(lambda: cloud.states[-1].bus == "ok")


async def test_a_slip_is_printed_of_a_receipt_that_comes_while_the_buyer_is_there(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor, printer=True) as machine:
        await until(lambda: machine.printing.status == "ready")
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        (sale,) = arrived(cloud)
        for _ in range(2):  # the cloud repeats itself
            cloud.send(receipt(sale))
        await until(lambda: len(cloud.receipt_acks) == 2)
        await until(lambda: slips_in(machine.slips))
        with Image.open(slips_in(machine.slips)[0]) as paper:
            assert read(paper) == receipt(sale).qr
        cloud.send(receipt(sale, 2, status="returned"))
        await until(lambda: len(cloud.receipt_acks) == 3)
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1, 2])
        cloud.send(receipt(arrived(cloud)[1]))
        await until(lambda: len(slips_in(machine.slips)) == 2)


async def test_a_slip_that_comes_when_another_has_bought_is_not_called_theirs(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[tuple[str, str]] = []

    def noted(slip: Slip, profile: Profile) -> bytes:
        printed.append((slip.sale_id, slip.above[0].text))
        return render(slip, profile)

    monkeypatch.setattr("edge.printers.print_queue.render", noted)
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor, printer=True) as machine:
        await until(lambda: machine.printing.status == "ready")
        for count in (1, 2):
            vendor.press("0001")
            await until(lambda: len(cloud.arrived) == count)  # noqa: B023, awaited here
        first, second = arrived(cloud)
        for each in (second, first):
            cloud.send(receipt(each))
        await until(lambda: len(slips_in(machine.slips)) == 2)
    assert set(printed) == {(first.sale_id, EARLIER), (second.sale_id, OURS)}


async def test_nothing_is_printed_for_a_buyer_who_has_gone(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor, clock = VirtualMachine({"0001": 12000}), Leaping()
    async with machine_at(tmp_path, broker, vendor, clock, printer=True) as machine:
        await until(lambda: machine.printing.status == "ready")
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        clock.ahead_s = FRESH_S
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: cloud.receipt_acks)
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1, 2])
        cloud.send(receipt(arrived(cloud)[1]))
        await until(lambda: slips_in(machine.slips))
        with Image.open(slips_in(machine.slips)[0]) as paper:
            assert read(paper) == receipt(arrived(cloud)[1]).qr
    assert len(slips_in(machine.slips)) == 1


async def test_a_printer_in_trouble_is_an_incident_and_stands_in_the_state(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    (tmp_path / "slips").write_text("a file where the folder should be", "utf-8")
    async with machine_at(tmp_path, broker, Bus(), printer=True) as machine:
        await until(lambda: cloud.states and cloud.states[-1].printer == "offline")
        await until(lambda: cloud.incidents)
        machine.slips.unlink()  # mended
        await until(lambda: cloud.states[-1].printer == "ready")
        await until(lambda: machine.outbox.notes.pending() == 0)
    assert [(each.kind, each.text) for each in cloud.incidents] == [("printer", "1-file: offline")]


async def test_a_screen_that_fails_is_an_incident_and_stands_in_the_state(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.alarms.WATCH_S", 0.02)
    vendor, clock = VirtualMachine({"0001": 12000}), Leaping()
    async with machine_at(tmp_path, broker, vendor, clock) as machine:
        await until(lambda: cloud.states)
        assert cloud.states[-1].display == "ok"
        machine.screen.broken = True
        vendor.press("0001")
        await until(lambda: cloud.states[-1].display == "failing: screen")
        await until(lambda: [(each.kind, each.text) for each in cloud.incidents])
        machine.screen.broken = False
        clock.ahead_s = RETRY_S
        vendor.press("0001")
        await until(lambda: cloud.states[-1].display == "ok")
    assert [(each.kind, each.text) for each in cloud.incidents] == [("display_failed", "screen")]


async def test_the_watchdog_s_probes_tell_whether_each_part_gets_on(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    bus = Bus()
    async with machine_at(tmp_path, broker, bus) as machine:
        await until(lambda: cloud.states)
        probes = machine.agent.probes()
        for part in ("outbox", "link"):
            assert await probes[part]()
        looked = machine.agent.listener.looked_at
        await until(lambda: machine.agent.listener.looked_at > looked)
        assert await probes["bus"]()  # nothing is said, and somebody minds the silence
        (minder,) = [each for each in asyncio.all_tasks() if each.get_name() == "silence"]
        minder.cancel()
        await asyncio.wait([minder])
        await probes["bus"]()
        assert not await probes["bus"]()  # now the loop stands still
        bus.say(["1.0 > 12 12"])
        await until(lambda: machine.agent.listener.signals)
        assert await probes["bus"]()
        busy = threading.Event()
        machine.agent.parts.disk.later(busy.wait, 60)
        asked = asyncio.ensure_future(probes["outbox"]())
        await asyncio.wait([asked], timeout=0.05)
        assert not asked.done()
        busy.set()
        assert await asked
        await machine.agent.parts.link.stop()
        await until(lambda: not machine.agent.parts.link.alive)  # one that is slow was left behind
        assert not await probes["link"]()


async def test_a_salvaged_outbox_is_told_once(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
    content = bytearray(machine.file.read_bytes())
    content[:100] = b"\xa5" * 100
    machine.file.write_bytes(content)
    for epoch in ("0a1b2c3d", "another1"):
        async with machine_at(tmp_path, broker, Bus(), epoch=epoch) as machine:
            await until(lambda: cloud.incidents)
            await until(lambda: machine.outbox.notes.pending() == 0)
        assert machine.outbox.salvaged is None
    assert [each.kind for each in cloud.incidents] == ["outbox_salvaged"]


def slips_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.png"))


async def test_a_receipt_that_came_and_was_never_seen_is_shown_after_a_restart(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        disk = machine.agent.parts.disk  # which may be at the ack of that sale
        await disk.do(machine.outbox.put_receipt, receipt(arrived(cloud)[0]))
    async with machine_at(tmp_path, broker, vendor, Later()) as machine:
        await until(lambda: machine.screen.kinds == ["idle", "ready"])
        assert machine.screen.pictures[-1].late
    async with machine_at(tmp_path, broker, vendor, Later()) as machine:
        await until(lambda: machine.agent.parts.link.connected)
        assert machine.screen.kinds == ["idle"]


# What was wrong once. ---------------------------------------------------------------------------


async def test_a_screen_that_failed_before_the_agent_ran_is_an_incident_too(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A panel that is not plugged in at the start, or a picture of the last buyer that it refuses."""
    monkeypatch.setattr("edge.alarms.WATCH_S", 0.02)
    monkeypatch.setattr(Screen, "show", lambda *_: 1 / 0)
    async with machine_at(tmp_path, broker, Bus()):
        await until(lambda: cloud.states)
        assert cloud.states[-1].display == "failing: screen"
        await until(lambda: cloud.incidents)
    assert [(each.kind, each.text) for each in cloud.incidents] == [("display_failed", "screen")]


async def test_a_sale_that_the_disk_took_too_late_is_not_shown_as_the_next_buyer_s(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its receipt is, marked as late, as for a buyer who has gone."""
    monkeypatch.setattr("edge.keeper.UNKEPT_S", 3600)  # not a second of the leap's far side
    vendor, clock, mended = VirtualMachine({"0001": 12000}), Leaping(), threading.Event()
    async with machine_at(tmp_path, broker, vendor, clock) as machine:
        await until(lambda: cloud.states)
        machine.agent.parts.disk.later(mended.wait, 60)
        vendor.press("0001")
        await until(lambda: machine.agent.keeper.sales_waiting == 1)
        clock.ahead_s = STATUTORY_S + 1
        mended.set()
        await until(lambda: cloud.arrived == [1])
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: machine.screen.kinds[-1] == "ready")
    assert machine.screen.pictures[-1].late
    assert "making" not in machine.screen.kinds


PAID = event.Sale(2.0, 0x10, "0002", event.Kind.PAID, 9550, "RUB", (event.Tender("cash", 9550),))
FREE = replace(PAID, kind=event.Kind.FREE)
RETURNED = event.Return(2.0, 0x10, "0002", 9550, "RUB", (event.Tender("cashless-1", 9550),))


def conclude(machine: Machine, vend: event.Sale | event.Return) -> None:
    machine.agent.keeper.take(Concluded(vend, *machine.agent.timeline.look()))


@asynccontextmanager
async def refusing(machine: Machine) -> AsyncIterator[None]:
    """A card that takes no sale."""
    put = machine.outbox.put

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    machine.outbox.put = refuse  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        machine.outbox.put = put  # type: ignore[method-assign]


async def test_a_sale_that_the_disk_refuses_takes_the_last_buyer_s_receipt_away(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.agent.RIDE_S", 0.1)
    monkeypatch.setattr("edge.keeper.UNKEPT_S", 0.05)
    vendor = VirtualMachine({"0001": 12000})
    async with machine_at(tmp_path, broker, vendor) as machine:
        vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        cloud.send(receipt(arrived(cloud)[0]))
        await until(lambda: machine.screen.kinds == ["idle", "making", "ready"])
        async with refusing(machine):
            vendor.press("0001")
            await until(lambda: machine.screen.kinds[-1] == "idle")
            assert machine.agent.keeper.sales_waiting == 1
            assert machine.screen.on_disk[-1] == 1
        await until(lambda: cloud.arrived == [1, 2])
        cloud.send(receipt(arrived(cloud)[1]))
        await until(lambda: machine.screen.kinds[3:] == ["idle", "making", "ready"])
        assert machine.screen.pictures[-1].sale_id == arrived(cloud)[1].sale_id
        await until(lambda: len(cloud.showings) == 3)
    first, second = arrived(cloud)
    assert [(each.sale_id, each.reason) for each in cloud.showings] == [
        (first.sale_id, "receipt"),
        (first.sale_id, "next_sale"),
        (second.sale_id, "receipt"),
    ]


@pytest.mark.parametrize("vend", [FREE, RETURNED, replace(PAID, amount=0)])
async def test_a_vend_without_a_receipt_takes_nothing_away_while_the_disk_refuses(
    broker: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    vend: event.Sale | event.Return,
) -> None:
    wait_s = 0.01
    monkeypatch.setattr("edge.keeper.UNKEPT_S", wait_s)
    async with machine_at(tmp_path, broker, Bus()) as machine:
        conclude(machine, PAID)
        await until(lambda: machine.screen.kinds == ["idle", "making"])
        async with refusing(machine):
            conclude(machine, vend)
            await asyncio.sleep(wait_s)  # the keeper's own wait began before, and is over
            assert machine.agent.keeper.sales_waiting == 1
            assert machine.screen.kinds == ["idle", "making"]
            conclude(machine, PAID)
            await until(lambda: machine.screen.kinds == ["idle", "making", "idle"])


async def test_who_buys_while_the_agent_looks_for_the_last_sale_does_not_get_its_screen(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machine_at(tmp_path, broker, Bus()) as machine:
        conclude(machine, PAID)
        await until(lambda: machine.screen.kinds == ["idle", "making"])
    looks, found, look = threading.Event(), threading.Event(), Outbox.last_sale

    def slowly(outbox: Outbox) -> object:
        last = look(outbox)
        looks.set()
        found.wait(60)
        return last

    monkeypatch.setattr(Outbox, "last_sale", slowly)
    async with machine_at(tmp_path, broker, Bus()) as machine:
        await until(looks.is_set)
        conclude(machine, replace(PAID, amount=12000))
        await until(lambda: machine.agent.keeper._keeping)  # noqa: SLF001, the disk is to take it
        found.set()
        await until(lambda: machine.agent.parts.link.connected and len(machine.sales) == 2)
        await machine.agent.parts.disk.do(bool)
        await until(lambda: machine.screen.pictures[-1].amount == "120,00 ₽")
        assert machine.screen.kinds == ["idle", "making", "making"]


async def test_a_clock_that_has_become_right_is_told_to_the_dashboards(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.alarms.WATCH_S", 0.02)
    clock = Wrong()
    async with machine_at(tmp_path, broker, Bus(), clock):
        await until(lambda: cloud.states)
        assert cloud.states[0].clock == "unsynced"
        # The answer to the birth brought the time.
        await until(lambda: cloud.states[-1].clock == "corrected")


class Wrong(SystemClock):
    """It does not know the time."""

    def now(self) -> Moment:
        return replace(super().now(), quality="unsynced")

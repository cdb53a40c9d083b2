"""A machine put together from its configuration: what stops it, and that its parts are joined."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parts import Mosquitto, free_port, until
from PIL import Image
from specimens import read, receipt

from edge.assembly import assemble
from edge.config import read_text
from edge.errors import ConfigError, EdgeError, StartError
from edge.journal import RecentLines
from edge.notify import Notify
from edge.printers.slip import COPY
from edge.technician.status import Status
from edge.technician.unix_socket import NAME, ask
from edge.uplink import subscriptions
from edge.wire import (
    CLOUD_STATE,
    Ack,
    Channel,
    CloudState,
    Incident,
    Reported,
    Result,
    Sale,
    State,
    decode,
    encode,
    parse_command,
)
from edge.wire.link import Connected, Incoming, Link
from edge.wire.orders import Capture, CollectLogs, Command, Reprint, Restart, ShowText
from edge.wire.settings import Broker
from mdb import read_trace
from mdb.taps import VirtualMachine, open_tap

MACHINE = "vm-000123"
NEEDS_BROKER = pytest.mark.needs("mosquitto")
SOON = "2999-01-01T00:00:00Z"


def text(folder: Path, more: str = "", *, port: int | None = None) -> str:
    return (
        f'machine = "{MACHINE}"\ntap = "virtual:0001=12000"\ndata = "{folder / "state"}"\n'
        f"[broker]\nport = {port or free_port()}\n"
        f'[receipts]\nlink = "https://chek.example/r/"\n{more}'
    )


@dataclass
class Machine:
    folder: Path
    vendor: VirtualMachine
    stops: list[bool] = field(default_factory=list)


@asynccontextmanager
async def machine_at(folder: Path, written: str) -> AsyncIterator[Machine]:
    """As `run` does it, but for the process."""
    config = read_text(written, "edge.toml")
    tap = open_tap(config.tap)
    assert isinstance(tap, VirtualMachine)
    will = (Channel.STATE.of(MACHINE), encode(State(online=False)))
    link = Link(config.broker, MACHINE, subscriptions(MACHINE), will)
    machine = Machine(folder / "state", tap)
    recent = RecentLines()
    async with assemble(
        config,
        tap,
        link,
        recent=recent,
        notify=Notify(),
        stop=lambda: machine.stops.append(True),
    ) as work:
        running = asyncio.ensure_future(work())
        try:
            yield machine
            assert not running.done()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


class Cloud:
    """Whoever is at the other end: keeps what comes, and asks for things."""

    def __init__(self, port: int) -> None:
        heard = (Channel.SALE, Channel.INCIDENT, Channel.REPORTED, Channel.STATE)
        topics = [*(each.of(MACHINE) for each in heard), Channel.result_of(MACHINE, "+")]
        self.link = Link(Broker(port=port), "cloud", topics, ("lwt", b""))
        self.births = 0
        self.sales: list[Sale] = []
        self.incidents: list[Incident] = []
        self.reported: list[Reported] = []
        self.results: dict[str, list[Result]] = {}

    async def run(self) -> None:
        self.link.start()
        try:
            async for happening in self.link:
                match happening:
                    case Connected():
                        there = CloudState(online=True, instance="1")
                        self.link.publish(CLOUD_STATE, encode(there), 1, retain=True)
                    case Incoming(topic, payload):
                        self._take(topic, payload)
                        happening.acknowledge()
        finally:
            await self.link.stop()

    def _tell_time(self, birth: State) -> None:
        if birth.epoch is not None:
            self.births += 1
            now = datetime.now(UTC).isoformat()
            ack = Ack(epoch=birth.epoch, upto=0, time=now, answers=birth.nonce)
            self.link.publish(Channel.ACK.of(MACHINE), encode(ack), 1)

    def _take(self, topic: str, payload: bytes) -> None:
        addressed = parse_command(topic)
        if addressed is not None:
            self.results.setdefault(addressed[1], []).append(decode(payload, Result))
        elif topic.endswith("/sale"):
            self.sales.append(decode(payload, Sale))
        elif topic.endswith("/incident"):
            self.incidents.append(decode(payload, Incident))
        elif topic.endswith("/state"):
            self._tell_time(decode(payload, State))
        else:
            self.reported.append(decode(payload, Reported))

    async def ask(self, command_id: str, command: Command) -> Result:
        """Its last word on it."""
        before = len(self.done(command_id))
        self.link.publish(Channel.command_of(MACHINE, command_id), encode(command), 1)
        await until(lambda: len(self.done(command_id)) > before, 20)
        return self.done(command_id)[-1]

    def done(self, command_id: str) -> list[Result]:
        return [each for each in self.results.get(command_id, []) if each.status != "running"]

    async def wish(self, payload: bytes) -> Reported:
        before = len(self.reported)
        self.link.publish(Channel.DESIRED.of(MACHINE), payload, 1, retain=True)
        await until(lambda: len(self.reported) > before)
        return self.reported[-1]


@pytest.fixture
async def cloud(broker: Mosquitto) -> AsyncIterator[Cloud]:
    opened = Cloud(broker.port)
    running = asyncio.create_task(opened.run())
    await until(lambda: opened.link.connected)
    yield opened
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def listening() -> tuple[socket.socket, str]:
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    return other, f"127.0.0.1:{other.getsockname()[1]}"


SMALL = '[[display]]\nkind = "png"\nfile = "/none/x.png"\nwidth = 480\nheight = 320\n'


@pytest.mark.parametrize(
    ("more", "kind", "told"),
    [
        (
            f"{SMALL}width_mm = 24\nheight_mm = 16\n",
            ConfigError,
            r"display\[0\] \(png\): cannot show a lawful fiscal QR code",
        ),
        (
            '[[printer]]\nkind = "file"\nfolder = "slips"\ndots = 200\n',
            ConfigError,
            r"printer\[0\]\.dots: a code of 20 mm",
        ),
        (
            '[[printer]]\nkind = "file"\nfolder = "slips"\nnative = true\n',
            ConfigError,
            r"printer\[0\]\.native: generic-58 has no QR code of its own",
        ),
        (
            '[technician]\npin_file = "/none/pin"\n',
            ConfigError,
            "technician.pin_file: /none/pin: cannot be read: No such file",
        ),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    tmp_path: Path, more: str, kind: type[EdgeError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        async with machine_at(tmp_path, text(tmp_path, more)):
            pytest.fail("it started")


async def test_a_second_agent_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with machine_at(tmp_path, text(tmp_path)):
        with pytest.raises(StartError, match="another agent uses this outbox"):
            async with machine_at(tmp_path, text(tmp_path)):
                pytest.fail("it started")
        await asyncio.to_thread(ask, tmp_path / "state" / NAME)  # the first is still there


async def test_what_is_not_there_at_the_start_is_no_reason_not_to_sell(tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("4711\n", "ascii")
    pin.chmod(0o600)
    other, listen = listening()
    more = (
        f'[technician]\nlisten = "{listen}"\npin_file = "{pin}"\n'
        '[[display]]\nkind = "png"\nfile = "/none/screen.png"\n'
        '[[display]]\nkind = "framebuffer"\ndevice = "/dev/none"\n'
        '[[printer]]\nkind = "usb"\ndevice = "/dev/none"\n'
    )
    with other:
        async with machine_at(tmp_path, text(tmp_path, more)) as machine:
            machine.vendor.press("0001")
            status = await told(machine, lambda each: each.printers[0].trouble)
    assert status.last_sale is not None
    assert status.printers[0].trouble == "offline"
    assert [bool(each.failing) for each in status.displays] == [True, True]


async def told(machine: Machine, condition: Callable[[Status], object] = lambda _: True) -> Status:
    """Its status, once there was a sale and it is so."""
    async with asyncio.timeout(20):
        while True:
            status = await asyncio.to_thread(ask, machine.folder / NAME)
            if status.last_sale is not None and condition(status):
                return status
            await asyncio.sleep(0.02)


@NEEDS_BROKER
async def test_commands_reach_the_screen_the_printer_the_log_and_the_bus(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    slips, screen = tmp_path / "slips", tmp_path / "screen.png"
    more = (
        f'[[printer]]\nkind = "file"\nfolder = "{slips}"\n'
        f'[[display]]\nkind = "png"\nfile = "{screen}"\n'
    )
    async with machine_at(tmp_path, text(tmp_path, more, port=broker.port)) as machine:
        await until(lambda: cloud.births and screen.exists())
        idle = screen.read_bytes()
        shown = await cloud.ask("a1", ShowText(expires_at=SOON, text="Сдачи нет"))
        assert (shown.status, shown.text) == ("done", "shown for 60 s while nobody is buying")
        await until(lambda: screen.read_bytes() != idle)

        none = await cloud.ask("a2", Reprint(expires_at=SOON))
        assert (none.status, none.text) == ("failed", "this machine has no sale yet")

        capturing = asyncio.create_task(cloud.ask("a3", Capture(expires_at=SOON, minutes=0.03)))
        await until(lambda: "a3" in cloud.results)
        machine.vendor.press("0001")
        await until(lambda: cloud.sales)
        (sale,) = {each.sale_id: each for each in cloud.sales}.values()
        issued = receipt(sale)
        cloud.link.publish(Channel.RECEIPT.of(MACHINE), encode(issued), 1)
        await until(lambda: list(slips.glob("[0-9]*.png")))
        with Image.open(next(slips.glob("[0-9]*.png"))) as paper:
            assert read(paper) == issued.qr

        captured = await capturing
        trace = gzip.decompress(captured.body).decode().splitlines()
        assert (captured.status, captured.parts) == ("done", 1)
        assert len(list(read_trace(trace))) > 10

        for _ in range(2):  # the same id: answered twice, printed once
            again = await cloud.ask("a4", Reprint(expires_at=SOON))
            assert again.text == f"a copy of {sale.sale_id} is with the printer, which is ready"
        await cloud.ask("a5", Reprint(expires_at=SOON, sale_id=sale.sale_id))
        await until(lambda: len(list(slips.glob("[0-9]*.escpos"))) >= 3, 20)
        copies = [COPY.encode("cp866") in each.read_bytes() for each in slips.glob("[0-9]*.escpos")]
        assert sorted(copies) == [False, True, True]

        logs = await cloud.ask("a6", CollectLogs(expires_at=SOON))
        assert logs.status == "done"

        restart = await cloud.ask("a7", Restart(expires_at=SOON))
        assert (restart.status, restart.text) == ("done", "restarting")
        await until(lambda: machine.stops == [True])


@NEEDS_BROKER
async def test_a_wish_is_in_force_at_once_answered_and_kept(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    written = text(tmp_path, '[products]\n0001 = "Эспрессо"\n', port=broker.port)
    wish = json.dumps({"version": 5, "products": {"0001": "Раф"}}).encode()
    async with machine_at(tmp_path, written) as machine:
        await until(lambda: cloud.births)
        assert (await cloud.wish(wish)).version == 5
        bad = await cloud.wish(b'{"version":6,"receipts":{"show_s":1}}')
        assert bad.version == 5
        assert "show_s" in (bad.error or "")
        machine.vendor.press("0001")
        status = await told(machine)
        assert status.last_sale is not None
        assert status.last_sale.product == "Раф"
        assert status.config_version == "5"
    cloud.link.publish(Channel.DESIRED.of(MACHINE), b"", 1, retain=True)
    await cloud.link.publish("sync", b"", 1)
    broker.kill()  # and nobody tells it
    async with machine_at(tmp_path, written) as machine:
        status = await told(machine)
        assert status.config_version == "5"
        births = cloud.births
        broker.start()
        await until(lambda: cloud.births > births, 20)
        assert (await cloud.wish(b"")).version is None
        status = await told(machine)
        assert (status.config_version, status.last_sale and status.last_sale.product) == (
            "",
            "Эспрессо",
        )


@NEEDS_BROKER
async def test_a_damaged_outbox_is_salvaged_the_operator_told_and_the_machine_sells_on(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    written = text(tmp_path, port=broker.port)
    async with machine_at(tmp_path, written) as machine:
        machine.vendor.press("0001")
        await until(lambda: cloud.sales)
    file = tmp_path / "state" / "outbox.sqlite"
    content = bytearray(file.read_bytes())
    content[:100] = b"\xa5" * 100
    file.write_bytes(content)
    first = cloud.sales[0]
    cloud.sales.clear()
    async with machine_at(tmp_path, written) as machine:
        machine.vendor.press("0001")
        await until(lambda: len({each.sale_id for each in cloud.sales}) == 2, 20)
        await until(lambda: cloud.incidents)
    assert first in cloud.sales
    (new,) = {each.sale_id: each for each in cloud.sales if each != first}.values()
    assert (new.seq, new.epoch != first.epoch) == (1, True)
    assert {each.kind for each in cloud.incidents} == {"outbox_salvaged"}

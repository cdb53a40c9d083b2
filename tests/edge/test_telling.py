"""What the agent tells of itself, compared with what really is: a whole machine, asked at its socket."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest
from ordering import Synced
from parts import ROOT, Mosquitto, free_port, python, until
from peer import Cloud, cloud_at
from specimens import receipt

from edge.assembly import assemble
from edge.config import read_text
from edge.journal import RecentLines
from edge.notify import Notify
from edge.storage.ballast import Ballast
from edge.technician.status import Status
from edge.technician.unix_socket import NAME, ask
from edge.telling import MEGABYTE, certificate_ends
from edge.uplink import subscriptions
from edge.wire import Channel, Sale, State, decode, encode
from edge.wire.link import Link
from edge.wire.settings import Broker
from mdb.taps import VirtualMachine, open_tap

pytestmark = pytest.mark.needs("mosquitto")
MACHINE = "vm-000123"
EMPTY = {
    "bus.bytes_per_s": "ten seconds are not over yet",
    "link.cert_days": "this machine has no certificate",
    "last_receipt.age_s": "when it came is not kept",
    "last_receipt.latency_s": "when it came is not kept",
    "outbox.quarantine.salvaged": "an incident tells of it",
}
"""What is left empty on purpose."""


@dataclass
class Machine:
    folder: Path
    vendor: VirtualMachine

    async def status(self) -> Status:
        return await asyncio.to_thread(ask, self.folder / NAME)


@asynccontextmanager
async def machine_at(folder: Path, port: int) -> AsyncIterator[Machine]:
    config = read_text(
        f"""\
machine = "{MACHINE}"
tap = "virtual:0001=12000"
data = "{folder}"
[broker]
port = {port}
[receipts]
link = "https://chek.example/r/"
[[display]]
kind = "png"
file = "{folder}/screen.png"
width = 480
height = 320
width_mm = 73
height_mm = 49
[[printer]]
kind = "file"
folder = "{folder}/slips"
[products]
0001 = "Эспрессо"
""",
        "edge.toml",
    )
    tap = open_tap(config.tap)
    assert isinstance(tap, VirtualMachine)
    will = (Channel.STATE.of(MACHINE), encode(State(online=False)))
    link = Link(config.broker, MACHINE, subscriptions(MACHINE), will)
    async with assemble(
        config, tap, link, recent=RecentLines(), notify=Notify(), stop=lambda: None
    ) as work:
        running = asyncio.ensure_future(work())
        try:
            yield Machine(folder, tap)
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


async def told(machine: Machine, condition: Callable[[Status], object]) -> Status:
    """Ask until it is so."""
    async with asyncio.timeout(20):
        while not condition(status := await machine.status()):
            await asyncio.sleep(0.02)
    return status


def empty(struct: msgspec.Struct, place: str = "") -> set[str]:
    """The fields that say nothing, by their path."""
    found: set[str] = set()
    for name in struct.__struct_fields__:
        value, path = getattr(struct, name), f"{place}{name}"
        if isinstance(value, msgspec.Struct):
            found |= empty(value, f"{path}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            found |= empty(value[0], f"{path}.")
        elif value in (None, "", ()):
            found.add(path)
    return found


async def test_everything_that_is_told_is_so(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that the cloud corrects goes back by as long as the cloud's word was on its way.
    monkeypatch.setattr("edge.assembly.SystemClock", Synced)
    clock = Synced()
    async with machine_at(tmp_path, broker.port) as machine:
        machine.vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        sale = decode(cloud.bodies[1][0], Sale)
        issued = receipt(sale)
        cloud.send(issued)
        status = await told(
            machine,
            lambda each: (
                each.last_receipt
                and each.displays[0].showing == each.printers[0].status == "ready"
                and each.outbox.pending == 0
            ),
        )
        now, free = clock.now(), Ballast(tmp_path).free() // MEGABYTE
    assert (status.machine, status.version) == (MACHINE, version("chekomat"))
    assert 0 < status.uptime_s < 60
    assert status.started < status.clock.now <= now.iso
    assert status.clock.quality in {"synced", "corrected"}

    assert (status.bus.tap, status.bus.alive, status.bus.faults) == ("virtual:0001=12000", True, 0)
    assert status.bus.last_byte_s is not None
    assert status.bus.last_byte_s < 10
    names = {each.name: (each.address, each.currency) for each in status.bus.peripherals}
    assert names["cashless 1"] == (0x10, "RUB")

    assert (status.outbox.epoch, status.outbox.next_seq) == (sale.epoch, 2)
    assert (status.outbox.pending, status.outbox.oldest) == (0, None)
    assert (status.outbox.waiting, status.outbox.refusals) == (0, 0)
    assert status.outbox.disk_free_mb is not None
    assert abs(status.outbox.disk_free_mb - free) < 1000

    assert status.link.broker == f"127.0.0.1:{broker.port}"
    assert (status.link.connected, status.link.cloud_online) == (True, True)
    assert (status.link.reconnects, status.link.in_flight, status.link.last_error) == (0, 0, "")

    assert status.last_sale is not None
    assert (status.last_sale.seq, status.last_sale.item) == (1, "0001")
    assert (status.last_sale.product, status.last_sale.amount) == ("Эспрессо", 12000)
    assert status.last_sale.sold_at == sale.sold_at
    assert status.last_sale.age_s is not None
    assert abs(status.last_sale.age_s - (now.boottime_ms - sale.boottime_ms) / 1000) < 5

    assert status.last_receipt is not None
    assert issued.fiscal is not None
    assert (status.last_receipt.sale_id, status.last_receipt.status) == (sale.sale_id, "issued")
    assert (status.last_receipt.rev, status.last_receipt.fn) == (1, issued.fiscal.fn)
    assert (status.last_receipt.fd, status.last_receipt.fp) == (issued.fiscal.fd, issued.fiscal.fp)

    (display,), (printer,) = status.displays, status.printers
    assert (display.name, display.panel) == ("1-png", "480 x 320 px, 73 x 49 mm")
    assert (display.showing, display.failing) == ("ready", "")
    assert (printer.name, printer.status, printer.trouble) == ("1-file", "ready", "")


async def test_every_field_is_filled_or_left_empty_on_purpose(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    """A machine in every kind of trouble has something to say in every field."""
    async with machine_at(tmp_path, broker.port) as machine:
        machine.vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        cloud.send(receipt(decode(cloud.bodies[1][0], Sale)))
        await told(machine, lambda each: each.last_receipt)
        cloud.link.publish(Channel.ACK.of(MACHINE), b"nonsense", 1)
        cloud.link.publish(Channel.DESIRED.of(MACHINE), b'{"version":4}', 1)
        await told(machine, lambda each: each.config_version == "4")
        broker.kill()
        machine.vendor.press("0001")
        status = await told(machine, lambda each: not each.link.connected and each.outbox.pending)
        assert status.outbox.quarantine.malformed == 1
        assert status.outbox.oldest is not None
        assert status.outbox.oldest.seq == 2
        assert status.link.last_error
    troubles = {  # none of these here
        *("last_receipt", "incidents", "link.cloud_online", "outbox.quarantine.last"),
        *("displays.failing", "printers.trouble"),
    }
    allowed = set(EMPTY) | troubles
    assert empty(status) <= allowed, empty(status) - allowed


async def test_the_command_tells_it_of_a_machine_that_runs_and_tells_no_secret(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    async with machine_at(tmp_path, broker.port) as machine:
        machine.vendor.press("0001")
        await until(lambda: cloud.arrived == [1])
        sale = decode(cloud.bodies[1][0], Sale)
        cloud.send(receipt(sale))
        await told(machine, lambda each: each.last_receipt)
        process = await asyncio.create_subprocess_exec(
            *python("edge", "status", "--json", "--data", str(tmp_path)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    text = said.decode()
    assert json.loads(text)["last_sale"]["seq"] == 1
    assert msgspec.json.decode(said, type=Status).machine == MACHINE
    assert sale.token not in text
    qr = receipt(sale).qr
    assert qr is not None
    assert qr not in text


async def test_a_machine_that_never_sold_and_has_no_broker_says_that(tmp_path: Path) -> None:
    async with machine_at(tmp_path, free_port()) as machine:
        status = await told(machine, lambda each: each.link.last_error)
    assert (status.last_sale, status.last_receipt, status.outbox.oldest) == (None, None, None)
    assert (status.link.connected, status.link.cloud_online) == (False, None)
    assert (status.outbox.next_seq, status.outbox.pending) == (1, 0)
    assert (status.config_version, status.incidents) == ("", ())


async def test_the_newest_incidents_come_first(
    broker: Mosquitto, cloud: Cloud, tmp_path: Path
) -> None:
    (tmp_path / "slips").write_text("a file where the folder should be", "utf-8")
    async with machine_at(tmp_path, broker.port) as machine:
        status = await told(machine, lambda each: each.incidents)
        assert (status.printers[0].status, status.printers[0].trouble) == ("offline", "offline")
        assert status.incidents[0].kind == "printer"
        assert status.incidents[0].words == "1-file: offline"
        await until(lambda: cloud.incidents)
    assert [(each.kind, each.text) for each in cloud.incidents] == [("printer", "1-file: offline")]


@pytest.mark.needs("openssl")
def test_until_when_the_certificate_holds_is_told_and_one_that_is_none_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate = tmp_path / "k.pem", tmp_path / "c.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "90", "-subj", "/CN=vm-1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    shown = Broker(ca=str(certificate), certificate=str(certificate), key=str(key))
    ends = certificate_ends(shown)
    assert ends is not None
    assert 89 * 86400 < ends - time.time() <= 90 * 86400
    certificate.write_text("no certificate", "utf-8")
    assert certificate_ends(shown) is None
    assert "the certificate cannot be read" in caplog.text
    assert certificate_ends(Broker()) is None

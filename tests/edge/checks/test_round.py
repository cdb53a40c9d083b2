"""The whole round on a real broker; with an agent that runs, and with one that does not."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from parts import Mosquitto, free_port, until

from edge.checks import Finding
from edge.checks.round import NAMES, examine
from edge.config import Config, read_text
from edge.storage.outbox import Outbox
from edge.technician.status import BusStatus, LinkStatus, OutboxStatus, Status
from edge.technician.unix_socket import NAME, serve_socket
from edge.wire import CLOUD_STATE, Channel, CloudState, encode
from edge.wire.link import Link
from edge.wire.settings import Broker

LISTENS_S = (2.0, 20.0)
"""The machine in memory needs a third of a second before it says its first word; asked again, where
this one stood still for longer than that."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that stands still is no cloud that is away."""
    monkeypatch.setattr("edge.checks.broker.RETAINED_S", 20.0)


def config(folder: Path, port: int, more: str = "") -> Config:
    return read_text(
        f'machine = "vm-1"\ntap = "virtual:0001=12000"\ndata = "{folder}"\n'
        f'[broker]\nport = {port}\n[receipts]\nqr = "fiscal"\n'
        f'[[display]]\nkind = "png"\nfile = "{folder}/x.png"\n{more}',
        "x",
    )


async def examined(of: Config) -> dict[str, Finding]:
    for listen_s in LISTENS_S:
        told: list[str] = []
        found = await examine(of, listen_s, lambda finding: told.append(finding.name))  # noqa: B023
        assert sorted(told) == sorted(NAMES)
        assert [each.name for each in found] == list(NAMES)
        states = {each.name: each for each in found}
        if states["bus"].state != "fail":
            break
    return states


@pytest.mark.needs("mosquitto")
async def test_a_machine_that_is_well(tmp_path: Path, broker: Mosquitto) -> None:
    cloud = Link(Broker(port=broker.port), "cloud", [], (CLOUD_STATE, b"{}"))
    cloud.start()
    try:
        await until(lambda: cloud.connected)
        await cloud.publish(CLOUD_STATE, encode(CloudState(online=True)), 1, retain=True)
        found = await examined(config(tmp_path, broker.port))
    finally:
        await cloud.stop()
    states = {name: each.state for name, each in found.items()}
    del states["clock"], states["disk"]  # as this computer has them
    assert states == {
        "bus": "ok",
        "adapter": "skipped",
        "outbox": "ok",
        "network": "ok",
        "broker": "ok",
        "certificate": "skipped",
        "cloud": "ok",
        "display": "ok",
        "printer": "skipped",
    }


async def test_one_thing_that_is_wrong_does_not_hide_the_others(tmp_path: Path) -> None:
    found = await examined(config(tmp_path, free_port()))
    assert found["network"].state == "fail"
    assert (found["broker"].state, found["cloud"].state) == ("skipped", "skipped")
    assert found["bus"].state == "ok"
    assert found["display"].state == "ok"


async def test_a_port_without_its_adapter_is_not_listened_to(tmp_path: Path) -> None:
    missing = config(tmp_path, free_port())
    found = await examined(replace(missing, tap=f"qibixx:{tmp_path}/none"))
    assert found["adapter"].state == "fail"
    assert found["bus"].state == "skipped"


@pytest.mark.needs("mosquitto")
async def test_a_running_agent_keeps_its_connection_its_outbox_and_its_port(
    tmp_path: Path, broker: Mosquitto
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", "7f3a9c1e")
    agent = Link(Broker(port=broker.port), "chekomat-vm-1", [], (Channel.STATE.of("vm-1"), b"gone"))
    agent.start()

    async def tell() -> Status:
        await asyncio.sleep(0)
        return Status(
            bus=BusStatus(last_byte_s=0.1, bytes_per_s=300),
            outbox=OutboxStatus(epoch="7f3a9c1e", pending=2),
            link=LinkStatus(broker="b", connected=True, cloud_online=True),
        )

    try:
        await until(lambda: agent.connected)
        silent = await examined(config(tmp_path, broker.port))
        async with serve_socket(tmp_path / NAME, tell):
            asked = await examined(config(tmp_path, broker.port))
        assert agent.connected
    finally:
        await agent.stop()
        outbox.close()
    for name in ("bus", "outbox", "broker", "cloud", "display"):
        assert silent[name].state == "skipped", name
    assert asked["bus"].found.en.startswith("the running agent hears it: 300 B/s")
    assert "2 wait for the cloud" in asked["outbox"].found.en
    assert (asked["broker"].state, asked["cloud"].state) == ("ok", "ok")
    assert {silent["disk"].name, asked["network"].state} == {"disk", "ok"}


async def test_a_check_that_itself_fails_is_told_and_hides_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    found = await examined(config(tmp_path, free_port()))
    assert found["outbox"].state == "fail"
    assert found["bus"].state == "ok"

"""Real brokers: mosquitto without TLS, with passwords, and as deploy/ has it."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.secured import HOST, MACHINE, Client, Secured, make_authority, secured_broker
from parts import Mosquitto, free_port, program, until

from edge.checks.agent import Agent
from edge.checks.broker import ADVICE, Visit, judge, judge_told, visit
from edge.checks.cloud import judge as judge_cloud
from edge.technician.status import LinkStatus, Status
from edge.wire import CLOUD_STATE, CloudState, encode
from edge.wire.settings import Broker

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.needs("openssl")]


@pytest.fixture(scope="module")
def secured(authority: Path) -> Iterator[Secured]:
    with secured_broker(authority) as running:
        yield running


def proven(authority: Path, port: int, **changes: str) -> Broker:
    pair = authority / "machines" / MACHINE
    named = {"ca": str(authority / "ca.crt"), "certificate": f"{pair}.crt", "key": f"{pair}.key"}
    return Broker(**({"host": HOST, "port": port} | named | changes))  # type: ignore[arg-type]


async def test_an_open_broker_lets_us_in_and_knows_no_cloud(broker: Mosquitto) -> None:
    to = Broker(port=broker.port)
    seen = await visit(to)
    assert (seen.accepted, seen.cloud) == (True, b"")
    assert judge(to, seen).state == "ok"
    assert "never on this broker" in judge_cloud(seen).found.en


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_the_cloud_s_own_word_is_brought_along(broker: Mosquitto, version: str) -> None:
    from paho.mqtt import publish

    state = encode(CloudState(online=True, instance="1"))
    publish.single(CLOUD_STATE, state, qos=1, retain=True, port=broker.port)
    seen = await visit(Broker(port=broker.port, mqtt=version))  # type: ignore[arg-type]
    assert seen.cloud == state
    assert judge_cloud(seen).state == "ok"


async def test_a_machine_with_its_certificate_is_let_in(authority: Path, secured: Secured) -> None:
    async with Client(secured, authority / "cloud") as cloud:
        await cloud.say(CLOUD_STATE, encode(CloudState(online=False)), retain=True)
    to = proven(authority, secured.port)
    seen = await visit(to)
    assert judge(to, seen).state == "ok"
    assert "says that it is away" in judge_cloud(seen).found.en


async def test_a_broker_of_another_authority_is_not_believed(
    authority: Path, secured: Secured, tmp_path: Path
) -> None:
    make_authority(tmp_path)
    to = proven(authority, secured.port, ca=str(tmp_path / "ca.crt"))
    found = judge(to, await visit(to))
    assert found.state == "fail"
    assert "its certificate is not believed" in found.found.en
    assert "ca.crt" in found.advice.en


async def test_a_broker_by_another_name_is_not_believed(authority: Path, secured: Secured) -> None:
    to = proven(authority, secured.port, host="localhost")
    found = judge(to, await visit(to))
    assert found.state == "fail"
    assert "set broker.host to the name" in found.advice.en


async def test_a_broker_that_wants_a_certificate_and_gets_none_is_told(
    authority: Path, secured: Secured
) -> None:
    to = Broker(host=HOST, port=secured.port, ca=str(authority / "ca.crt"))
    found = judge(to, await visit(to))
    assert found.state == "fail"
    assert "certificate" in found.found.en + found.advice.en


async def test_no_tls_where_tls_is_spoken_and_the_other_way_round(
    authority: Path, secured: Secured, broker: Mosquitto
) -> None:
    plain = judge(Broker(port=secured.port), await visit(Broker(port=secured.port)))
    assert plain.state == "fail"
    assert plain.advice.en
    tls = proven(authority, broker.port)
    found = judge(tls, await visit(tls))
    assert found.state == "fail"
    assert found.advice.en


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[int]:
    """The port of a broker that asks for a password: ``right`` is vm-1's."""
    words, port = tmp_path / "words", free_port()
    tool = program("mosquitto_passwd")
    assert tool is not None
    subprocess.run([tool, "-c", "-b", words, "vm-1", "right"], check=True, capture_output=True)
    words.chmod(0o600)
    config = tmp_path / "m.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {words}\n"
        + ("user root\n" if os.geteuid() == 0 else ""),
        "utf-8",
    )
    running = Mosquitto(port, config)
    running.start()
    yield port
    running.stop()


async def test_a_wrong_password_is_told_with_the_keys_to_look_at(
    tmp_path: Path, guarded: int
) -> None:
    for told, state in (("wrong", "fail"), ("right", "ok")):
        (tmp_path / "secret").write_text(f"{told}\n", "utf-8")
        to = Broker(port=guarded, username="vm-1", password_file=str(tmp_path / "secret"))
        found = judge(to, await visit(to))
        assert found.state == state
        assert told not in found.found.en + found.advice.en
        if state == "fail":
            assert "refuses this machine: " in found.found.en
            assert found.advice in ADVICE.values()


async def test_a_door_that_is_no_broker_is_told() -> None:
    with socket.create_server((HOST, 0)) as door:
        to = Broker(port=door.getsockname()[1])
        visiting = asyncio.create_task(visit(to))
        loop = asyncio.get_running_loop()
        door.setblocking(False)
        connection, _ = await loop.sock_accept(door)
        connection.close()
        found = judge(to, await visiting)
    assert found.state == "fail"
    assert "closed the connection without an answer" in found.found.en


async def test_nobody_at_the_port_is_told() -> None:
    to = Broker(port=free_port())
    found = judge(to, await visit(to))
    assert found.state == "fail"
    assert "refused" in found.found.en


async def test_the_client_id_is_never_the_agent_s(broker: Mosquitto) -> None:
    from edge.wire.link import Link

    agent = Link(Broker(port=broker.port), "chekomat-vm-1", [], ("x", b""))
    agent.start()
    try:
        await until(lambda: agent.connected)
        seen = await visit(Broker(port=broker.port))
        assert seen.accepted
        assert agent.connected
    finally:
        await agent.stop()


@pytest.mark.parametrize("reason", sorted(ADVICE))
def test_every_reason_has_something_to_do(reason: str) -> None:
    found = judge(Broker(), Visit(answer=reason))
    assert found.state == "fail"
    assert reason in found.found.en
    assert found.advice.en


def test_a_far_broker_without_tls_is_warned_of() -> None:
    found = judge(Broker(host="mqtt.chek.example"), Visit(answer="Success", cloud=b""))
    assert found.state == "warn"
    assert "without TLS" in found.found.en


@pytest.mark.parametrize(
    ("link", "state", "told"),
    [
        (LinkStatus(broker="b:1", connected=True), "ok", "connected to b:1"),
        (
            LinkStatus(broker="b:1", last_error="refused: x"),
            "fail",
            "not connected to b:1: refused",
        ),
    ],
)
def test_a_running_agent_is_asked(link: LinkStatus, state: str, told: str) -> None:
    found = judge_told(Agent(runs=True, status=Status(link=link)))
    assert found.state == state
    assert told in found.found.en
    assert judge_told(Agent(runs=True)).state == "skipped"

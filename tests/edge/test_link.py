"""The link over a real broker, in both versions of MQTT, and over brokers that say no."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest
from parts import ROOT, Mosquitto, free_port, until

from edge.wire.link import (
    Connected,
    Disconnected,
    Happening,
    Incoming,
    Link,
    LinkLostError,
    LinkRefusedError,
)
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("mosquitto")
Version = Literal["5", "3.1.1"]
VERSIONS = pytest.mark.parametrize("mqtt", ["5", "3.1.1"])


class End:
    """One end of a link and all that happened there."""

    def __init__(self, broker: Broker, name: str, topics: Sequence[str]) -> None:
        self.link = Link(broker, name, topics, will=(f"gone/{name}", b"gone"))
        self.happened: list[Happening] = []
        self.acknowledges = True

    @property
    def messages(self) -> list[Incoming]:
        return [each for each in self.happened if isinstance(each, Incoming)]

    @property
    def texts(self) -> list[str]:
        return [each.payload.decode() for each in self.messages]

    def count(self, kind: type[Happening]) -> int:
        return sum(isinstance(each, kind) for each in self.happened)

    async def run(self) -> None:
        self.link.start()
        try:
            async for happening in self.link:
                self.happened.append(happening)
                if isinstance(happening, Incoming) and self.acknowledges:
                    happening.acknowledge()
        finally:
            await self.link.stop()


@asynccontextmanager
async def end(broker: Broker, name: str, *topics: str, connects: bool = True) -> AsyncIterator[End]:
    opened = End(broker, name, topics)
    running = asyncio.create_task(opened.run())
    try:
        if connects:
            await until(lambda: opened.link.connected)
        if connects and topics:
            # The broker takes things in order: once it has this, it knows the subscription.
            await opened.link.publish("listens", b"", 1)
        yield opened
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def ends(broker: Mosquitto) -> AsyncIterator[Callable[..., object]]:
    """Open ends that are closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_end(mqtt: Version, name: str, *topics: str) -> End:
            return await stack.enter_async_context(
                end(Broker(port=broker.port, mqtt=mqtt), name, *topics)
            )

        yield open_end


@VERSIONS
async def test_a_message_goes_from_one_end_to_the_other(ends: Callable, mqtt: Version) -> None:
    there = await ends(mqtt, "there", "a/+")
    here = await ends(mqtt, "here")
    await here.link.publish("a/1", "чек".encode(), 1)
    await here.link.publish("b/1", b"not for you", 1)
    await here.link.publish("a/2", b"last", 0)
    await until(lambda: len(there.messages) == 2)
    assert isinstance(there.happened[0], Connected)
    assert [(each.topic, each.payload.decode()) for each in there.messages] == [
        ("a/1", "чек"),
        ("a/2", "last"),
    ]


@VERSIONS
async def test_messages_come_in_the_order_they_were_sent(ends: Callable, mqtt: Version) -> None:
    there, here = await ends(mqtt, "there", "a"), await ends(mqtt, "here")
    for number in range(300):
        here.link.publish("a", str(number).encode(), 1)
    await until(lambda: len(there.messages) == 300)
    assert there.texts == [str(number) for number in range(300)]


@VERSIONS
async def test_who_comes_later_finds_what_is_retained(ends: Callable, mqtt: Version) -> None:
    here = await ends(mqtt, "here")
    await here.link.publish("a", b"first", 1, retain=True)
    await here.link.publish("a", b"now", 1, retain=True)
    there = await ends(mqtt, "there", "a")
    await until(lambda: there.messages)
    assert there.texts == ["now"]


@VERSIONS
async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(
    broker: Mosquitto, mqtt: Version
) -> None:
    where = Broker(port=broker.port, mqtt=mqtt)
    async with end(where, "here") as here:
        async with end(where, "there", "a") as there:
            there.acknowledges = False
            for text in (b"1", b"2", b"3"):
                await here.link.publish("a", text, 1)
            await until(lambda: len(there.messages) == 3)
            there.messages[0].acknowledge()
            there.messages[1].acknowledge()
            await here.link.publish("a", b"4", 1)
            await until(lambda: len(there.messages) == 4)
        async with end(where, "there", "a") as again:
            await until(lambda: len(again.messages) == 2)
            await here.link.publish("a", b"5", 1)
            await until(lambda: len(again.messages) == 3)
            assert again.texts == ["3", "4", "5"]


@VERSIONS
async def test_a_link_comes_back_after_its_broker_was_killed_and_listens_again(
    broker: Mosquitto, ends: Callable, mqtt: Version
) -> None:
    there, here = await ends(mqtt, "there", "a"), await ends(mqtt, "here")
    broker.kill()
    await until(lambda: not there.link.connected and not here.link.connected)
    broker.start()
    await until(lambda: there.link.connected and here.link.connected)
    await until(lambda: there.count(Connected) == 2)
    while not there.messages:  # the broker forgot the subscription: it is made again, some time
        await here.link.publish("a", b"again", 1)
    assert there.count(Disconnected) == 1


async def test_an_acknowledgement_of_an_earlier_connection_is_not_sent_in_a_later_one(
    broker: Mosquitto, ends: Callable
) -> None:
    """The killed broker numbers its messages anew: the old number is another message's now."""
    where, here = Broker(port=broker.port), await ends("5", "here")
    async with end(where, "there", "a") as there:
        there.acknowledges = False
        await here.link.publish("a", b"old", 1)
        await until(lambda: there.messages)
        broker.kill()
        await until(lambda: not there.link.connected and not here.link.connected)
        broker.start()
        await until(lambda: there.count(Connected) == 2 and here.link.connected)
        while len(there.messages) < 2:
            await here.link.publish("a", b"new", 1)
        there.messages[0].acknowledge()
    async with end(where, "there", "a") as again:
        await until(lambda: again.messages)
        await here.link.publish("a", b"last", 1)
        await until(lambda: again.texts[-1] == "last")
        assert again.texts[:-1].count("new") >= there.texts.count("new") > 0


@VERSIONS
async def test_what_no_broker_had_is_its_owner_s_again_and_is_not_sent_behind_his_back(
    broker: Mosquitto, ends: Callable, mqtt: Version
) -> None:
    here = await ends(mqtt, "here")
    broker.kill()
    await until(lambda: not here.link.connected)
    lost = here.link.publish("a", b"lost", 1, retain=True)
    broker.start()
    await until(lambda: here.link.connected)
    with pytest.raises(LinkLostError):
        await lost
    await here.link.publish("a", b"said again", 1, retain=True)
    there = await ends(mqtt, "there", "a")
    await until(lambda: there.messages)
    assert there.texts == ["said again"]


async def test_a_broker_that_is_not_there_yet_raises_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with caplog.at_level(logging.WARNING):
        async with end(Broker(port=port), "here", connects=False) as here:
            await until(lambda: "Connection refused; trying again" in caplog.text)
            config = tmp_path / "late.conf"
            config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", "utf-8")
            late = Mosquitto(port, config)
            late.start()
            try:
                await until(lambda: here.link.connected)
            finally:
                late.stop()


WILLING = """
import asyncio, sys
from edge.wire.link import Link
from edge.wire.settings import Broker
async def main():
    link = Link(Broker(port=int(sys.argv[1]), mqtt="3.1.1"), "child", [], will=("gone", b"dead"))
    link.start()
    await anext(aiter(link))
    await link.publish("born", b"alive", 1)
    if sys.argv[2] == "leave":
        await link.stop()
    else:
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["die", "leave"])
async def test_the_will_is_said_for_who_dies_and_not_for_who_leaves(
    broker: Mosquitto, ends: Callable, how: str
) -> None:
    there = await ends("5", "there", "born", "gone", "sync")
    command = [sys.executable, "-c", WILLING, str(broker.port), how]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    try:
        await until(lambda: there.texts == ["alive"], 30)  # a process has to start
        if how == "die":
            child.kill()
            await until(lambda: len(there.messages) == 2)
        else:
            await asyncio.wait_for(child.wait(), 10)
            await there.link.publish("sync", b"nothing else", 1)
            await until(lambda: len(there.messages) == 2)
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    assert there.texts[1] == {"die": "dead", "leave": "nothing else"}[how]


@pytest.fixture
def guarded(tmp_path: Path) -> Mosquitto:
    """A broker that lets nobody write to `forbidden`."""
    port = free_port()
    rules = tmp_path / "acl"
    rules.write_text("topic write allowed\ntopic read #\n", "utf-8")
    rules.chmod(0o600)
    config = tmp_path / "guarded.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {rules}\nuser root\n", "utf-8"
    )
    return Mosquitto(port, config)


async def test_a_message_the_broker_refuses_is_said_to_be_refused(
    guarded: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    guarded.start()
    try:
        async with end(Broker(port=guarded.port), "here") as here:
            await here.link.publish("allowed", b"", 1)
            with pytest.raises(LinkRefusedError, match="Not authorized"):
                await here.link.publish("forbidden", b"", 1)
            await here.link.publish("allowed", b"", 1)
    finally:
        guarded.stop()
    assert "the broker refused a message: Not authorized" in caplog.text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\x20\x02\x00\x01", 'this broker speaks no MQTT 5: set mqtt = "3.1.1" under [broker]'),
        (b"\x20\x03\x00\x86\x00", "refused: Bad user name or password; trying again"),
    ],
)
async def test_a_broker_that_says_no_is_told_with_what_to_do(
    caplog: pytest.LogCaptureFixture, answer: bytes, told: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, end(Broker(port=port), "here", connects=False) as here:
        await until(lambda: told in caplog.text)
        assert here.happened == []
    # Whoever was let in at the last moment is sent away as well: a line left open fails another's.
    listened_to = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]  # noqa: SLF001
    await until(lambda: len(asyncio.all_tasks()) == len(listened_to) == 1)


async def test_a_link_without_a_broker_stops_in_its_time() -> None:
    with socket.socket() as silent:  # takes connections and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for port in (free_port(), silent.getsockname()[1]):
            took_s = 5.0
            while took_s >= 5:  # again, where this machine stood still
                async with end(Broker(port=port), "here", connects=False):
                    await asyncio.sleep(0.05)
                    started = time.monotonic()
                took_s = time.monotonic() - started


def test_a_link_that_was_not_started_says_so() -> None:
    link = Link(Broker(), "here", [], will=("gone", b""))
    with pytest.raises(RuntimeError, match="the link was not started"):
        link.publish("a", b"", 1)


def test_a_password_that_is_no_text_is_an_error_at_once(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(OSError, match="password: it is no UTF-8 text"):
        Link(Broker(username="vm-1", password_file=str(file)), "here", [], will=("gone", b""))


@pytest.mark.parametrize(
    "changes", [{"username": "vm-1", "password_file": "none"}, {"ca": "none"}, {"ca": __file__}]
)
def test_a_file_of_credentials_that_cannot_be_read_is_an_error_at_once(
    changes: dict[str, str],
) -> None:
    with pytest.raises(OSError):  # noqa: PT011, ssl.SSLError is one as well
        Link(Broker(**changes), "here", [], will=("gone", b""))  # type: ignore[arg-type]

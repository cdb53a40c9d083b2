"""Both versions of MQTT, plain and TLS with a client certificate, a session resumed or new."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from deploy.secured import make_authority, secured_broker
from parts import Mosquitto, until
from shop import eventually, rows
from specimens import receipt
from street.living import MACHINE, OwnClock, Screen, sell
from street.mortal import Fuse, Mortal

from cloud.bell import Bell
from cloud.inbox import SUBSCRIPTIONS, Inbox
from cloud.store import Store
from cloud.store.schema import sale as sales
from edge.wire import (
    CLOUD_STATE,
    Channel,
    CloudState,
    Health,
    Sale,
    State,
    decode,
    encode,
    parse,
)
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

pytestmark = pytest.mark.needs("mosquitto", "openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    return folder


@contextmanager
def secure(authority: Path, mqtt: str) -> Iterator[tuple[Mosquitto, Broker, Broker]]:
    """A broker from deploy/'s own files; how the machine and the cloud reach it."""
    with secured_broker(authority) as secured:

        def reached_by(name: str) -> Broker:
            return Broker(
                host="127.0.0.1",
                port=secured.port,
                mqtt=mqtt,  # type: ignore[arg-type]
                ca=str(secured.ca),
                certificate=str(authority / f"{name}.crt"),
                key=str(authority / f"{name}.key"),
            )

        yield secured.broker, reached_by(f"machines/{MACHINE}"), reached_by("cloud")


class Cloud:
    """The real inbox on one link, and an ear for what is retained."""

    def __init__(self, store: Store, broker: Broker) -> None:
        self.states: list[State] = []
        self.health: list[Health] = []
        self.receipts: set[str] = set()
        self.connections = 0
        self.link = Link(
            broker,
            client_id="cloud",
            subscriptions=[*SUBSCRIPTIONS, Channel.HEALTH.of_all],
            will=(CLOUD_STATE, encode(CloudState(online=False))),
        )
        self._inbox = Inbox(store, self.link, Bell(), Bell(), Bell())

    async def run(self) -> None:
        storing = asyncio.ensure_future(self._inbox.run())
        try:
            async for happening in self.link:
                match happening:
                    case Connected():
                        self.connections += 1
                        here = encode(CloudState(online=True, instance=str(self.connections)))
                        self.link.publish(CLOUD_STATE, here, 1, retain=True)
                    case Incoming():
                        self._take(happening)
        finally:
            storing.cancel()
            await asyncio.wait([storing])  # else its connection's thread outlives the test's loop

    def _take(self, incoming: Incoming) -> None:
        match parse(incoming.topic):
            case (_, Channel.HEALTH):
                self.health.append(decode(incoming.payload, Health))
                incoming.acknowledge()
                return
            case (_, Channel.STATE):
                self.states.append(decode(incoming.payload, State))
            case (_, Channel.SALE):
                self.receipts.add(decode(incoming.payload, Sale).sale_id)
        self._inbox.take(incoming)


@pytest.mark.parametrize("resumed", [True, False], ids=["session-resumed", "broker-forgot"])
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("mqtt", ["5", "3.1.1"])
async def test_a_vend_gets_its_receipt_and_a_machine_is_known_again_after_a_break(
    broker: Mosquitto,
    authority: Path,
    store: Store,
    tmp_path: Path,
    mqtt: str,
    *,
    secured: bool,
    resumed: bool,
) -> None:
    plain = Broker(port=broker.port, mqtt=mqtt)  # type: ignore[arg-type]
    with secure(authority, mqtt) as (safe, machine_at, cloud_at):
        server = safe if secured else broker
        mine, theirs = (machine_at, cloud_at) if secured else (plain, plain)
        cloud, screen = Cloud(store, theirs), Screen()
        cloud.link.start()
        listening = asyncio.ensure_future(cloud.run())
        fuse = Fuse(tmp_path, tmp_path / "never")
        life = Mortal(tmp_path, MACHINE, mine, OwnClock(), fuse, displays={"screen": screen})
        try:
            await _a_sale(life, cloud, store, screen, 1)
            if resumed:
                cut(life)
            else:
                server.kill()
                server.start()
            births, healths = len(cloud.states), len(cloud.health)
            await until(lambda: life.link.connections == 2, 20)
            await until(lambda: any(each.online for each in cloud.states[births:]), 20)
            await until(lambda: len(cloud.health) > healths, 20)
            await _a_sale(life, cloud, store, screen, 2)
            assert [each.next_seq for each in cloud.states if each.online][-1] >= 1
            # And what a newcomer finds at the broker is of now. Where a certificate names the
            # client there is one `cloud`, so this one has to go first.
            await cloud.link.stop()
            async with a_newcomer(theirs) as told:
                await until(lambda: told.health and told.states and told.states[-1].online)
                if not resumed:
                    fuse.blown = True  # its power is cut
                    await life.bury()
                    await until(lambda: not told.states[-1].online, 20)  # its will
        finally:
            if not life.running.done():
                await life.bury()
            await cloud.link.stop()
            listening.cancel()
            await asyncio.wait([listening])


def cut(life: Mortal) -> None:
    """The cable: no DISCONNECT, and the broker keeps the session."""
    sock = life.link._client.socket()  # noqa: SLF001, a cable has no handle
    assert sock is not None
    sock.shutdown(socket.SHUT_RDWR)


async def _a_sale(life: Mortal, cloud: Cloud, store: Store, screen: Screen, seq: int) -> None:
    """To the inbox, acknowledged, and its receipt to the screen."""
    await until(lambda: life.agent.uplink.cloud_online, 20)
    sell(life)

    async def stored() -> bool:
        return len(await rows(store, sa.select(sales.c.sale_id))) == seq

    await eventually(stored, 20)
    await until(lambda: life.outbox.pending()[0] == 0)
    kept = life.outbox.last_sale()
    assert kept is not None
    told = receipt(kept[0])
    cloud.link.publish(Channel.RECEIPT.of(MACHINE), encode(told), 1)
    await until(lambda: screen.kinds[-1] == "ready")
    await until(lambda: life.outbox.receipt(told.sale_id) == told)


@dataclass
class Newcomer:
    """Somebody who was not there, and hears what is retained."""

    states: list[State] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)

    async def listen(self, link: Link) -> None:
        async for happening in link:
            if isinstance(happening, Incoming):
                match parse(happening.topic):
                    case (_, Channel.STATE):
                        self.states.append(decode(happening.payload, State))
                    case (_, Channel.HEALTH):
                        self.health.append(decode(happening.payload, Health))


@asynccontextmanager
async def a_newcomer(broker: Broker) -> AsyncIterator[Newcomer]:
    link = Link(broker, "newcomer", [Channel.STATE.of_all, Channel.HEALTH.of_all], ("x", b""))
    told = Newcomer()
    link.start()
    listening = asyncio.ensure_future(told.listen(link))
    try:
        yield told
    finally:
        await link.stop()
        listening.cancel()
        await asyncio.wait([listening])

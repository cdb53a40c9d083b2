"""A sale, a fleet that sells it, a register over real HTTP, a machine and a cloud."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler
from parts import Mosquitto, until
from till import INN, MACHINE, RECEIPT, a_server

from cloud import fleet as fleets
from cloud.bell import Bell
from cloud.clock import SinceBoot
from cloud.config import Config
from cloud.emulators.cloudkassir import CloudKassir as Emulator
from cloud.emulators.cloudkassir import Settings as Told
from cloud.emulators.drive import Drive
from cloud.fiscal import FiscalDocument
from cloud.fiscalization import State
from cloud.fleet import Machine, Operator, Planogram, Product, Shelf, Site
from cloud.fleet import Register as Account
from cloud.inbox import SUBSCRIPTIONS, Inbox
from cloud.intake import Disposition, Placed, place
from cloud.lane import Lane
from cloud.outcome import Outcome
from cloud.placer import Placer
from cloud.providers import Provider
from cloud.providers.cloudkassir import CloudKassir, Settings
from cloud.registers import Opened
from cloud.replies import Replies
from cloud.store import Store, claims, fleet, history, receipts, sales
from cloud.store.sales import Arrival, Kept
from cloud.store.schema import attempt, incident, lane, receipt
from cloud.web.hooks import Hooks
from edge.wire import CLOUD_STATE, Ack, Channel, CloudState, Noted, Sale, decode, encode, parse
from edge.wire import Receipt as WireReceipt
from edge.wire import State as WireState
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

__all__ = ["INN", "MACHINE", "RECEIPT", "a_server"]

EPOCH = "7f3a9c1e"
ASKED = msgspec.structs.replace(RECEIPT, place='ТЦ "Ромашка", 1 этаж')
"""The receipt of the ordinary sale, in the letters of a cash register."""
SECRET = "tell nobody"
NOW = datetime(2026, 11, 23, 15, 42, 11, tzinfo=UTC)
NOON = "20261123T1542"
SETTINGS = {"public_id": "demo", "secret_file": "/dev/null", "rate_per_s": 10_000}

OPERATOR = Operator(
    id="coffee",
    name="ООО «Кофе на ходу»",
    inn=INN,
    taxation="usn_income",
    email="checks@coffee.example",
    policies=fleets.Policies(late="receipt"),
)
PRODUCTS = (
    Product(id="cappuccino", operator="coffee", name=RECEIPT.name, vat="standard"),
    Product(id="tea", operator="coffee", name="Чай", vat="none"),
    Product(id="espresso", operator="coffee", name="Эспрессо", vat="10"),
    Product(id="paper", operator="coffee", name="Газета", vat="5"),
)
SHELVES = tuple(
    Shelf(operator="coffee", planogram="hot", slot=slot, product=product)
    for slot, product in {"0001": "cappuccino", "0002": "tea", "0005": "paper"}.items()
)
MACHINE_AT_WORK = Machine(
    id=MACHINE,
    operator="coffee",
    register="main",
    planogram="hot",
    address=RECEIPT.address,
    place=RECEIPT.place,
)
SITE = Site(
    machine=MACHINE_AT_WORK,
    operator=OPERATOR,
    ffd="1.05",
    shelves={shelf.slot: (shelf,) for shelf in SHELVES},
    products={product.id: product for product in PRODUCTS},
)
Thing = Operator | Account | Planogram | Product | Shelf | Machine


def a_fleet(*more: Thing) -> list[Thing]:
    """One operator with a register, a planogram and a machine; and what is told beside."""
    return [
        OPERATOR,
        Account(id="main", operator="coffee", provider="cloudkassir", settings=dict(SETTINGS)),
        Planogram(id="hot", operator="coffee"),
        *PRODUCTS,
        *SHELVES,
        MACHINE_AT_WORK,
        *more,
    ]


async def stock(store: Store, *things: Thing) -> None:
    """Put things into the fleet."""
    async with store.transaction() as connection:
        for each in things:
            await fleet.put(connection, each, "test", now_ms())


async def stocked(store: Store) -> None:
    """The ordinary fleet, unless there is one."""
    async with store.reading() as connection:
        version = await fleet.version(connection)
    if not version:
        await stock(store, *a_fleet())


def id_of(number: int) -> str:
    return f"0193a5d2-7c1e-7b54-9d0e-{number:012x}"


def token_of(number: int) -> str:
    return f"k7q2m9x4{number:08d}"


def a_sale(number: int = 1, **told: object) -> Sale:
    """The machine's sale of this number; what is told differs from the ordinary."""
    ordinary = Sale(
        sale_id=id_of(number),
        machine=MACHINE,
        epoch=EPOCH,
        seq=number,
        sold_at="2026-11-23T15:42:10.512Z",
        clock="synced",
        boot_id="0b6c",
        boottime_ms=512345678,
        item="0001",
        kind="paid",
        amount=12010,
        currency="RUB",
        tenders=(),
        confidence="confirmed",
        token=token_of(number),
    )
    return msgspec.structs.replace(ordinary, **told)


def a_document(fd: int = 1, total: int = 12010, fn: str = "9999078900000001") -> FiscalDocument:
    return FiscalDocument(fn=fn, fd=fd, fp=3141592653, at=NOON, total=total)


def a_config(**told: object) -> Config:
    """What is told differs from the ordinary."""
    ordinary = {"database": "unused.sqlite", "public_url": "https://receipts.example"}
    return msgspec.convert({**ordinary, **told}, Config)


def arrival(told: Sale, disposition: Disposition, operator: str | None = None) -> Arrival:
    return Arrival(told.machine, told, encode(told).decode(), disposition, operator)


async def sell(store: Store, *told: Sale, site: Site | None = SITE) -> list[Kept]:
    """Store sales as the inbox does."""
    await stocked(store)
    async with store.transaction() as connection:
        whose = site and site.operator.id
        arrivals = [arrival(each, place(each, site, NOW), whose) for each in told]
        return await sales.keep(connection, arrivals, now_ms())


def placed(told: Sale, register: str = "main") -> Arrival:
    disposition = place(told, SITE, NOW)
    assert isinstance(disposition, Placed)
    return arrival(told, Placed(disposition.receipt, register))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def rows(store: Store, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    async with store.transaction() as connection:
        return (await connection.execute(query)).all()


async def write(store: Store, change: sa.UpdateBase) -> None:
    async with store.transaction() as connection:
        await connection.execute(change)


async def hurry(store: Store) -> None:
    """Let everything be due now. What another is at is passed by: it may want what we have."""
    ours = (receipt.c.sale_id, receipt.c.purpose)
    free = sa.select(*ours).order_by(*ours).with_for_update(skip_locked=True)
    async with store.transaction() as connection:
        found = [tuple(row) for row in await connection.execute(free)]
        due = sa.update(receipt).where(sa.tuple_(*ours).in_(found)).values(next_at=0)
        await connection.execute(due)


async def states(store: Store) -> dict[str, str]:
    """Each receipt's state by its sale."""
    return {row.sale_id: row.state for row in await rows(store, sa.select(receipt))}


async def the_receipt(store: Store, sale_id: str = RECEIPT.sale_id) -> Any:  # noqa: ANN401, a row
    (row,) = await rows(store, sa.select(receipt).where(receipt.c.sale_id == sale_id))
    return row


BOOT = SinceBoot("0b6c", 1000)


async def leave(
    store: Store, register: str = "main", at: int = 0, body: str = "body", who: str = "lane"
) -> list[str]:
    """Write down, as a lane does, that all leaves that waits or may have been sent; its keys."""
    now = at or now_ms()
    async with store.transaction() as connection:
        jobs = [
            *await claims.to_send(connection, register, now, 50, live_first=True),
            *await claims.to_ask(connection, register, now, 50),
        ]
        told = [(job, body) for job in jobs]
        await claims.intend(connection, told, register, who, now, BOOT, now)
    return [job.key for job in jobs]


async def hear(  # noqa: PLR0917, who says what of which key
    store: Store,
    outcome: Outcome,
    key: str = RECEIPT.sale_id,
    register: str = "main",
    at: int = 0,
    who: str = "lane",
) -> State | None:
    """Write down what was said of a key; the state of its receipt then, None if it is not ours."""
    async with store.transaction() as connection:
        said = [receipts.Told(key, outcome, register)]
        return (await receipts.record(connection, said, who, at or now_ms())).get(key)


async def the_attempts(store: Store, number: int = 1) -> list[Any]:
    """The keys of a sale, in the order of their numbers."""
    of_sale = sa.select(attempt).where(attempt.c.sale_id == id_of(number))
    return list(await rows(store, of_sale.order_by(attempt.c.purpose, attempt.c.number)))


async def story(store: Store, number: int = 1) -> list[str]:
    """The states that a sale went through, as its history has them."""
    async with store.reading() as connection:
        return [each.state for each in await history.of(connection, id_of(number))]


async def incidents(store: Store) -> list[str]:
    return [row.kind for row in await rows(store, sa.select(incident).order_by(incident.c.id))]


async def eventually(condition: Callable[[], Awaitable[object]], patience_s: float = 20) -> None:
    """`until`, of what has to be asked for."""
    async with asyncio.timeout(patience_s):
        while not await condition():
            await asyncio.sleep(0.005)


@dataclass
class Register:
    """A CloudKassir account: the emulator on loopback, our client of it, its pushes to our hook."""

    url: str
    emulator: Emulator
    http: aiohttp.ClientSession
    folder: Path
    due: Bell = field(default_factory=Bell)
    news: Bell = field(default_factory=Bell)
    hears: asyncio.Event = field(default_factory=asyncio.Event)
    """A push that comes before it is set waits for it, unanswered."""

    def client(self, secret: str = SECRET, timeout_s: float = 5, url: str = "") -> CloudKassir:
        file = self.folder / f"{secret.replace(' ', '-')}.secret"
        file.write_text(secret, "utf-8")
        told = {"url": url or self.url, "timeout_s": timeout_s, "secret_file": str(file)}
        return CloudKassir(self.http, msgspec.convert({**SETTINGS, **told}, Settings))

    def opened(self, provider: Provider | None = None, **told: object) -> Opened:
        account = msgspec.convert({**SETTINGS, "url": self.url, **told}, Settings)
        register = Account(
            id="main", operator="coffee", provider="cloudkassir", settings=dict(SETTINGS)
        )
        return Opened(register, account, provider or self.client())

    async def fault(self, name: str, times: int = 1) -> None:
        await self.control({"fault": name, "times": times})

    async def control(self, order: Mapping[str, object]) -> None:
        async with self.http.post(f"{self.url}/control", json=order) as answer:
            assert answer.status == 200, await answer.text()

    async def ledger(self) -> list[dict[str, Any]]:
        """Every document ever made: the judge."""
        async with self.http.get(f"{self.url}/ledger") as answer:
            told: list[dict[str, Any]] = await answer.json()
            return told

    async def keys(self) -> list[str]:
        return [document["key"] for document in await self.ledger()]

    @asynccontextmanager
    async def at_work(
        self,
        store: Store,
        provider: Provider | None = None,
        owner: str = "one",
        *,
        stop_s: float = 0.1,
        **told: object,
    ) -> AsyncIterator["asyncio.Task[None]"]:
        """A process that works this register's lane until the block ends, and `stop_s` longer for
        an answer that is on its way."""
        opened = self.opened(provider, **told)
        async with getattr(store, "_inner", store).reading() as connection:
            # As the fleet has it by now: a lane works no other.
            known = await fleet.get(connection, Account, "main")
        opened = replace(opened, register=known or opened.register)
        work = Lane(store, opened, owner, self.due, self.news, stop_s=stop_s)
        task = asyncio.ensure_future(work.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def settle(self, store: Store, *wanted: str, provider: Provider | None = None) -> None:
        """Work until every receipt is in one of these states. No wait is waited for."""
        hold = sa.update(lane).values(hold_until=0)
        async with self.at_work(store, provider) as task, asyncio.timeout(20):
            while not set((await states(store)).values()) <= set(wanted):
                assert not task.done(), task
                await hurry(store)
                await write(store, hold)
                self.due.ring()
                await asyncio.sleep(0.01)


@asynccontextmanager
async def a_register(
    store: Store | None, *, pushes: bool, port: int = 0
) -> AsyncIterator[Register]:
    hears = asyncio.Event()
    hears.set()

    @web.middleware
    async def once_it_hears(request: web.Request, handler: Handler) -> web.StreamResponse:
        await hears.wait()
        return await handler(request)

    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        opened, due, news, webhook = dict[str, Opened](), Bell(), Bell(), None
        if store is not None and pushes:
            hook = web.Application(middlewares=[once_it_hears])
            hook.add_routes(Hooks(store, opened, due, news).routes())
            hooks = await stack.enter_async_context(TestServer(hook))
            webhook = str(hooks.make_url("/hook/main"))
        account = Told("demo", SECRET, inn=INN, webhook=webhook)
        emulator = Emulator(account, Drive(None))
        server = TestServer(emulator.app(), port=port or None)
        await stack.enter_async_context(server)
        url = str(server.make_url("")).rstrip("/")
        running = Register(url, emulator, http, folder, due, news, hears)
        opened["main"] = running.opened()
        yield running


M = TypeVar("M")
ECHO = f"test/{MACHINE}/echo"
HEARD = {Channel.ACK: Ack, Channel.RECEIPT: WireReceipt, Channel.NOTED: Noted}


@dataclass
class Peer:
    """A machine as the broker sees it: says what it is told to, and keeps what it hears."""

    link: Link
    messages: list[object] = field(default_factory=list)
    connections: int = 0
    """How often it was connected and its subscriptions were in force."""

    async def listen(self) -> None:
        async for happening in self.link:
            match happening:
                case Connected():
                    # The broker takes things in order: once this is back, it has subscribed.
                    self.send(ECHO, b"")
                case Incoming(topic) if topic == ECHO:
                    self.connections += 1
                case Incoming(topic, payload):
                    addressed = parse(topic)
                    assert addressed is not None
                    self.messages.append(decode(payload, HEARD[addressed[1]]))
                    happening.acknowledge()

    def say(self, told: Sale) -> None:
        self.send(Channel.SALE.of(MACHINE), encode(told))

    def send(self, topic: str, payload: bytes) -> None:
        self.link.publish(topic, payload, 1)

    def heard(self, kind: type[M]) -> list[M]:
        return [each for each in self.messages if isinstance(each, kind)]


@asynccontextmanager
async def a_machine(broker: Mosquitto, client_id: str = MACHINE) -> AsyncIterator[Peer]:
    link = Link(
        Broker(port=broker.port),
        client_id=client_id,
        subscriptions=[ECHO, *(channel.of(MACHINE) for channel in HEARD)],
        will=(Channel.STATE.of(MACHINE), encode(WireState(online=False))),
    )
    peer = Peer(link)
    link.start()
    listening = asyncio.ensure_future(peer.listen())
    await until(lambda: peer.connections)
    try:
        yield peer
    finally:
        await link.stop()
        listening.cancel()
        await asyncio.wait([listening])


@dataclass
class Cloud:
    """Inbox and replies at work; `news` wakes the replies."""

    work: "asyncio.Future[Any]"
    news: Bell


@asynccontextmanager
async def a_cloud(
    store: Store, broker: Mosquitto, config: Config | None = None, *, connected: bool = True
) -> AsyncIterator[Cloud]:
    """The cloud's ears and mouth, joined as the application joins them."""
    config = config or a_config()
    due, news, stuck = Bell(), Bell(), Bell()
    link = Link(
        Broker(port=broker.port),
        client_id="chekomat-cloud",
        subscriptions=SUBSCRIPTIONS,
        will=(CLOUD_STATE, encode(CloudState(online=False))),
    )
    inbox = Inbox(store, link, due, news, stuck)

    subscribed = asyncio.Event()

    async def follow() -> None:
        async for happening in link:
            match happening:
                case Connected():
                    link.publish(CLOUD_STATE, encode(CloudState(online=True)), 1)
                case Incoming(topic):
                    if topic == CLOUD_STATE:
                        # Its own birth came back: what machines say will come as well.
                        subscribed.set()
                    inbox.take(happening)

    link.start()
    parts = [
        inbox.run(),
        follow(),
        Placer(store, due, stuck, look_s=0.2).run(),
        Replies(config, store, link, news).run(),
    ]
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        if connected:
            async with asyncio.timeout(10):
                await subscribed.wait()
        yield Cloud(tasks[0], news)
    finally:
        await link.stop()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

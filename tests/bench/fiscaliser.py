"""The fiscaliser: sales from MQTT to reply, beside a job queue that does nothing and bare inserts.

PostgreSQL with its own defaults (each commit is flushed), mosquitto, the emulator at zero delay and
the fiscaliser, all on this computer. procrastinate runs an empty job with the same concurrency in
the same database server; its jobs are there before its clock starts.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import procrastinate
import psycopg
from figure import Figure
from parts import free_port, mosquitto
from postgres import DURABLE, SETTINGS, Cluster, cluster

from cloud.clock import now_ms
from cloud.demo.processes import python, run, until_it_answers
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import Store, claims, fleet, migrate
from edge.wire import Ack, Channel, Receipt, ReceiptAck, Sale, decode, encode, parse
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

ROUNDS = 3
SALES = 4000
MACHINES = 20
CONCURRENCY = 200
WINDOW = 300
"""Sales on their way to being stored; the broker keeps a thousand messages for a slow reader."""
INSERTS = 20_000
FEW = 1_000
FINISHED = (1_000_000, 5_000_000)
OPEN = 1_000
CLAIMS = 300


def measure_fiscaliser() -> Iterator[Figure]:
    with cluster(DURABLE) as server:
        # In turns, so that a neighbour of this computer disturbs both.
        rounds = [_round(server) for _ in range(ROUNDS)]
        inserts = _inserts(server)
    rates, jobs, memories = zip(*rounds, strict=True)
    rate, memory = statistics.median(rates), statistics.median(memories)
    yield Figure(
        "sales from MQTT to reply",
        rate,
        statistics.median(jobs),
        "a second",
        "procrastinate, an empty job",
        "3 times its rate",
    )
    yield Figure("the same", rate, inserts, "a second", "bare batched inserts of a sale's rows")
    yield Figure("fiscaliser, memory under that load", memory, _bare_rss(), "MB", "a bare Python")
    # Whatever has to be tidied up after so many rows at once is no part of a claim.
    with cluster({**SETTINGS, "autovacuum": "off"}) as server:
        yield from _claims(server)


def _round(server: Cluster) -> tuple[float, float, float]:
    """Sales a second, jobs a second, and the fiscaliser's memory in MB."""
    rate, memory = asyncio.run(_chain(server))
    jobs = asyncio.run(_jobs(server))
    _say(f"{rate:.0f} sales a second, {jobs:.0f} jobs a second")
    return rate, jobs, memory


async def _chain(server: Cluster) -> tuple[float, float]:
    """Sales a second, and the fiscaliser's memory in MB."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(server.database())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(mosquitto(folder))
        public, cabinet, emulator = free_port(), free_port(), free_port()
        (folder / "secret").write_text("not a secret", "utf-8")
        toml = folder / "cloud.toml"
        toml.write_text(
            f'database = "{url}"\nlisten = "127.0.0.1:{public}"\ncabinet = "127.0.0.1:{cabinet}"\n'
            f'public_url = "http://127.0.0.1:{public}"\n[broker]\nport = {broker.port}\n',
            "utf-8",
        )
        await _stock(url, folder, emulator)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        emulate = python(
            *("cloud", "emulate", "cloudkassir", "--listen", f"127.0.0.1:{emulator}"),
            *("--secret-file", str(folder / "secret")),
            *("--webhook", f"http://127.0.0.1:{public}/hook/main"),
        )
        await stack.enter_async_context(run("emulator", emulate))
        await until_it_answers(http, f"http://127.0.0.1:{emulator}/ledger")
        serving = await stack.enter_async_context(
            run("cloud", python("cloud", "serve", "--config", str(toml)))
        )
        await until_it_answers(http, f"http://127.0.0.1:{public}/healthz")
        async with _machines(broker.port) as fleet_of:
            await fleet_of.sell(MACHINES)  # what is done once is done
            rate = await fleet_of.sell(SALES)
        memory = _rss(serving.pid)
        async with http.get(f"http://127.0.0.1:{emulator}/ledger") as answer:
            documents = await answer.json()
        assert len(documents) == len({each["key"] for each in documents}) == SALES + MACHINES
    return rate, memory


async def _stock(url: str, folder: Path, emulator: int) -> None:
    migrate(url)
    store = Store(url)
    settings = {
        "url": f"http://127.0.0.1:{emulator}",
        "public_id": "demo",
        "secret_file": str(folder / "secret"),
        "rate_per_s": 10_000,
    }
    things = [
        Operator(id="coffee", name="ООО «Кофе»", inn="7708806062", taxation="usn_income"),
        Register(id="main", operator="coffee", provider="cloudkassir", settings=settings),
        Planogram(id="hot", operator="coffee"),
        Product(id="tea", operator="coffee", name="Чай"),
        Shelf(operator="coffee", planogram="hot", slot="0001", product="tea"),
        *(
            Machine(
                id=f"vm-{number:06d}",
                operator="coffee",
                register="main",
                planogram="hot",
                address="г. Москва, ул. Примерная, д. 1",
                place="1 этаж",
            )
            for number in range(MACHINES)
        ),
    ]
    async with store.transaction() as connection:
        for thing in things:
            await fleet.put(connection, thing, "bench", now_ms())
    await store.close()


class _Fleet:
    """Machines at one connection: sell, and say that a receipt is there."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._sold = 0
        self._stored = dict[str, int]()
        self._bodies = dict[tuple[str, int], bytes]()
        self._receipts = set[str]()
        self._moved = asyncio.Event()
        self.connected = asyncio.Event()

    async def hear(self) -> None:
        async for happening in self._link:
            match happening:
                case Connected():
                    self.connected.set()
                case Incoming(topic, payload):
                    happening.acknowledge()
                    self._take(topic, payload)

    def _take(self, topic: str, payload: bytes) -> None:
        addressed = parse(topic)
        assert addressed is not None
        machine, channel = addressed
        if channel is Channel.ACK:
            self._acknowledged(machine, decode(payload, Ack))
        else:
            told = decode(payload, Receipt)
            if told.status == "issued":
                self._receipts.add(told.sale_id)
            heard = encode(ReceiptAck(sale_id=told.sale_id, rev=told.rev))
            self._link.publish(Channel.RECEIPT_ACK.of(machine), heard, 1)
        self._moved.set()

    def _acknowledged(self, machine: str, ack: Ack) -> None:
        """What the broker dropped is missing: it is said again, as a machine does."""
        for seq in ack.missing:
            if (body := self._bodies.pop((machine, seq), None)) is not None:
                self._link.publish(Channel.SALE.of(machine), body, 1)
        self._stored[machine] = ack.upto - len(ack.missing)

    async def sell(self, count: int) -> float:
        """Sell so many, as fast as they are stored; receipts a second."""
        began, goal = time.perf_counter(), len(self._receipts) + count
        for _ in range(count):
            while self._sold - sum(self._stored.values()) >= WINDOW:
                await self._move()
            machine = self._sold % MACHINES
            sale = _sale(machine, self._sold // MACHINES + 1, self._sold)
            self._sold += 1
            self._bodies[sale.machine, sale.seq] = encode(sale)
            self._link.publish(Channel.SALE.of(sale.machine), encode(sale), 1)
        while len(self._receipts) < goal:
            await self._move()
        return count / (time.perf_counter() - began)

    async def _move(self) -> None:
        self._moved.clear()
        async with asyncio.timeout(60):
            await self._moved.wait()


@asynccontextmanager
async def _machines(port: int) -> AsyncIterator[_Fleet]:
    topics = [Channel.ACK.of_all, Channel.RECEIPT.of_all]
    link = Link(Broker(port=port), "machines", topics, ("bench/will", b""))
    machines = _Fleet(link)
    hearing = asyncio.ensure_future(machines.hear())
    link.start()
    await machines.connected.wait()
    try:
        yield machines
    finally:
        await link.stop()
        hearing.cancel()


def _sale(machine: int, seq: int, number: int) -> Sale:
    return Sale(
        sale_id=f"0193a5d2-7c1e-7b54-9d0e-{number:012x}",
        machine=f"vm-{machine:06d}",
        epoch="7f3a9c1e",
        seq=seq,
        sold_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        clock="synced",
        boot_id="0b6c",
        boottime_ms=number,
        item="0001",
        kind="paid",
        amount=12000,
        currency="RUB",
        tenders=(),
        confidence="confirmed",
        token=f"k7q2m9x4{number:08d}",
    )


async def _jobs(server: Cluster) -> float:
    """procrastinate's empty jobs a second."""
    with server.database() as url:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=10))

        @app.task(name="nothing")
        async def nothing(number: int) -> None:
            pass

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await nothing.batch_defer_async(*({"number": each} for each in range(SALES)))
            began = time.perf_counter()
            await app.run_worker_async(
                concurrency=CONCURRENCY, wait=False, install_signal_handlers=False
            )
            took = time.perf_counter() - began
        with psycopg.connect(url) as connection:
            done = connection.execute(
                "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
            ).fetchone()
    assert done == (SALES,)
    return SALES / took


def _inserts(server: Cluster) -> float:
    """A sale, its receipt and its attempt as bare rows, two hundred sales a commit."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for table in ("sale", "receipt", "attempt"):
            connection.execute(f"CREATE TABLE {table} (id text PRIMARY KEY, body text)")  # type: ignore[arg-type, unused-ignore]
        body = "x" * 500
        began = time.perf_counter()
        for first in range(0, INSERTS, 200):
            rows = [(f"{number}", body) for number in range(first, first + 200)]
            with connection.transaction(), connection.cursor() as cursor:
                for table in ("sale", "receipt", "attempt"):
                    cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s)", rows)  # type: ignore[arg-type, unused-ignore]
        return INSERTS / (time.perf_counter() - began)


def _claims(server: Cluster) -> Iterator[Figure]:
    """Milliseconds of a claim, p50, by how many sales are finished; beside a thousand of them."""
    with server.database() as small, server.database() as large:
        for url in (small, large):
            asyncio.run(_stock(url, Path("/dev"), 1))
            _fill(url, "waiting", 10**9, OPEN)
        _fill(small, "issued", 0, FEW)
        there = 0
        for finished in FINISHED:
            _fill(large, "issued", there, finished - there)
            there = finished
            took, beside = asyncio.run(_claimed(large, small))
            name = f"claim, {finished:,} finished".replace(",", " ")
            yield Figure(name, took, beside, "ms", f"with {FEW} finished", "flat within 1.5")


async def _claimed(*urls: str) -> list[float]:
    """Milliseconds of a claim in each of these databases, in turns."""
    stores = [Store(url) for url in urls]
    times: list[list[float]] = [[] for _ in stores]
    for number in range(CLAIMS):
        for store, took in zip(stores, times, strict=True):
            async with store.transaction() as connection:
                began = time.perf_counter()
                live_first = number % 2 == 0
                due = await claims.to_send(connection, "main", now_ms(), 20, live_first=live_first)
                await claims.to_ask(connection, "main", now_ms(), 20)
                took.append(1000 * (time.perf_counter() - began))
                assert len(due) == 20
    for store in stores:
        await store.close()
    return [statistics.median(each) for each in times]


_SALE = (
    "INSERT INTO sale (sale_id, machine, epoch, seq, token, body, received_at, disposition)"
    " SELECT {id}, 'vm-000000', 'e', n, 't' || n, '{{}}', n, 'receipt'"
)
_RECEIPT = (
    "INSERT INTO receipt (sale_id, purpose, machine, register, request, state, born_at, next_at,"
    " fn, fd, fp, registered_at, total) SELECT {id}, 'income', 'vm-000000', 'main',"
    " replace('{request}', '\"0\"', '\"' || {id} || '\"'),"
    " '{state}', n, n, {document}"
)
_ATTEMPT = (
    "INSERT INTO attempt (key, sale_id, purpose, number, register, body, first_sent_at, verdict)"
    " SELECT {id}, {id}, 'income', 0, 'main', '{{}}', n, 'done'"
)


def _fill(url: str, state: str, past: int, count: int) -> None:
    """So many sales of this state, as rows."""
    request = json.dumps(_REQUEST)
    document = "'9999', n, 1, 't', 1" if state == "issued" else "NULL, NULL, NULL, NULL, NULL"
    orders = [_SALE, _RECEIPT, *([_ATTEMPT] if state == "issued" else [])]
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(past, past + count, 250_000):
            last = min(first + 250_000, past + count)
            for order in orders:
                told = order.format(
                    id="lpad(n::text, 36, '0')", request=request, state=state, document=document
                )
                rows = f" FROM generate_series({first + 1}, {last}) AS n"
                connection.execute(told + rows)  # type: ignore[arg-type, unused-ignore]
            _say(f"{last - past:,} sales {state}".replace(",", " "))
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")


def _say(progress: str) -> None:
    sys.stderr.write(f"  {progress}\n")


_REQUEST = {
    "sale_id": "0",
    "purpose": "income",
    "inn": "7708806062",
    "taxation": 1,
    "machine": "vm-000000",
    "address": "a",
    "place": "b",
    "name": "tea",
    "subject": 1,
    "vat": 6,
    "amount": 12000,
    "cash": 0,
    "cashless": 12000,
}


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def _bare_rss() -> float:
    """Of a Python that does nothing."""
    told = subprocess.run(
        [sys.executable, "-c", "print(open('/proc/self/status').read())"],
        check=True,
        capture_output=True,
        text=True,
    )
    line = next(each for each in told.stdout.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

"""Everybody: machines with their gateways, a broker, two clouds on one PostgreSQL, registers.

Nobody speaks to another but over a wire that may be cut (`wires.py`); only what reads the ledgers in
the end goes there directly.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from end_to_end.chaos.buyers import SLOTS, Buyers, PatientPort, confirmed
from end_to_end.chaos.ledgers import product_in
from end_to_end.chaos.part import Part
from end_to_end.chaos.registers import INN, Account, kinds
from end_to_end.chaos.wires import Network, Wire, network
from parts import free_port, program, python, wait_for_port
from postgres import SETTINGS, Cluster, cluster
from street.gateway import PATIENCE_S

from cloud.demo import settings
from cloud.demo.places import Places
from cloud.fleet import Machine, Operator, Planogram, Product, Register, Shelf
from cloud.store import Store, fleet

MACHINES: Final = 3
CLOUDS: Final = 2
PAUSE_S: Final = 0.5
"""Between two buyers at most."""
COMMITTED: Final = {**SETTINGS, "synchronous_commit": "on"}
"""What was committed outlives the server's death, though not the computer's."""
DATABASE: Final = "chaos"


class Corner:
    """One machine, its buyers, its gateway and its register."""

    def __init__(self, town: "Town", place: int, account: Account, broker: Wire) -> None:
        folder = town.folder
        self.number = account.number
        self.id = f"vm-{place:06d}"
        self.account = account
        self.emulator = account.part(town.public[place % CLOUDS])
        self.port = PatientPort()
        self.buyers = Buyers(self.port, town.seed * MACHINES + place, PAUSE_S)
        self.outbox = folder / self.id / "outbox.sqlite"
        config = folder / f"{self.id}.toml"
        mqtt = town.chance.choice(("5", "3.1.1"))
        config.write_text(
            f'machine = "{self.id}"\ntap = "lines:{self.port.name}"\ndata = "{folder / self.id}"\n'
            f'[broker]\nport = {broker.port}\nmqtt = "{mqtt}"\n[receipts]\nqr = "fiscal"\n',
            "utf-8",
        )
        run = python("edge", "run", "--config", str(config))
        self.edge = Part(f"edge {self.id}", run, folder)

    def open(self) -> None:
        """Start the gateway, and the machine when somebody listens to it."""
        self.edge.start()
        deadline = time.monotonic() + PATIENCE_S
        while not self.port.listened_to_by(self.edge.pid):
            assert time.monotonic() < deadline, f"nobody listens\n{self.edge.last_lines()}"
            time.sleep(0.01)
        self.buyers.power_on()


class Town:
    """All of them, and what was done to them."""

    def __init__(self, folder: Path, seed: int, server: Cluster, wires: Network) -> None:
        self.folder = folder
        self.seed = seed
        self.chance = random.Random(seed)
        self.server = server
        self.network = wires
        self.began = time.monotonic()
        self.story: list[str] = []
        self.faults: Counter[str] = Counter()
        self.ordered: Counter[str] = Counter()
        """Refusals, by the machine's number."""
        self.broken: list[str] = []
        self.broker_port = free_port()
        self.broker_memory = folder / "mosquitto.db"
        self.broker = self._broker()
        self.public = [free_port() for _ in range(CLOUDS)]
        self.clouds = [self._cloud(place) for place in range(CLOUDS)]
        self.corners = [
            Corner(self, place, account, wires.wire(f"edge {place} - broker", self.broker_port))
            for place, account in enumerate(self._accounts(), 1)
        ]
        self.registers = {
            each.account.id: wires.wire(f"clouds - {each.account.id}", each.account.port)
            for each in self.corners
        }

    @property
    def parts(self) -> list[Part]:
        emulators = [each.emulator for each in self.corners]
        return [self.broker, *emulators, *self.clouds, *(each.edge for each in self.corners)]

    @property
    def sales(self) -> int:
        return sum(confirmed(each.buyers.deals) for each in self.corners)

    def tell(self, what: str) -> None:
        self.story.append(f"{time.monotonic() - self.began:7.2f} s  {what}")

    def open(self) -> None:
        for part in (self.broker, *(each.emulator for each in self.corners)):
            part.start()
        wait_for_port(self.broker_port, PATIENCE_S)
        for corner in self.corners:
            wait_for_port(corner.account.port, PATIENCE_S)
        self.server.execute(f"CREATE DATABASE {DATABASE}")
        asyncio.run(self._stock())
        for cloud in self.clouds:
            cloud.start()
        for corner in self.corners:
            corner.open()

    def watch(self) -> None:
        """Start again who has ended by itself. A cloud may: systemd starts it again. An edge never."""
        for part in self.parts:
            status = part.fallen()
            if status is None:
                continue
            self.tell(f"{part.name} ended by itself: {status}\n{part.last_lines(5)}")
            self.faults[f"{part.name.split()[0]} ended by itself"] += 1
            if part not in self.clouds:
                self.broken.append(f"{part.name} ended by itself: {status}\n{part.last_lines()}")

    def rows(self, query: str) -> list[Any]:
        """What the cloud's database says."""
        url = self.server.url(DATABASE)
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def close(self) -> None:
        for part in self.parts:
            part.kill()
        for corner in self.corners:
            if corner.buyers.is_on:
                corner.buyers.cut()
            corner.port.close()

    def _broker(self) -> Part:
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\n"
            "user root\n",
            "utf-8",
        )
        found = program("mosquitto")
        assert found is not None
        return Part("broker", [found, "-c", str(config)], self.folder)

    def _cloud(self, place: int) -> Part:
        broker = self.network.wire(f"cloud {place} - broker", self.broker_port)
        store = self.network.wire(f"cloud {place} - postgres", self.server.port)
        places = Places(broker.port, 0, self.public[place], free_port(), 0)
        database = f"postgresql://tester@127.0.0.1:{store.port}/{DATABASE}"
        config = self.folder / f"cloud-{place}.toml"
        config.write_text(settings.cloud(database, places, "5"), "utf-8")
        roles = ("--role", "inbox,replies,fiscalizer,web")
        serve = python("cloud", "serve", "--config", str(config), *roles, "--verbose")
        return Part(f"cloud {place}", serve, self.folder)

    def _accounts(self) -> list[Account]:
        return [
            Account(f"register-{place}", kind, self.folder, f"{1000000 + place}", free_port())
            for place, kind in enumerate(kinds(self.seed, MACHINES), 1)
        ]

    async def _stock(self) -> None:
        store = await Store.open(self.server.url(DATABASE))
        try:
            async with store.transaction() as connection:
                for thing in self._things():
                    await fleet.put(connection, thing, "chaos", time.time_ns() // 1_000_000)
        finally:
            await store.close()

    def _things(self) -> Iterator[Operator | Register | Planogram | Product | Shelf | Machine]:
        of = {"operator": "coffee"}
        yield Operator(id="coffee", name="ООО «Кофе»", inn=INN, taxation="usn_income")
        yield Planogram(id="hot", **of)
        for slot in SLOTS:
            yield Product(id=f"drink-{slot}", name=product_in(slot), **of)
            yield Shelf(planogram="hot", slot=slot, product=f"drink-{slot}", **of)
        for place, corner in enumerate(self.corners, 1):
            account = corner.account
            at = self.registers[account.id].port
            told = account.settings(at, self.public[place % CLOUDS])
            yield Register(id=account.id, provider=account.provider(), settings=told, **of)
            where = {"address": "г. Москва, ул. Примерная, д. 1", "place": "1 этаж"}
            shop = {"planogram": "hot", "register": account.id, "number": corner.number}
            yield Machine(id=corner.id, **of, **shop, **where)


@contextmanager
def town(folder: Path, seed: int) -> Iterator[Town]:
    """Everybody at work."""
    with cluster(COMMITTED) as server, network(seed) as wires:
        made = Town(folder, seed, server, wires)
        try:
            made.open()
            yield made
        finally:
            made.close()

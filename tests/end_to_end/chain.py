"""The whole chain as processes of its own: each may be killed, and started again."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from parts import Mosquitto, free_port, mosquitto, python, wait_for_port

from cloud.demo import settings
from cloud.demo.fleet import stock
from cloud.demo.places import Places
from cloud.demo.selling import SALE_ID

PATIENCE_S = 40.0


@dataclass
class Chain:
    """Broker, register emulator, cloud and edge, with their ledgers.

    The cloud is one process, `cloud`; or two that share its work, `cloud` and `lanes`.
    """

    folder: Path
    places: Places
    broker: Mosquitto
    database: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        command, port = self._commands()[name]
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        if port is not None:
            wait_for_port(port, PATIENCE_S)

    def kill(self, name: str) -> None:
        """SIGKILL: no goodbye, nothing is flushed."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)

    def press(self, item: str, by: str = "cashless") -> None:
        self._post(f"{self.kiosk}/machine/press/{item}?by={by}")

    def fault(self, **order: object) -> None:
        self._post(f"{self.register}/control", json.dumps(order).encode())

    @property
    def kiosk(self) -> str:
        return self.places.url(self.places.kiosk)

    @property
    def register(self) -> str:
        return self.places.url(self.places.emulator)

    @property
    def cabinet(self) -> str:
        return self.places.url(self.places.cabinet)

    @property
    def public(self) -> str:
        return self.places.url(self.places.public)

    def documents(self) -> list[dict[str, Any]]:
        """What the register's drive recorded."""
        return self.get(f"{self.register}/ledger")

    def vends(self) -> list[dict[str, Any]]:
        """What the machine knows it dispensed; forgotten when the edge is killed."""
        return self.get(f"{self.kiosk}/machine/ledger")

    def kept(self) -> list[tuple[str, int]]:
        """(sale id, acknowledged) of what is on the machine's disk."""
        return self._on_disk("SELECT sale_id, acknowledged FROM sale")

    def knows_the_time(self) -> bool:
        """Whether the machine was told it, or its computer had it."""
        return bool(self._on_disk("SELECT id FROM anchor"))

    def untold(self) -> int:
        """Sales whose receipt is not issued, or is not confirmed by their machine."""
        ((count,),) = self.books(
            "SELECT count(*) FROM sale LEFT JOIN reply ON reply.sale_id = sale.sale_id"
            " WHERE reply.rev IS NULL OR acked_rev < rev"
        )
        return int(count)

    def books(self, query: str) -> list[Any]:
        """What the cloud's database says."""
        if not self.database.startswith("postgresql:"):
            return _rows(Path(self.database), query)
        with psycopg.connect(self.database, autocommit=True, connect_timeout=20) as connection:
            return connection.execute(query.encode()).fetchall()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds; a server that is being restarted does not answer yet."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if condition():
                    return
            except (OSError, sqlite3.Error):
                pass
            assert time.monotonic() < deadline, self._logs()
            time.sleep(0.02)

    def assert_one_document_a_sale(self, sales: int) -> None:
        """The machine's disk and the register's ledger name the same sales, once each."""
        recorded = [sale_of(document) for document in self.documents()]
        kept = [sale_id for sale_id, _ in self.kept()]
        assert len(kept) == sales, self._logs()
        assert sorted(recorded) == sorted(kept), self._logs()

    def _on_disk(self, query: str) -> list[Any]:
        return _rows(self.folder / "edge/outbox.sqlite", query)

    def _commands(self) -> dict[str, tuple[list[str], int | None]]:
        places, folder = self.places, self.folder
        emulate = python(
            *("cloud", "emulate", "cloudkassir", "--listen", f"127.0.0.1:{places.emulator}"),
            *("--secret-file", str(folder / "secret"), "--ledger", str(folder / "ledger.sqlite")),
            *("--webhook", f"{self.public}/hook/main", "--public-id", settings.PUBLIC_ID),
        )
        serve = python("cloud", "serve", "--config", str(folder / "cloud.toml"), "--verbose")
        shared = ["--role", "inbox,replies,web"] if self.database.startswith("postgresql:") else []
        run = python("edge", "run", "--config", str(folder / "edge.toml"), "--verbose")
        return {
            "emulator": (emulate, places.emulator),
            "cloud": ([*serve, *shared], places.public),
            "lanes": ([*serve, "--role", "fiscalizer"], None),
            "edge": (run, places.kiosk),
        }

    def get(self, url: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            listed: list[dict[str, Any]] = json.load(response)
            return listed

    def _post(self, url: str, body: bytes = b"") -> None:
        request = urllib.request.Request(url, body, method="POST")
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()

    def _logs(self) -> str:
        tails = (
            f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-20:])
            for log in self.folder.glob("*.log")
        )
        return "\n".join(tails)


def sale_of(document: dict[str, Any]) -> str:
    """The sale that a document of the ledger is for: its key begins with it."""
    return str(document["key"])[:SALE_ID]


def _rows(file: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@contextmanager
def chain(folder: Path, database: str | None = None) -> Iterator[Chain]:
    """All of it, running; on a file in `folder`, or on PostgreSQL in two processes."""
    (folder / "secret").write_text("not a secret", "utf-8")
    with mosquitto(folder) as broker:
        # None that the kernel deals out: whoever is killed finds its own free again.
        places = Places(broker.port, *(free_port() for _ in range(4)))
        running = Chain(folder, places, broker, database or str(folder / "cloud.sqlite"))
        cloud = settings.cloud(running.database, places, "5")
        (folder / "cloud.toml").write_text(cloud, "utf-8")
        (folder / "edge.toml").write_text(settings.edge(folder, places, "5"), "utf-8")
        asyncio.run(stock(running.database, folder, places))
        try:
            for name in ("emulator", "cloud", *(["lanes"] if database else []), "edge"):
                running.start(name)
            yield running
        finally:
            running.stop()

"""The whole chain as processes of its own: each may be killed, and started again."""

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

from parts import Mosquitto, mosquitto, python, wait_for_port

from cloud.demo import settings
from cloud.demo.places import Places

PATIENCE_S = 40.0


@dataclass
class Chain:
    """Broker, register emulator, cloud and edge, with their ledgers."""

    folder: Path
    places: Places
    broker: Mosquitto
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        command, port = self._commands()[name]
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
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
        return self._rows(
            self.folder / "edge/outbox.sqlite", "SELECT sale_id, acknowledged FROM sale"
        )

    def untold(self) -> int:
        """Receipts that their machine has not confirmed."""
        rows = self._rows(
            self.folder / "cloud.sqlite",
            "SELECT count(*) FROM receipt WHERE acked_rev = 0 OR acked_rev < rev",
        )
        return int(rows[0][0])

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
        invoices = [document["invoice_id"] for document in self.documents()]
        kept = [sale_id for sale_id, _ in self.kept()]
        assert len(kept) == sales, self._logs()
        assert sorted(invoices) == sorted(kept), self._logs()

    def _commands(self) -> dict[str, tuple[list[str], int]]:
        places, folder = self.places, self.folder
        emulate = python(
            *("cloud", "emulate", "cloudkassir", "--listen", f"127.0.0.1:{places.emulator}"),
            *("--secret-file", str(folder / "secret"), "--ledger", str(folder / "ledger.sqlite")),
            *("--webhook", f"{self.public}/hook/main", "--public-id", settings.PUBLIC_ID),
        )
        serve = python("cloud", "serve", "--config", str(folder / "cloud.toml"), "--verbose")
        run = python("edge", "run", "--config", str(folder / "edge.toml"), "--verbose")
        return {
            "emulator": (emulate, places.emulator),
            "cloud": (serve, places.public),
            "edge": (run, places.kiosk),
        }

    def _rows(self, file: Path, query: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def get(self, url: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(url, timeout=5) as response:
            listed: list[dict[str, Any]] = json.load(response)
            return listed

    def _post(self, url: str, body: bytes = b"") -> None:
        request = urllib.request.Request(url, body, method="POST")
        urllib.request.urlopen(request, timeout=5).close()

    def _logs(self) -> str:
        tails = (
            f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-20:])
            for log in self.folder.glob("*.log")
        )
        return "\n".join(tails)


@contextmanager
def chain(folder: Path) -> Iterator[Chain]:
    """All of it, running."""
    (folder / "secret").write_text("not a secret", "utf-8")
    with mosquitto(folder) as broker:
        free = Places.free()
        places = Places(broker.port, free.emulator, free.public, free.cabinet, free.kiosk)
        (folder / "cloud.toml").write_text(settings.cloud(folder, places, "5"), "utf-8")
        (folder / "edge.toml").write_text(settings.edge(folder, places, "5"), "utf-8")
        running = Chain(folder, places, broker)
        try:
            for name in ("emulator", "cloud", "edge"):
                running.start(name)
            yield running
        finally:
            running.stop()

"""The gateway of one machine as its own process: started, killed, told to stop, looked into."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from parts import ROOT, python

from edge.wire import Incident, Sale, decode

PATIENCE_S: Final = 40.0
STOP_S: Final = 5.0
"""SIGTERM ends it within this."""
MACHINE: Final = "vm-000001"


class Gateway:
    """`python -m edge run` on a folder of its own."""

    def __init__(self, folder: Path, tap: str, broker: str, data: Path | None = None) -> None:
        """`broker` is the content of its table."""
        self.folder = folder
        self.data = data or folder / "edge"
        self.log = folder / "edge.log"
        self._config = folder / "edge.toml"
        self._config.write_text(
            f'machine = "{MACHINE}"\ntap = "{tap}"\ndata = "{self.data}"\n'
            f'[broker]\n{broker}\n[receipts]\nqr = "fiscal"\n',
            "utf-8",
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        command = python("edge", "run", "--config", str(self._config), "--verbose")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody says goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def tell_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Its exit code; it has `STOP_S` to end."""
        assert self.process is not None
        return self.process.wait(STOP_S)

    def stop(self) -> int:
        self.tell_to_stop()
        return self.ended()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def rows(self, query: str) -> list[Any]:
        """What its file holds; an empty one where the file is not there yet."""
        try:
            reader = sqlite3.connect(f"file:{self.data}/outbox.sqlite?mode=ro", uri=True)
            with closing(reader):
                return reader.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []

    def copied(self, query: str, folder: Path) -> list[Any]:
        """The same of a dead one, from a copy: looking must not mend what the next one finds."""
        for name in ("outbox.sqlite", "outbox.sqlite-wal"):
            copy = folder / f"copy-{name}"
            copy.unlink(missing_ok=True)
            if (self.data / name).exists():
                shutil.copy(self.data / name, copy)
        if not (folder / "copy-outbox.sqlite").exists():
            return []
        with closing(sqlite3.connect(folder / "copy-outbox.sqlite")) as reader:
            try:
                return reader.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []

    def last_lines(self, count: int = 30) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-count:])

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}\n{self.last_lines()}"
            time.sleep(0.005)


class Books:
    """The cloud's database, read beside the cloud."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as reader:
            return reader.execute(query).fetchall()

    @property
    def sales(self) -> list[Sale]:
        rows = self.rows("SELECT body FROM sale ORDER BY epoch, seq")
        return [decode(body.encode(), Sale) for (body,) in rows]

    @property
    def incidents(self) -> list[Incident]:
        """Of machines: what the cloud itself has found wrong is not among them."""
        bodies = [body.encode() for (body,) in self.rows("SELECT body FROM note")]
        return [decode(body, Incident) for body in bodies if b'"kind"' in body]

    @property
    def complaints(self) -> list[tuple[str, str]]:
        """What the cloud itself has found wrong: conflicts, gaps, two sales at one place."""
        return [
            (kind, detail)
            for kind, detail in self.rows("SELECT kind, detail FROM incident")
            if kind in {"conflict", "gap", "two sales at one place", "malformed", "another outbox"}
        ]

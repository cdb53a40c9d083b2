"""A part as a process of its own: killed, frozen, told to stop, started again."""

import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from parts import ROOT

TRIPPED: Final = re.compile(r"^Traceback|never retrieved|level=error|^ERROR|^CRITICAL")
"""What a process says that tripped over its own code; that a lost seat ends it is no such thing."""

STOP_S: Final = 20.0
"""SIGTERM ends it within this, on a computer with more to do than it can."""


class Part:
    """One process at a time. What it says is in `log`."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self._lock:
            self._start()

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing is flushed."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._process = None

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """Told to stop, it ends by itself; its exit status."""
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return 0
            process.terminate()
            try:
                return process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise

    def fallen(self) -> int | None:
        """Its exit status, if it ended and nobody had told it to; it is started again."""
        with self._lock:
            if self._process is None:
                return None
            status = self._process.poll()
            if status is not None:
                self._start()
            return status

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self._lines()[-count:])

    def stumbles(self) -> list[str]:
        """Each time that it tripped over its own code."""
        return [f"{self.name}: {line}" for line in self._lines() if TRIPPED.search(line)]

    def _lines(self) -> list[str]:
        if not self.log.exists():
            return []
        return self.log.read_text("utf-8", "replace").splitlines()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            nothing = subprocess.DEVNULL  # a gateway's screen, in its terminal
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=nothing, stdout=nothing, stderr=log
            )

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._process is not None:
                self._process.send_signal(number)

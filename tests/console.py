"""A command as a person starts it: a process of its own, on pipes or on a terminal."""

import os
import pty
import subprocess
import termios
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from parts import ROOT, python

Start = Callable[..., subprocess.Popen[str]]


class Terminal:
    """A real terminal, 60 columns wide, as the other side of it sees it."""

    def __init__(self) -> None:
        self._mine, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, (24, 60))

    def read(self) -> str:
        """Everything until the program is gone."""
        os.close(self.theirs)
        told = b""
        try:
            while chunk := os.read(self._mine, 4096):
                told += chunk
        except OSError:
            pass  # that is how a terminal ends
        os.close(self._mine)
        return told.decode()


class Started:
    """Processes of ``python -m mdb``; what still runs at the end is killed."""

    def __init__(self, running: ExitStack) -> None:
        self._running = running

    def __call__(self, *arguments: str | Path, **options: object) -> subprocess.Popen[str]:
        pipes: dict[str, object] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        process: subprocess.Popen[str] = subprocess.Popen(
            python("mdb", *map(str, arguments)),
            **(pipes | {"text": True, "cwd": ROOT} | options),  # type: ignore[call-overload]
        )
        self._running.enter_context(process)
        self._running.callback(process.kill)
        return process


def told_by(process: subprocess.Popen[str], words: str) -> str:
    """The line of its standard error that has these words; what goes before is passed over."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    pytest.fail(f"it never said {words!r}")


def wait_until(condition: Callable[[], object], patience_s: float = 20) -> None:
    """Wait for what another process does; the patience is the test's limit, no guess at how long."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)

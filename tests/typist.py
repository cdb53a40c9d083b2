"""A command on a real terminal, with a person before it: waits for words, types lines."""

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parts import ROOT, python

PATIENCE_S = 30


class Typist:
    def __init__(self, process: "subprocess.Popen[bytes]", end: int) -> None:
        self.process = process
        self.seen = ""
        self._end = end
        self._from = 0

    def expect(self, words: str) -> None:
        """Wait until these words stand behind the last ones that were waited for."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.seen.find(words, self._from)) < 0:
            if time.monotonic() > deadline or not self._read():
                pytest.fail(f"{words!r} never came; there was:\n{self.seen}")
        self._from = found + len(words)

    def type(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def hang_up(self) -> None:
        """Ctrl-D on an empty line."""
        os.write(self._end, b"\x04")

    def answer(self, words: str, line: str) -> None:
        self.expect(words)
        self.type(line)

    def ended(self) -> int:
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._end], [], [], 0.2)
        if not ready:
            return True
        try:
            read = os.read(self._end, 4096)
        except OSError:
            return False  # that is how a terminal ends
        self.seen += read.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(read)


@contextmanager
def at_terminal(*arguments: str | Path, command: list[str] | None = None) -> Iterator[Typist]:
    """``python -m edge …``, or another command, on a terminal of its own that echoes nothing."""
    mine, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        command or python("edge", *map(str, arguments)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Typist(process, mine)
    finally:
        process.kill()
        process.wait()
        os.close(mine)

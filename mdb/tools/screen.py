"""Lines that scroll, and on a terminal one below them that stays: redrawn in place, never kept."""

import os
import sys
from typing import Final, TextIO

WIPE: Final = "\r\x1b[2K"
REVERSE, PLAIN = "\x1b[7m", "\x1b[0m"
_NARROW: Final = 80


class Screen:
    """Where a live conversation goes: a terminal, a pipe or a file."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.is_terminal = self._out.isatty()
        self.colour = self.is_terminal and "NO_COLOR" not in os.environ
        self._status = ""

    def say(self, line: str) -> None:
        """A line that scrolls; at once, as the reader of a pipe waits for it."""
        if self._status:
            self._out.write(f"{WIPE}{line}\n{self._drawn()}")
        else:
            self._out.write(f"{line}\n")
        self._out.flush()

    def warn(self, line: str) -> None:
        """A line for the person, not for the pipe."""
        status, self._status = self._status, ""
        if status:
            self._out.write(WIPE)
            self._out.flush()
        print(line, file=sys.stderr, flush=True)
        self.status(status)

    def status(self, line: str) -> None:
        """Draw the line that stays; on a pipe there is none."""
        if not self.is_terminal or (not line and not self._status):
            return
        self._status = line
        self._out.write(f"{WIPE}{self._drawn()}" if line else WIPE)
        self._out.flush()

    def _drawn(self) -> str:
        shown = self._status[: self._width() - 1]
        return f"{REVERSE}{shown}{PLAIN}" if self.colour else shown

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns or _NARROW
        except OSError:
            return _NARROW

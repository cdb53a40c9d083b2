"""How far a long reading has come, on standard error; on a terminal only."""

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

from mdb.tools.source import Source

WIPE: Final = "\r\x1b[2K"
_FIRST_S: Final = 0.5
_EVERY_S: Final = 0.2


class Progress:
    """One line that is drawn over itself: percent where the size is known, or bytes and time."""

    def __init__(
        self,
        source: Source,
        terminal: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._terminal = terminal or sys.stderr
        self._shows = self._terminal.isatty()
        self._clock = clock
        self._began = clock()
        self._next = self._began + _FIRST_S
        self._drawn = False

    def look(self) -> None:
        """Draw it, if it is time to: cheap enough for every thousandth signal."""
        now = self._clock()
        if not self._shows or now < self._next:
            return
        self._next = now + _EVERY_S
        self._terminal.write(f"{WIPE}{told(self._source, now - self._began)}")
        self._terminal.flush()
        self._drawn = True

    def wipe(self) -> None:
        """Leave nothing behind."""
        if self._drawn:
            self._terminal.write(WIPE)
            self._terminal.flush()
            self._drawn = False


def told(source: Source, seconds: float) -> str:
    """The line's words."""
    megabytes = f"{source.taken / 1e6:.1f} MB in {seconds:.0f} s"
    if source.size is None:
        return f"read {megabytes}"
    return f"read {min(100 * source.taken // source.size, 100)} %, {megabytes}"

"""Bytes of a device that prints lines."""

import logging
import re
from typing import Final

LONGEST: Final = 300
"""The longest line that means anything is a block of 36 bytes with its mode bits."""
_END: Final = re.compile(rb"[\r\n]+")

log = logging.getLogger(__name__)


class Linewise:
    """Cuts what is read into lines: LF, CR or both; NULs and empty lines are no matter.

    Noise without an end is not kept: of a line longer than any, only "" is told, once.
    """

    def __init__(self) -> None:
        self._begun = b""
        self._too_long = False

    def feed(self, read: bytes) -> list[str]:
        """Take the next bytes read; return the lines they end."""
        *ended, self._begun = _END.split(self._begun + read.replace(b"\0", b""))
        lines = []
        for line in ended:
            if self._too_long or len(line) > LONGEST:
                lines.append("")
                self._too_long = False
            elif line:
                lines.append(line.decode("ascii", "replace"))
        if len(self._begun) > LONGEST:
            self._begun, self._too_long = b"", True
        return lines


class Unreadable:
    """Counts the lines that could not be read, and logs the 1st, 2nd, 4th, 8th and so on."""

    def __init__(self, port: str) -> None:
        self.count = 0
        self._port = port

    def add(self, line: str) -> None:
        """One more."""
        self.count += 1
        if self.count & (self.count - 1) == 0:
            log.warning("%s: a line cannot be read (no. %d): %r", self._port, self.count, line[:60])

"""What a device on the bus prints to its host: our trace format, or a Qibixx adapter's lines.

A Qibixx adapter says nothing until it is told ``X,1`` (docs.qibixx.com, api-sniff). Its lines carry
no checksum and no mode bits, so a block whose bytes do not add up is left out, as is a bus reset.
"""

from typing import Final, Protocol

from mdb.block import checksum
from mdb.byte import Signal
from mdb.trace import Transcript

VERSION: Final = "4.0.2.0"
SERIAL: Final = "43484b0000000001"
TICKS: Final = 10_000
"""A second of the adapter's counter, which has ten digits."""
COUNTER: Final = 10**10
_SINGLES: Final = {"00": "ACK", "FF": "NAK", "AA": "RET"}


class Speech(Protocol):
    """Signals as lines, and answers to what the host sends."""

    @property
    def speaking(self) -> bool:
        """Whether signals may be said now."""

    def said(self, signal: Signal) -> list[str]:
        """The lines that a signal completes."""

    def flush(self) -> list[str]:
        """The line that is under way."""

    def heard(self, line: str) -> list[str]:
        """The answers to a line from the host."""

    def closed(self) -> None:
        """The host has gone."""


class Lines:
    """The trace format, to whoever opens the port."""

    speaking: Final = True

    def __init__(self) -> None:
        self._transcript = Transcript()

    def said(self, signal: Signal) -> list[str]:
        """The lines that a signal completes."""
        return self._transcript.feed(signal)

    def flush(self) -> list[str]:
        """The line that is under way."""
        return self._transcript.flush()

    def heard(self, line: str) -> list[str]:
        """It answers nothing."""
        del line
        return []

    def closed(self) -> None:
        """The next host gets whole lines too."""
        self._transcript.flush()


class Qibixx:
    """An adapter in sniff mode; switched by its host."""

    def __init__(self) -> None:
        self.speaking = False
        self._transcript = Transcript()

    def said(self, signal: Signal) -> list[str]:
        """The lines that a signal completes."""
        return [told for line in self._transcript.feed(signal) for told in _sniffed(line)]

    def flush(self) -> list[str]:
        """The line that is under way."""
        return [told for line in self._transcript.flush() for told in _sniffed(line)]

    def heard(self, line: str) -> list[str]:
        """``V``, ``H``, ``X,1`` and ``X,0``."""
        match line.strip().strip("\0").upper():
            case "V":
                return [f"v,{VERSION},{SERIAL}"]
            case "H":
                return ["h,1.0,0001"]
            case "X,1" | "X,0" as told:
                self.speaking = told == "X,1"
                return ["x,ACK"]
            case _:
                return []

    def closed(self) -> None:
        """The next host has to say ``X,1`` too."""
        self.speaking = False
        self._transcript.flush()


def _sniffed(line: str) -> list[str]:
    """A line of a trace as the adapter tells it; nothing if it cannot."""
    at, direction, *digits = line.split()
    if len(direction) > 1 or digits == ["BREAK"]:
        return []
    tick = round(float(at) * TICKS) % COUNTER
    head = f"x,{'00' if direction == '>' else '80'},{tick:010d}"
    if len(digits) == 1:
        return [f"{head},{_SINGLES[digits[0]]}"] if digits[0] in _SINGLES else []
    values = bytes.fromhex("".join(digits))
    if checksum(values[:-1]) != values[-1]:
        return []
    command, data = (values[:1], values[1:-1]) if direction == ">" else (b"", values[:-1])
    return [f"{head},{command.hex()},{data.hex()}" if command else f"{head},{data.hex()}"]

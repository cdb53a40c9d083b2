"""Capture: minutes of the bus as a trace in a gzip file, for whoever is not at the machine.

`python -m mdb decode` reads it as it is: what the peripherals had told of their money stands in its
heading. Listening only appends lines to memory; the disk is written from another thread.
"""

import asyncio
import gzip
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.clock import Clock
from mdb import Signal
from mdb.context import Context
from mdb.heading import Heading
from mdb.trace import Transcript

log = logging.getLogger(__name__)

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of the compressed file: an hour of a busy bus takes two."""
WAITING_BYTES: Final = 1024 * 1024
"""What is kept in memory for a disk that is slow: minutes."""
WRITE_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Captured:
    """What was recorded: blocks of the bus, seconds of boot time, and what cut it short."""

    lines: int
    seconds: float
    cut: str | None

    @property
    def words(self) -> str:
        """For the operator."""
        said = f"{self.lines} blocks of the bus in {self.seconds:.0f} s"
        return f"{said}; {self.cut}" if self.cut else said


class Capture:
    """The machine's recorder: one recording at a time, nothing while there is none."""

    def __init__(
        self,
        clock: Clock,
        context: Callable[[], Mapping[int, Context]],
        *,
        title: str,
        vmc_only: bool = False,
    ) -> None:
        """`context` is what the peripherals told so far; `title` is the file's first comment."""
        self._clock = clock
        self._context = context
        self._title = title
        self._vmc_only = vmc_only
        self._transcript: Transcript | None = None
        self._waiting = bytearray()
        self._lines = 0
        self._lost = 0
        self._timed = False

    @property
    def busy(self) -> bool:
        """Whether a recording is under way."""
        return self._transcript is not None

    def feed(self, signal: Signal) -> None:
        """What the tap gave; never raises, never waits."""
        if self._transcript is None:
            return
        if not self._timed:
            self._timed = True
            self._comment(f"at {signal.at:.6f} it was {self._clock.now().iso}")
        for line in self._transcript.feed(signal):
            self._line(line)

    async def record(self, minutes: float, file: Path) -> Captured:
        """Record so many minutes of boot time into a gzip file.

        Raises:
            OSError: the disk refuses.
            RuntimeError: a recording is under way.
        """
        if self.busy:
            raise RuntimeError("a recording is under way")
        begun = self._clock.boottime()
        self._begin()
        try:
            packed = await asyncio.to_thread(gzip.GzipFile, file, "wb")
            try:
                cut = await self._until(begun + 60 * minutes, file, packed)
                await asyncio.to_thread(_close, packed, self._end())
            finally:
                packed.close()
            seconds = self._clock.boottime() - begun
            if self._lost and cut is None:
                cut = f"{self._lost} blocks are lost, as the disk was slow"
            return Captured(self._lines, seconds, cut)
        finally:
            self._transcript = None
            self._waiting.clear()

    async def _until(self, end: float, file: Path, packed: gzip.GzipFile) -> str | None:
        """Write what comes until a boot time; what ended it before."""
        while (left := end - self._clock.boottime()) > 0:
            await asyncio.sleep(min(left, WRITE_EVERY_S))
            lines, self._waiting = self._waiting, bytearray()
            if lines:
                size = await asyncio.to_thread(_write, file, packed, lines)
                if size >= MOST_BYTES:
                    return f"it was stopped early: {MOST_BYTES >> 20} MB are full"
        return None

    def _begin(self) -> None:
        self._transcript = Transcript()
        self._waiting.clear()
        self._lines = self._lost = 0
        self._timed = False
        moment = self._clock.now()
        self._comment(self._title)
        self._comment(f"begun at {moment.iso}, by a clock that is {moment.quality}")
        for line in Heading(self._context(), self._vmc_only).lines():
            self._append(line)

    def _end(self) -> bytes:
        """What is left to be written, and the last line."""
        for line in self._transcript.flush() if self._transcript else ():
            self._line(line)
        self._comment(f"ended at {self._clock.now().iso}")
        return bytes(self._waiting)

    def _line(self, line: str) -> None:
        if len(self._waiting) >= WAITING_BYTES:
            self._lost += 1
            return
        self._lines += 1
        self._append(line)

    def _comment(self, text: str) -> None:
        self._append(f"# {text}")

    def _append(self, line: str) -> None:
        self._waiting += line.encode() + b"\n"


def _write(file: Path, packed: gzip.GzipFile, lines: bytearray) -> int:
    """Compress, and tell how long the file is by now."""
    packed.write(lines)
    packed.flush()
    return file.stat().st_size


def _close(packed: gzip.GzipFile, lines: bytes) -> None:
    packed.write(lines)
    packed.close()

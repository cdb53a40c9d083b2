"""Recorder: lines of a trace into segments, whatever the disk does.

What a person needs to read a recording years later stands in it as comments: who recorded what, how
the bus's seconds relate to the calendar, and where something is missing and why. Each file also has
at its head what the peripherals had told of their money before it began: it can be read alone.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mdb.byte import Signal
from mdb.heading import Heading
from mdb.sniffer import Sniffer
from mdb.tools.segments import Segment, Segments, compress
from mdb.trace import Transcript

CLOCK_EVERY_S: Final = 3600.0
"""How often the calendar's time is noted: clocks drift, and hosts learn the time late."""
_EAGER: Final = 1 << 16
_PATIENT: Final = 1 << 20
"""What is kept in memory for a disk that refuses, in bytes: minutes of a busy bus."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to record: `rotate` is in bytes; `keep` counts files, 0 for all of them."""

    title: str
    rotate: int
    keep: int = 0
    pack: bool = False
    vmc_only: bool = False


class Recorder:
    """Writes what it is given; `say` tells a person what happens to the files."""

    def __init__(
        self,
        segments: Segments,
        plan: Plan,
        say: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.lost = 0
        self._segments = segments
        self._plan = plan
        self._say = say
        self._clock = clock
        self._transcript = Transcript()
        self._sniffer = Sniffer(vmc_only=plan.vmc_only)
        self._noted_at: float | None = None
        self._pending = bytearray()
        self._refused: tuple[datetime, str] | None = None
        self._lost_now = 0
        self._full_at = plan.rotate
        self._chores = ThreadPoolExecutor(1, "chores")
        self._segment = self._begin()
        self.write()

    @property
    def segment(self) -> Segment:
        """The file that is being written."""
        return self._segment

    def take(self, signal: Signal) -> None:
        """Keep what the tap heard."""
        noted = self._noted_at
        if noted is None or abs(signal.at - noted) >= CLOCK_EVERY_S:
            self._noted_at = signal.at
            self._line(f"# at {signal.at:.6f} it was {_utc(self._clock())}")
        self._sniffer.feed(signal)
        for line in self._transcript.feed(signal):
            self._line(line)
        if self._refused is None and len(self._pending) >= _EAGER:
            self.write()
        if self._segment.size + len(self._pending) >= self._full_at:
            self._rotate()

    def rest(self) -> None:
        """The bus is silent: what stood open need not wait for the next block."""
        for line in self._transcript.flush():
            self._line(line)

    def write(self) -> bool:
        """Give the disk what is pending; whether it took it. Where it refuses, try again later."""
        try:
            self._segment.write(self._pending)
        except OSError as error:
            self.refused(error)
            return False
        if self._refused is not None:
            self._took_again(*self._refused)
        return True

    def refused(self, error: OSError) -> None:
        """The disk refused to write or to sync: say so once, and go on listening."""
        if self._refused is None:
            why = error.strerror or str(error)
            self._refused = (self._clock(), why)
            self._say(f"{self._segment.path}: {why}; listening on, and trying again every second")

    def close(self) -> bool:
        """Write the end; whether everything heard since the last gap is on the disk."""
        self.rest()
        self._line(f"# ended at {_utc(self._clock())}")
        whole = self.write() and self.write()  # a gap that just ended is noted by the first
        try:
            self._segment.sync()
        except OSError as error:
            self.refused(error)
            whole = False
        self._chores.submit(self._leave, self._segment)
        self._chores.shutdown()
        if not whole:
            lines = self._lost_now + self._pending.count(b"\n")
            self.lost += lines
            self._say(f"{self._segment.path}: the last {lines} lines could not be written")
        return whole

    def _line(self, line: str) -> None:
        if self._refused is not None and len(self._pending) >= _PATIENT:
            self._lost_now += 1
        else:
            self._pending += f"{line}\n".encode()

    def _took_again(self, since: datetime, why: str) -> None:
        told = f"{self._lost_now} lines are lost" if self._lost_now else "nothing is lost"
        span = f"from {_utc(since)} to {_utc(self._clock())} the disk refused ({why})"
        self.lost += self._lost_now
        self._refused, self._lost_now = None, 0
        self._line(f"# gap: {span}; {told}")
        self._say(f"{self._segment.path}: writing again; {told}")

    def _rotate(self) -> None:
        """On to the next file; where none can be made, on with this one."""
        if self._refused is not None or not self.write():
            return
        full = self._segment
        try:
            self._segment = self._begin()
        except OSError as error:
            self._full_at += self._plan.rotate
            self._say(
                f"{full.path}: no next file ({error.strerror or error}); going on in this one"
            )
            return
        self._full_at = self._plan.rotate
        self._chores.submit(self._leave, full)

    def _begin(self) -> Segment:
        now = self._clock()
        segment = self._segments.create(now)
        self._noted_at = None
        self._line(f"# {self._plan.title}")
        self._line(f"# file {segment.number}, begun at {_utc(now)}")
        for line in Heading(self._sniffer.context, self._plan.vmc_only).lines():
            self._line(line)
        self._say(f"recording to {segment.path}")
        return segment

    def _leave(self, segment: Segment) -> None:
        """Off the listener's path: a sync may take long, and fifty megabytes of gzip do."""
        try:
            try:
                segment.sync()
            finally:
                segment.close()
            if self._plan.pack:
                compress(segment.path)
            if self._plan.keep:
                for path in self._segments.keep(self._plan.keep):
                    self._say(f"removed {path}")
        except OSError as error:
            self._say(f"{segment.path}: {error.strerror or error}; it stays as it is")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

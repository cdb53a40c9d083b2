"""Our own trace, live: ``lines:PORT[?baud=115200]``, from a microcontroller between bus and Pi."""

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl

from mdb.byte import Signal
from mdb.taps.linewise import Linewise, Unreadable
from mdb.taps.port import Pass, Ports, check
from mdb.taps.seam import Seam
from mdb.taps.steady import Steady
from mdb.trace import parse_line

BAUD: Final = 115_200
TICK_S: Final = 60.0


class Lines:
    """A serial port where something prints a block a line (the trace format, README).

    - `t` is the device's own clock and may wrap or start again; `at` is steady all the same, in
      seconds of CLOCK_BOOTTIME. A hash begins a comment.
    - A line that cannot be read is counted, logged now and then, and skipped.
    - A port that is lost is opened again; nothing is handed over then until the VMC begins a block.
    """

    vmc_only = False

    def __init__(self, port: str, baud: int = BAUD) -> None:
        self._ports = Ports([port], baud)
        self._unreadable = Unreadable(port)
        self._text = Linewise()
        self._clock = Steady()

    @classmethod
    def open(cls, address: str) -> "Lines":
        """Read ``PORT[?baud=N]``.

        Raises:
            ValueError: the address makes no sense, or the port is no serial port.
            OSError: the port is not there, or not for this user.
        """
        port, _, query = address.partition("?")
        told = dict(parse_qsl(query, keep_blank_values=True))
        baud = told.pop("baud", str(BAUD))
        if told or not port or not (baud.isascii() and baud.isdecimal() and 0 < int(baud) < 10**7):
            raise ValueError(
                f"lines: {address!r} makes no sense; expected a port and perhaps its speed, such as"
                " lines:/dev/ttyACM0?baud=115200"
            )
        check(port)
        return cls(port, int(baud))

    @property
    def unreadable(self) -> int:
        """How many lines could not be read so far."""
        return self._unreadable.count

    async def __aiter__(self) -> AsyncIterator[Signal]:
        """Yield what is heard, for ever."""
        seam = Seam()
        try:
            while True:
                await self._ports.open()
                seam.cut()
                self._text = Linewise()
                async for read in self._ports.passes(TICK_S):
                    for signal in self._signals(read):
                        for whole in seam.join(signal):
                            yield whole
        finally:
            self._ports.close()

    def _signals(self, read: Pass) -> list[Signal]:
        heard: list[Signal] = []
        for line in self._text.feed(read.data[0]):
            told = line.split("#")[0].strip()
            if line and not told:
                continue
            signals = parse_line(told)
            if not signals:
                self._unreadable.add(line)
                continue
            late = self._clock.at(signals[0].at, read.at) - signals[0].at
            heard += [each._replace(at=each.at + late) for each in signals]
        return heard

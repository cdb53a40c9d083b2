"""UARTs of the Pi itself (PL011) at 9600 baud: ``uart:PORT[,PORT2]``.

The port expects space parity and marks what breaks it, which gives the ninth bit (`mdb.parmrk`).
"""

import logging
import os
import termios
from collections.abc import AsyncIterator
from typing import Any, Final

from mdb.byte import BYTE_S, BusByte, Line, Signal
from mdb.parmrk import NinthBit, Unescaper
from mdb.taps.breaking import BreakWatch
from mdb.taps.port import Pass, Ports, check
from mdb.taps.seam import Seam
from mdb.taps.weave import Weave

BAUD: Final = 9600
TICK_S: Final = 0.02
SPACE_PARITY: Final = "S"
CMSPAR: Final = 0o10000000000
"""Mark or space parity, from Linux's termbits.h; Python's termios has no name for it."""

INPUT: Final = termios.INPCK | termios.PARMRK
CONTROL: Final = termios.CS8 | termios.PARENB | CMSPAR | termios.CREAD | termios.CLOCAL
NINTH: Final = termios.PARENB | CMSPAR

Attributes = list[Any]
"""What `termios.tcgetattr` returns."""

log = logging.getLogger(__name__)


def ninth_bit_marked(attributes: Attributes) -> Attributes:
    """A terminal's attributes with everything raw and the ninth bit marked; the speed is kept.

    Space parity (PARODD clear) makes a set ninth bit an error; INPCK looks for it, and PARMRK
    without IGNPAR marks it. IGNBRK, BRKINT and ISTRIP would lose breaks and bits.
    """
    characters = list(attributes[6])
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    return [INPUT, 0, CONTROL, 0, attributes[4], attributes[5], characters]


def mark_the_ninth_bit(descriptor: int) -> None:
    """Set a port so, after pyserial, which clears PARMRK whenever it sets anything."""
    termios.tcsetattr(descriptor, termios.TCSANOW, ninth_bit_marked(termios.tcgetattr(descriptor)))
    kept = termios.tcgetattr(descriptor)
    if kept[2] & NINTH != NINTH or kept[0] & INPUT != INPUT:
        log.warning(
            "%s has no space parity, so mode bits are lost; a PL011 (ttyAMA) has it",
            os.ttyname(descriptor),
        )


class Uart:
    """One port hears the VMC's line, a second one the peripherals'.

    - With one port only the VMC's line is heard: `vmc_only` is true.
    - With two, both are PL011, which keep bytes back equally long. The order of the bus is found
      by which pass read a byte, and within one pass by what the bytes are (see `mdb.taps.weave`);
      a turn is given when the VMC begins the next, or after 60 ms of silence.
    - `at` is when a byte began, in seconds of CLOCK_BOOTTIME: the last byte of a read ended when it
      was read, the others a byte's time earlier each. It is late by up to 4 ms, and later when
      this process was busy.
    - A byte 00 with its mode bit and 250 ms without anything is a bus reset (`mdb.taps.breaking`).
    - A port that is lost is opened again, with the other; nothing is handed over then until the
      VMC begins a block.
    """

    def __init__(self, *ports: str) -> None:
        self.vmc_only = len(ports) == 1
        self._ports = Ports(ports, BAUD, parity=SPACE_PARITY, arrange=mark_the_ninth_bit)

    @classmethod
    def open(cls, address: str) -> "Uart":
        """Read ``PORT[,PORT2]``.

        Raises:
            ValueError: the address makes no sense, or a port is no serial port.
            OSError: a port is not there, or not for this user.
        """
        ports = address.split(",")
        if not all(ports) or len(ports) not in {1, 2} or len(set(ports)) != len(ports):
            raise ValueError(
                f"uart: {address!r} makes no sense; expected the port on the VMC's line and perhaps"
                " another on the peripherals', such as uart:/dev/ttyAMA0,/dev/ttyAMA3"
            )
        for port in ports:
            check(port)
        return cls(*ports)

    async def __aiter__(self) -> AsyncIterator[Signal]:
        """Yield what is heard, for ever."""
        seam = Seam()
        try:
            while True:
                await self._ports.open()
                seam.cut()
                bus = Bus(vmc_only=self.vmc_only)
                async for read in self._ports.passes(TICK_S):
                    for signal in bus.feed(read):
                        for whole in seam.join(signal):
                            yield whole
                for signal in bus.flush():
                    for whole in seam.join(signal):
                        yield whole
        finally:
            self._ports.close()


class Bus:
    """Passes in, signals out: what one opening of the ports hears."""

    def __init__(self, *, vmc_only: bool) -> None:
        self._vmc_only = vmc_only
        self._vmc = Unescaper()
        self._peripheral = Unescaper()
        self._watch = BreakWatch()
        self._weave = Weave()
        self._read_at = 0.0

    def feed(self, read: Pass) -> list[Signal]:
        """Take the next pass, an empty one too; return what is certain and in order."""
        self._read_at = read.at
        vmc = stamped(self._vmc.feed(read.data[0]), Line.VMC, read.at)
        certain: list[Signal] = [
            signal for byte in vmc for signal in self._watch.feed(byte, read.at)
        ]
        if self._vmc_only:
            return certain if read.data[0] else self._watch.elapsed(read.at)
        answers = stamped(self._peripheral.feed(read.data[1]), Line.PERIPHERAL, read.at)
        if not read.data[0]:
            certain += self._watch.give_up() if answers else self._watch.elapsed(read.at)
        for signal in [*certain, *answers]:
            self._weave.add(signal, read.at)
        return self._weave.settle(read.at)

    def flush(self) -> list[Signal]:
        """The ports were lost: what was read but waited."""
        held = self._watch.give_up()
        if self._vmc_only:
            return held
        for signal in held:
            self._weave.add(signal, self._read_at)
        return self._weave.flush()


def stamped(heard: list[NinthBit], line: Line, read_at: float) -> list[BusByte]:
    """Bytes with the time each began, if the last one ended when it was read."""
    return [
        BusByte(value, mode, line, read_at - left * BYTE_S)
        for left, (value, mode) in zip(range(len(heard), 0, -1), heard, strict=True)
    ]

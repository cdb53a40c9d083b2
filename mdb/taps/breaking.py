"""A bus reset, told from a byte: through PARMRK both are 00 with the mode bit set."""

from typing import Final

from mdb.byte import Break, BusByte, Signal

SILENCE_S: Final = 0.25
"""The VMC holds a break for 100 ms and then waits 200 ms. Polls are up to 200 ms apart, so a
shorter silence would make a reset of an ACK whose mode bit was damaged."""


class BreakWatch:
    """Watches the VMC's line. An address byte 00 is followed by its checksum within 5 ms.

    In doubt it is a byte: a VMC that reset the bus says RESET to every peripheral next, and a
    reset that never was could conclude a sale.
    """

    def __init__(self) -> None:
        self._held: BusByte | None = None
        self._read_at = 0.0

    def feed(self, byte: BusByte, read_at: float) -> list[Signal]:
        """Take the VMC's next byte; return what is certain now."""
        certain = self.give_up()
        if byte.mode and byte.value == 0:
            self._held, self._read_at = byte, read_at
            return certain
        return [*certain, byte]

    def elapsed(self, now: float) -> list[Signal]:
        """Nothing was to be read on either line: a break, if that has lasted."""
        if self._held is None or now - self._read_at < SILENCE_S:
            return []
        at, self._held = self._held.at, None
        return [Break(at)]

    def give_up(self) -> list[Signal]:
        """It was a byte: something else was heard."""
        held, self._held = self._held, None
        return [] if held is None else [held]

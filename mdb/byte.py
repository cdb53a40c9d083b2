"""What a tap hands over: a byte with its mode bit, or a break (MDB 4.2, section 2.1).

A byte on the bus has nine bits. The ninth, the mode bit, marks the address byte of a VMC block and
the last byte of a peripheral's, so it is part of the byte's type: a listener that loses it must
guess where blocks end.
"""

from enum import Enum
from typing import Final, NamedTuple

BYTE_S: Final = 0.001146
"""One byte on the wire: 11 bits at 9600 baud."""


class Line(Enum):
    """Which wire of the bus: master transmit (pin 5) or master receive (pin 4)."""

    VMC = ">"
    PERIPHERAL = "<"


class BusByte(NamedTuple):
    """One byte as heard: its value, its mode bit, its line, and the tap's clock in seconds."""

    value: int
    mode: bool
    line: Line
    at: float


class Break(NamedTuple):
    """The VMC held the line active for 100 ms or more: a bus reset of every peripheral."""

    at: float


Signal = BusByte | Break

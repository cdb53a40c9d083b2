"""Bytes with a ninth bit, as a Unix terminal with INPCK and PARMRK hands them over (termios(3)).

The port expects space parity, so the ninth bit must be 0, and a byte where it is 1 comes marked as
a parity error:

    xx          xx, mode bit 0
    FF FF       FF, mode bit 0
    FF 00 xx    xx, mode bit 1; a break comes as FF 00 00 and is told from it by time alone
"""

from enum import Enum, auto
from typing import Final

MARK: Final = 0xFF
NinthBit = tuple[int, bool]
"""A byte's value and its mode bit."""


class _At(Enum):
    BYTE = auto()
    AFTER_FF = auto()
    AFTER_FF_00 = auto()


class Unescaper:
    """Takes what was read, cut anywhere. Never raises; never holds more than two bytes."""

    def __init__(self) -> None:
        self._at = _At.BYTE

    def feed(self, read: bytes) -> list[NinthBit]:
        """Take the next bytes read; return the bus bytes they complete.

        FF before anything but FF and 00 is no escape: the port does not mark. Both are given as
        they are.
        """
        heard: list[NinthBit] = []
        for value in read:
            match self._at:
                case _At.BYTE if value == MARK:
                    self._at = _At.AFTER_FF
                    continue
                case _At.AFTER_FF if value == 0:
                    self._at = _At.AFTER_FF_00
                    continue
                case _At.AFTER_FF if value != MARK:
                    heard += [(MARK, False), (value, False)]
                case _At.AFTER_FF_00:
                    heard.append((value, True))
                case _:
                    heard.append((value, False))
            self._at = _At.BYTE
        return heard

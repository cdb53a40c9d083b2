"""The two lines between the parties, in virtual time: what is said, who heard it, and the tap.

Every block passes here once. Its *fate* says who heard it: a party may miss what the tap heard, the
tap may miss what the parties heard, or both may hear it damaged. The parties know nothing of fates;
they see a block, a damaged one, or silence.
"""

from collections.abc import Callable
from enum import Enum, auto
from random import Random
from typing import Final

from mdb.byte import BYTE_S, Break, Line, Signal
from mdb.trace import signals

BREAK_S: Final = 0.1
"""How long the VMC holds its line for a bus reset (3.2)."""
SETTLE_S: Final = 0.25
"""From there to the first command; at least 200 ms (3.2)."""


class Fate(Enum):
    """Who heard a block, and how."""

    HEARD = auto()
    LOST_TO_RECEIVER = auto()
    DAMAGED_TO_RECEIVER = auto()
    LOST = auto()
    DAMAGED = auto()
    MISSED_BY_TAP = auto()


LOSSES: Final = (
    Fate.LOST_TO_RECEIVER,
    Fate.DAMAGED_TO_RECEIVER,
    Fate.LOST,
    Fate.DAMAGED,
)
"""What happens on the link. A block that only the tap missed is noise of the tap."""

Fates = Callable[[Line, bytes], Fate]


def quiet(_line: Line, _values: bytes) -> Fate:
    """Everybody hears everything."""
    return Fate.HEARD


class Unreliable:
    """Losses by chance, never more than `in_a_row`: nobody is given up for dead."""

    def __init__(self, chance: Random, rate: float, in_a_row: int = 2) -> None:
        self._chance = chance
        self._rate = rate
        self._limit = in_a_row
        self._run = 0

    def __call__(self, _line: Line, _values: bytes) -> Fate:
        """Draw the next block's fate."""
        if self._run >= self._limit or self._chance.random() >= self._rate:
            self._run = 0
            return Fate.HEARD
        self._run += 1
        return self._chance.choice(LOSSES)


class Wire:
    """The bus: carries one block at a time and keeps what a tap on it hears."""

    def __init__(self, now: float = 0.0, fates: Fates = quiet, turnaround_s: float = 0.001) -> None:
        self.now = now
        self.missed = 0
        """How many blocks only the tap missed."""
        self.fates = fates
        self._turnaround_s = turnaround_s
        self._heard: list[tuple[Signal, ...]] = []

    def carry(self, line: Line, values: bytes) -> bytes | None:
        """Say a block; return what its receiver hears, None if that is nothing."""
        fate = self.fates(line, values)
        begun = self.now + self._turnaround_s
        self.now = begun + len(values) * BYTE_S
        damaged = _damage(values)
        if fate is Fate.MISSED_BY_TAP:
            self.missed += 1
        elif fate is not Fate.LOST:
            told = damaged if fate is Fate.DAMAGED else values
            self._heard.append(tuple(signals(line, told, begun)))
        match fate:
            case Fate.LOST | Fate.LOST_TO_RECEIVER:
                return None
            case Fate.DAMAGED | Fate.DAMAGED_TO_RECEIVER:
                return damaged
            case _:
                return values

    def hold(self) -> None:
        """A bus reset: the VMC's line is held, and everybody hears that."""
        self._heard.append((Break(self.now),))
        self.now += BREAK_S + SETTLE_S

    def pause(self, seconds: float) -> None:
        """Nobody speaks."""
        self.now += seconds

    def take(self) -> list[tuple[Signal, ...]]:
        """What the tap has heard since it was last asked, a block each."""
        heard, self._heard = self._heard, []
        return heard


def _damage(values: bytes) -> bytes:
    """One bit of one byte turned: the checksum is wrong, and an ACK is none."""
    at = sum(values) % len(values)
    return bytes(each ^ 0x10 * (index == at) for index, each in enumerate(values))

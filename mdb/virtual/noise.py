"""Noise at the tap alone: bytes turned, lost, doubled or made up, and wrong mode bits.

The parties heard each other well; only the listener did not.
"""

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final

from mdb.byte import Break, BusByte, Signal

Hit = Callable[[BusByte, Random], list[BusByte]]


def _turned(byte: BusByte, chance: Random) -> list[BusByte]:
    return [byte._replace(value=byte.value ^ 1 << chance.randrange(8))]


def _lost(_byte: BusByte, _chance: Random) -> list[BusByte]:
    return []


def _doubled(byte: BusByte, _chance: Random) -> list[BusByte]:
    return [byte, byte]


def _mode_turned(byte: BusByte, _chance: Random) -> list[BusByte]:
    return [byte._replace(mode=not byte.mode)]


def _made_up(byte: BusByte, chance: Random) -> list[BusByte]:
    return [byte, byte._replace(value=chance.randrange(256), mode=chance.random() < 0.5)]


HITS: Final[tuple[Hit, ...]] = (_turned, _lost, _doubled, _mode_turned, _made_up)


class Noise:
    """Spoils a byte now and then; `hits` counts how often."""

    def __init__(self, chance: Random, rate: float) -> None:
        self._chance = chance
        self._rate = rate
        self.hits = 0

    def over(self, signals: Iterable[Signal]) -> Iterator[Signal]:
        """The signals as the tap hears them."""
        for signal in signals:
            if isinstance(signal, Break) or self._chance.random() >= self._rate:
                yield signal
            else:
                self.hits += 1
                yield from self._chance.choice(HITS)(signal, self._chance)

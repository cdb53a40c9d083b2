"""A device's unit of money: what the number 1 on the bus is worth (2.4.2 of each device).

money = number * scale * 10^-decimals
"""

from dataclasses import dataclass
from typing import Final

MINOR_PER_MAJOR: Final = 100
"""Roubles, euros and dollars have a hundred minor units each."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Scale and decimal places, as SETUP tells them."""

    scale: int
    decimals: int

    @property
    def minor(self) -> int:
        """Minor units of currency in one unit.

        Raises:
            ValueError: one unit is no whole number of them.
        """
        places: int = 10**self.decimals
        worth, rest = divmod(self.scale * MINOR_PER_MAJOR, places)
        if rest or not worth:
            raise ValueError(
                f"scale {self.scale} with {self.decimals} decimals is no whole minor unit"
            )
        return worth

    def units(self, minor: int) -> int:
        """The number on the bus for so much money.

        Raises:
            ValueError: it is no whole number of units.
        """
        units, rest = divmod(minor, self.minor)
        if rest:
            raise ValueError(f"{minor} is no multiple of the device's unit, {self.minor}")
        return units


TENTHS: Final = Unit(10, 2)
"""0.10 a unit."""
WHOLE: Final = Unit(100, 2)
TENS: Final = Unit(1000, 2)

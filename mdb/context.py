"""Context: what a peripheral tells once, when the machine starts.

SETUP is heard at power-up only, so a listener that starts after the machine knows no money unless
somebody has kept this value for it. One an address; all of it is plain numbers, ready to be saved.
"""

from dataclasses import dataclass, replace
from typing import Final

from mdb.scaling import UNKNOWN_MONEY, UNKNOWN_WIDE_MONEY, Scaling

TOKEN: Final = 0xFF
"""A credit of FF is a vend token; one of 00 is a type that is not used (5.3, 6.3)."""

WIDE_MONEY: Final = 0b110
"""Option bits 1 (32-bit money) and 2 (multi-currency): either makes expanded currency mode."""
MDB_4_3: Final = ~0b111111
"""Option bits from 6 on: what MDB 4.3 added (remote vend, baskets, longer item numbers …)."""
CASH_SALE: Final = 0b1000
"""READER CONFIG, Z8 bit 3: the reader wants to be told of cash sales."""


@dataclass(frozen=True, slots=True)
class Context:
    """Feature levels, money and options of one peripheral; None or empty for what was not heard.

    `display` is in characters. `features` are those the peripheral announced (READER CONFIG, Z8),
    `options` those the VMC enabled. `expanded` is expanded currency mode: 32-bit money; it is known
    from the options or from the length of a block. `credits` are scaled units a coin or bill
    type, from type 0 on.
    """

    vmc_level: int | None = None
    reader_level: int | None = None
    scaling: Scaling | None = None
    display: int | None = None
    features: int | None = None
    options: int = 0
    expanded: bool | None = None
    credits: tuple[int, ...] = ()

    @property
    def level(self) -> int | None:
        """The level both speak (2.4.4)."""
        if self.vmc_level is None or self.reader_level is None:
            return None
        return min(self.vmc_level, self.reader_level)

    def after_reset(self) -> "Context":
        """Options are off until they are enabled again (7.2); the rest stays true."""
        plain = self.expanded is False and not self.options
        return self if plain else replace(self, expanded=False, options=0)

    @property
    def longer(self) -> bool:
        """Whether MDB 4.3 was agreed on, which lengthens some messages."""
        return bool(self.options & MDB_4_3)

    def unknown(self, units: int) -> bool:
        """Whether units of money are all ones: a token, or "not known"."""
        return units in (UNKNOWN_WIDE_MONEY if self.expanded else UNKNOWN_MONEY)

    def units(self, units: int) -> int | None:
        """Minor units of a value in scaled units; None where the scaling was not heard."""
        money = None if self.scaling is None else self.scaling.money(units)
        return None if money is None else money.minor

    def worth(self, kind: int, count: int = 1) -> int | None:
        """Minor units of so many coins or bills of a type; None where SETUP did not tell it."""
        if self.scaling is None or kind >= len(self.credits):
            return None
        credit = self.credits[kind]
        return self.units(0 if credit == TOKEN else credit * count)


UNHEARD: Final = Context()
"""Nothing has been heard."""

"""Scaling: what a price on the bus is worth.

A peripheral announces a scale factor and decimal places in its SETUP answer, and from then on
speaks of money in scaled units (MDB 4.2, section 7.4.2):

    actual = units x scale factor x 10^-decimal places
"""

from dataclasses import dataclass
from typing import Final

from mdb.money import Money, exponent

ISO_4217: Final = {
    36: "AUD",
    124: "CAD",
    156: "CNY",
    203: "CZK",
    208: "DKK",
    348: "HUF",
    356: "INR",
    376: "ILS",
    392: "JPY",
    398: "KZT",
    410: "KRW",
    417: "KGS",
    498: "MDL",
    578: "NOK",
    643: "RUB",
    702: "SGD",
    752: "SEK",
    756: "CHF",
    784: "AED",
    810: "RUB",  # RUR, the rouble before 1998: old validators still announce it
    826: "GBP",
    840: "USD",
    860: "UZS",
    933: "BYN",
    941: "RSD",
    944: "AZN",
    946: "RON",
    949: "TRY",
    975: "BGN",
    978: "EUR",
    980: "UAH",
    981: "GEL",
    985: "PLN",
}
"""Numeric to alphabetic currency codes."""

UNKNOWN_MONEY: Final = frozenset({0xFFFF})
UNKNOWN_WIDE_MONEY: Final = frozenset({0xFFFFFFFF})
"""All ones, 16 and 32 bits: in VEND APPROVED an electronic token, elsewhere "not known"."""
UNKNOWN_CURRENCY: Final = b"\xff\xff"


def currency_of(code: bytes) -> str | None:
    """The currency of a two-byte country/currency code (7.4.2, Z3-Z4).

    ``1xxx`` in BCD is ISO 4217; ``0xxx`` is a telephone code, and some readers send digits that
    are no BCD at all: both tell no currency, so None.
    """
    digits = code.hex()
    if len(digits) != 4 or not digits.isdecimal() or digits[0] != "1":
        return None
    return ISO_4217.get(int(digits[1:]))


@dataclass(frozen=True, slots=True)
class Scaling:
    """One peripheral's scale factor, decimal places and currency; `code` is as it was told, hex."""

    scale: int
    decimals: int
    currency: str | None
    code: str | None = None

    @classmethod
    def of(cls, code: bytes, scale: int, decimals: int) -> "Scaling":
        """The scaling of a SETUP answer; `code` is its two bytes of country/currency."""
        return cls(scale, decimals, currency_of(code), code.hex())

    def with_currency(self, code: bytes | None) -> "Scaling":
        """The same in another currency (expanded currency mode); None or FFFF tells none."""
        if code is None or code == UNKNOWN_CURRENCY:
            return self
        return Scaling.of(code, self.scale, self.decimals)

    def money(self, units: int) -> Money | None:
        """Scaled units to minor units; None where they do not come out whole."""
        shift = exponent(self.currency) - self.decimals
        value = units * self.scale
        if shift >= 0:
            return Money(value * 10**shift, self.currency)
        minor, rest = divmod(value, 10**-shift)
        return None if rest else Money(minor, self.currency)

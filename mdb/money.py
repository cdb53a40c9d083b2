"""Money: integer minor units of one currency, never a float."""

from dataclasses import dataclass
from typing import Final

EXPONENTS: Final = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"),
            *("VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217 exponents that are not 2."""


def exponent(currency: str | None) -> int:
    """How many decimal digits the currency has; 2 where it is unknown."""
    return EXPONENTS.get(currency or "", 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (kopecks, cents) and its ISO 4217 code, or None if unknown."""

    minor: int
    currency: str | None

    def __str__(self) -> str:
        """Major units with the currency's digits: ``125.10 RUB``."""
        digits = exponent(self.currency)
        text = f"{abs(self.minor):0{digits + 1}d}"
        if digits:
            text = f"{text[:-digits]}.{text[-digits:]}"
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{text} {self.currency}" if self.currency else f"{sign}{text}"

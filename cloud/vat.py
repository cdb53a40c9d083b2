"""VAT: which rate a product has on a given day. Decided once, at intake, and frozen.

From 2026-01-01 the standard rate is 22 %, before it was 20 %; 5 % and 7 % exist since 2025 for
payers of the simplified system above its limit. A return keeps the rate of its sale.
"""

from datetime import date
from enum import Enum
from typing import Final

STANDARD_20_FROM: Final = date(2019, 1, 1)
STANDARD_22_FROM: Final = date(2026, 1, 1)
REDUCED_5_7_FROM: Final = date(2025, 1, 1)


class VatRate(Enum):
    """Tag 1199, by its value in the fiscal data format."""

    VAT_20 = 1
    VAT_10 = 2
    VAT_0 = 5
    NONE = 6
    VAT_5 = 7
    VAT_7 = 8
    VAT_22 = 11

    @property
    def percent(self) -> int | None:
        """The rate in percent; None where VAT is not charged at all."""
        return _PERCENT[self]


_PERCENT: Final = {
    VatRate.VAT_20: 20,
    VatRate.VAT_10: 10,
    VatRate.VAT_0: 0,
    VatRate.NONE: None,
    VatRate.VAT_5: 5,
    VatRate.VAT_7: 7,
    VatRate.VAT_22: 22,
}

_NAMED: Final = {
    "none": VatRate.NONE,
    "0": VatRate.VAT_0,
    "5": VatRate.VAT_5,
    "7": VatRate.VAT_7,
    "10": VatRate.VAT_10,
}


def rate_on(name: str, day: date) -> VatRate | None:
    """The rate that a product's ``vat`` setting means on a day; None if it was not law then."""
    if name == "standard":
        return as_of(VatRate.VAT_22, day)
    rate = _NAMED[name]
    return rate if is_law(rate, day) else None


def as_of(rate: VatRate, day: date) -> VatRate:
    """What was charged by this rate on another day: the standard one is that of its day."""
    if rate not in {VatRate.VAT_20, VatRate.VAT_22}:
        return rate
    return VatRate.VAT_22 if day >= STANDARD_22_FROM else VatRate.VAT_20


def is_law(rate: VatRate, day: date) -> bool:
    """Whether a settlement of that day may carry the rate."""
    match rate:
        case VatRate.VAT_20:
            return STANDARD_20_FROM <= day < STANDARD_22_FROM
        case VatRate.VAT_22:
            return day >= STANDARD_22_FROM
        case VatRate.VAT_5 | VatRate.VAT_7:
            return day >= REDUCED_5_7_FROM
        case _:
            return True


def included(gross: int, rate: VatRate) -> int:
    """The VAT inside a gross amount, minor units, half up."""
    percent = rate.percent or 0
    return (2 * gross * percent + 100 + percent) // (2 * (100 + percent))

"""Sums, in kopecks: tags 1020, 1031, 1081."""

from datetime import date
from typing import Final

from cloud.receipt import Receipt

MOST: Final = 9_999_999_999
"""99 999 999.99 roubles, what every provider's field for a sum holds."""


def total(receipt: Receipt, _: date) -> str:
    """Tag 1020: within its limits, and what was paid."""
    if not 0 < receipt.amount <= MOST:
        return f"the total is {receipt.amount} kopecks, it has to be 1 to {MOST}"
    paid = receipt.cash + receipt.cashless
    if paid == receipt.amount:
        return ""
    return f"the total is {receipt.amount} kopecks, the payments make {paid}"


def cash(receipt: Receipt, _: date) -> str:
    """Tag 1031."""
    return "" if receipt.cash >= 0 else "less than nothing was paid in cash"


def cashless(receipt: Receipt, _: date) -> str:
    """Tag 1081: never more than the total, there is no change."""
    if receipt.cashless > receipt.amount:
        return "more than the total was paid without cash"
    return "" if receipt.cashless >= 0 else "less than nothing was paid without cash"

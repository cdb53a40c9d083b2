"""Exactness: what an emulator asks of a value, where rounding it or printing it would hide a mistake."""

import re
from typing import Any

_NOISE = 1e-6


def is_money(told: Any) -> bool:  # noqa: ANN401, whatever came
    """Roubles: a number and no text, at most two decimals.

    Raises:
        ValueError, OverflowError: it is NaN, or endless.
    """
    if isinstance(told, bool) or not isinstance(told, int | float):
        return False
    return abs(told * 100 - round(told * 100)) < _NOISE and told >= 0


def is_whole(told: Any, allowed: range) -> bool:  # noqa: ANN401, whatever came
    """A whole number and no text."""
    return isinstance(told, int) and not isinstance(told, bool) and told in allowed


def is_text(told: Any, most: int, form: str = r"(?s).+") -> bool:  # noqa: ANN401, whatever came
    """A text that is not empty, and not too long."""
    return isinstance(told, str) and len(told) <= most and re.fullmatch(form, told) is not None

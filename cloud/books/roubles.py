"""Roubles as people write them, kopecks as we keep them. Exact: no float comes near them."""

import re
from typing import Final

MOST: Final = 10**9
"""Kopecks; what a price may be (`cloud.fleet.Price`)."""
_FORM: Final = re.compile(r"(\d{1,8})(?:[.,](\d{1,2}))?", re.ASCII)


def kopecks(text: str) -> int:
    """``120``, ``120.5`` or ``1 200,50`` in kopecks.

    Raises:
        ValueError: it is none of these; the message says what was expected.
    """
    found = _FORM.fullmatch("".join(text.split()))
    if found is None or (amount := _amount(*found.groups(""))) > MOST:
        raise ValueError(f"{text!r} is no amount; expected roubles, such as 120 or 120.50")
    return amount


def roubles(amount: int) -> str:
    """``120.50``."""
    return f"{amount // 100}.{amount % 100:02d}"


def _amount(whole: str, part: str) -> int:
    return int(whole) * 100 + int(part.ljust(2, "0"))

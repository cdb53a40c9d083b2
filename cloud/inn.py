"""The taxpayer's number (tag 1018): ten digits of a company, twelve of a person, with a checksum."""

import re
from typing import Final

_FORM: Final = re.compile(r"(?!00)(\d{10}|\d{12})", re.ASCII)
"""The first two digits are the region's, and there is no region 00."""
_WEIGHTS: Final = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
"""Of the digits before a control digit; the nearest to it has the last."""


def is_inn(text: str) -> bool:
    """Whether the form and the control digits are right."""
    if not _FORM.fullmatch(text):
        return False
    controls = (10,) if len(text) == 10 else (11, 12)
    return all(text[length - 1] == _control(text[: length - 1]) for length in controls)


def _control(digits: str) -> str:
    weights = _WEIGHTS[-len(digits) :]
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return str(total % 11 % 10)

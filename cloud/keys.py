"""Keys: what a provider knows an attempt by.

The sale's id alone for the first attempt at its income; the id and a suffix for whatever comes
later. A key is never used for another body, and a new one only once the one before is dead.
"""

from typing import Final

from cloud.receipt import Purpose

_MARK: Final = {Purpose.INCOME: "", Purpose.INCOME_RETURN: "r", Purpose.CORRECTION: "c"}


def key_of(sale_id: str, purpose: Purpose, number: int) -> str:
    """The key of a receipt's attempt; `number` counts from 0.

    ``ID``, ``ID-1``, ``ID-2`` … income; ``ID-r``, ``ID-r1`` … return; ``ID-c``, ``ID-c1`` …
    correction. A constraint of the schema says the same.
    """
    suffix = f"{_MARK[purpose]}{number or ''}"
    return f"{sale_id}-{suffix}" if suffix else sale_id

"""Returns and corrections: tags 1192, 1173, 1178, 1179."""

import re
from datetime import date
from typing import Final

from cloud.ffd.text import unprintable
from cloud.receipt import Purpose, Receipt

LONGEST_ORDER: Final = 32

_SIGN: Final = re.compile(r"\d{1,10}", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def day_of_settlement(receipt: Receipt, day: date) -> date:
    """The day that a correction names; of other receipts, and if it names none, `day`."""
    return _corrected(receipt) or day


def basis(receipt: Receipt, _: date) -> str:
    """Tag 1192: the fiscal sign of what is returned."""
    if receipt.purpose is not Purpose.INCOME_RETURN:
        return "only a return names another receipt" if receipt.basis else ""
    named = _SIGN.fullmatch(receipt.basis)
    return "" if named else "a return names the fiscal sign of what it returns"


def kind_of_correction(receipt: Receipt, _: date) -> str:
    """Tag 1173: it comes with a correction, and with nothing else."""
    if (receipt.purpose is Purpose.CORRECTION) == (receipt.cause is not None):
        return ""
    return "a correction has a cause, and nothing else has"


def day_of_correction(receipt: Receipt, day: date) -> str:
    """Tag 1178: a day, and not one to come."""
    if receipt.cause is None:
        return ""
    corrected = _corrected(receipt)
    if corrected is None:
        return f"{receipt.cause.day!r} is no day"
    return "" if corrected <= day else f"{corrected} is after the day of the settlement"


def number_of_order(receipt: Receipt, _: date) -> str:
    """Tag 1179: an order of the tax service has one."""
    if receipt.cause is None:
        return ""
    number = receipt.cause.number
    if number:
        return unprintable("the order's number", number, LONGEST_ORDER)
    return "an order has a number" if receipt.cause.by_order else ""


def _corrected(receipt: Receipt) -> date | None:
    if receipt.cause is None or not _DAY.fullmatch(receipt.cause.day):
        return None
    try:
        return date.fromisoformat(receipt.cause.day)
    except ValueError:
        return None

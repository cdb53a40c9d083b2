"""The automatic device, where it stands and when it sold: tags 1036, 1009, 1187, 1011, 1012."""

import re
from datetime import date, datetime
from typing import Final

from cloud.ffd.text import unprintable
from cloud.receipt import Receipt

LONGEST_NUMBER: Final = 20
LONGEST_PLACE: Final = 243
"""The shortest provider's field; the format itself has 256."""

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


def number(receipt: Receipt, _: date) -> str:
    """Tag 1036."""
    return unprintable("the machine's number", receipt.machine, LONGEST_NUMBER)


def address(receipt: Receipt, _: date) -> str:
    """Tag 1009."""
    return unprintable("the address", receipt.address, LONGEST_PLACE)


def place(receipt: Receipt, _: date) -> str:
    """Tag 1187."""
    return unprintable("the place", receipt.place, LONGEST_PLACE)


def zone(receipt: Receipt, _: date) -> str:
    """Tag 1011: one of eleven hours, or none."""
    if receipt.zone is None or receipt.zone in range(1, 12):
        return ""
    return f"the time zone is {receipt.zone}, it has to be 1 to 11"


def sold_at(receipt: Receipt, _: date) -> str:
    """Tag 1012 is the register's; what it is told has to be a local time all the same."""
    return "" if not receipt.sold_at or _is_moment(receipt.sold_at) else "it is no local time"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _MOMENT.fullmatch(text) is not None

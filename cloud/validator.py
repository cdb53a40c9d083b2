"""The validator: what would be wrong with a receipt if it were sent as it is. Pure.

A receipt has one line of one piece, so that the quantity (1023) is 1 and the price is the total;
tags that are enumerations (1054, 1209) hold nothing that is not lawful.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from cloud.ffd import amends, device, goods, money, seller
from cloud.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a receipt, and in which tag."""

    tag: int
    reason: str


def problems(receipt: Receipt, day: date) -> tuple[Problem, ...]:
    """All that is wrong, in the order of the table; empty if it may be sent.

    `day` is that of the settlement in the machine's zone: of the sale, or of the return. A
    correction is held against the law of the day it names (tag 1178), a return may carry any rate
    that has been law by then.
    """
    return tuple(Problem(tag, reason) for tag, check in _CHECKS if (reason := check(receipt, day)))


_CHECKS: Final[tuple[tuple[int, Callable[[Receipt, date], str]], ...]] = (
    (1018, seller.inn),
    (1055, seller.taxation),
    (1117, seller.sender),
    (1036, device.number),
    (1009, device.address),
    (1187, device.place),
    (1011, device.zone),
    (1012, device.sold_at),
    (1030, goods.name),
    (1212, goods.subject),
    (1214, goods.method),
    (1162, goods.code_of_goods),
    (2000, goods.code_of_marking),
    (1199, goods.vat),
    (1020, money.total),
    (1031, money.cash),
    (1081, money.cashless),
    (1192, amends.basis),
    (1173, amends.kind_of_correction),
    (1178, amends.day_of_correction),
    (1179, amends.number_of_order),
)
"""By tag; each check says what is wrong, or nothing."""

"""The seller: tags 1018, 1055, 1117."""

import re
from datetime import date
from typing import Final

from cloud.inn import is_inn
from cloud.receipt import Receipt, Taxation
from cloud.vat import VatRate

LONGEST_EMAIL: Final = 64

_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_SIMPLIFIED: Final = {Taxation.USN_INCOME, Taxation.USN_INCOME_OUTCOME}


def inn(receipt: Receipt, _: date) -> str:
    """Tag 1018: its control digits."""
    return "" if is_inn(receipt.inn) else f"{receipt.inn} is no taxpayer's number"


def taxation(receipt: Receipt, _: date) -> str:
    """Tag 1055: 5 % and 7 % are for payers of the simplified system above its limit."""
    reduced = receipt.vat in {VatRate.VAT_5, VatRate.VAT_7}
    if not reduced or receipt.taxation in _SIMPLIFIED:
        return ""
    return f"VAT {receipt.vat.percent} % is of the simplified system alone"


def sender(receipt: Receipt, _: date) -> str:
    """Tag 1117: an address of e-mail, or none."""
    right = _EMAIL.fullmatch(receipt.sender) and len(receipt.sender) <= LONGEST_EMAIL
    return "" if right or not receipt.sender else f"{receipt.sender!r} is no address of e-mail"

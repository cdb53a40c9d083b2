"""What was sold and how: tags 1030, 1212, 1214, 1162, 2000, 1199."""

from datetime import date
from typing import Final

from cloud.ffd.amends import day_of_settlement
from cloud.ffd.text import unprintable
from cloud.marking import NAMED, is_gtin, read_code
from cloud.receipt import MarkingMode, Method, Purpose, Receipt, Subject
from cloud.vat import REDUCED_5_7_FROM, STANDARD_20_FROM, STANDARD_22_FROM, VatRate, is_law

LONGEST_NAME: Final = 128

_ORDINARY: Final = {Subject.GOODS, Subject.EXCISABLE, Subject.SERVICE}
_SUBJECTS: Final = {
    ("1.05", False): _ORDINARY,
    ("1.05", True): {Subject.GOODS, Subject.EXCISABLE},
    ("1.2", False): _ORDINARY | {Subject.GOODS_UNMARKED, Subject.EXCISABLE_UNMARKED},
    ("1.2", True): {Subject.GOODS_MARKED, Subject.EXCISABLE_MARKED},
}
"""Tag 1212 by the format and by whether the receipt names a mark."""

_SINCE: Final = {
    VatRate.VAT_20: STANDARD_20_FROM,
    VatRate.VAT_22: STANDARD_22_FROM,
    VatRate.VAT_5: REDUCED_5_7_FROM,
    VatRate.VAT_7: REDUCED_5_7_FROM,
}
"""From when on there can be a receipt of that rate to return."""


def name(receipt: Receipt, _: date) -> str:
    """Tag 1030."""
    return unprintable("the name", receipt.name, LONGEST_NAME)


def subject(receipt: Receipt, _: date) -> str:
    """Tag 1212."""
    named = receipt.marking.mode in NAMED
    if receipt.subject in _SUBJECTS[receipt.ffd, named]:
        return ""
    mark = "with a mark" if named else "without a mark"
    return f"subject {receipt.subject.value} {mark} is not lawful in FFD {receipt.ffd}"


def method(receipt: Receipt, _: date) -> str:
    """Tag 1214."""
    return "" if receipt.method is Method.FULL_PAYMENT else "a machine sells for full payment"


def code_of_goods(receipt: Receipt, _: date) -> str:
    """Tag 1162, FFD 1.05."""
    return _mark(receipt) if receipt.ffd == "1.05" else ""


def code_of_marking(receipt: Receipt, _: date) -> str:
    """Tag 2000, FFD 1.2."""
    return _mark(receipt) if receipt.ffd == "1.2" else ""


def vat(receipt: Receipt, day: date) -> str:
    """Tag 1199: a rate of the day that was settled; a return may carry any that was law by then."""
    settled = day_of_settlement(receipt, day)
    if receipt.purpose is Purpose.INCOME_RETURN:
        lawful = settled >= _SINCE.get(receipt.vat, date.min)
    else:
        lawful = is_law(receipt.vat, settled)
    return "" if lawful else f"VAT {receipt.vat.percent} % was not law on {settled}"


def _mark(receipt: Receipt) -> str:
    """A kind is named by a GTIN, a piece by its code, other goods by nothing."""
    marking = receipt.marking
    match marking.mode:
        case MarkingMode.GTIN_VEND:
            right = is_gtin(marking.gtin) and not marking.code
            return "" if right else f"the kind is named by a GTIN, {marking.gtin!r} is none"
        case MarkingMode.FULL_CODE:
            right = read_code(marking.code) is not None and not marking.gtin
            return "" if right else f"the piece is named by its code, {marking.code!r} is none"
    return "goods without a mark name one" if marking.gtin or marking.code else ""

"""What CloudKassir checks of a request before it takes it, with its own error codes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from cloud.emulators.exact import is_money, is_text, is_whole

Problem = tuple[int, str]
NOBODY: Final = -1
LACKS: Final[Mapping[str, Problem]] = {
    "cash": (19, "Нет касс, поддерживающих наличный расчёт"),
    "terminal": (16, "Нет касс с подходящим терминалом"),
}
"""What the account's registers may lack: nobody can pay so."""
_PAID_BY: Final = {"Cash": "cash", "Electronic": "terminal"}

_TYPES: Final = {"Income", "IncomeReturn", "Expense", "ExpenseReturn"}
_VATS: Final = {None, 0, 5, 7, 10, 20, 22, 105, 107, 110, 120, 122, 12}
_SCALE: Final = range(1, 13)
"""A correction's `VatRate`: tag 1199."""
_LABEL: Final = 128
_PLACE: Final = 256
_DAY: Final = r"\d{4}-\d\d-\d\d"
_INCORRECT: Final = (27, "Некорректные данные")


def problem(
    told: Any,  # noqa: ANN401, whatever came
    inn: str | None,
    lacks: Collection[str] = (),
) -> Problem | None:
    """The first thing wrong with a receipt, as (code, message); None if it would be taken."""
    if not isinstance(told, dict):
        return 26, "Данные не заполнены"
    if wrong := _company(told.get("Inn"), inn):
        return wrong
    receipt = told.get("CustomerReceipt")
    if not isinstance(receipt, dict) or not receipt.get("Items"):
        return 12, "Нет товаров в чеке"
    try:
        if told.get("Type") not in _TYPES or receipt.get("TaxationSystem") not in range(6):
            return _INCORRECT
        if not _places(receipt, "CalculationPlace"):
            return _INCORRECT
        wrong = next((found for check in _CHECKS if (found := check(receipt))), None)
        return wrong or _lacking(receipt, lacks)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return _INCORRECT


def correction_problem(
    told: Any,  # noqa: ANN401, whatever came
    inn: str | None,
    lacks: Collection[str] = (),
) -> Problem | None:
    """The first thing wrong with a correction."""
    inner = told.get("CorrectionReceiptData") if isinstance(told, dict) else None
    if not isinstance(inner, dict):
        return 26, "Данные не заполнены"
    if wrong := _company(inner.get("OrganizationInn"), inn):
        return wrong
    try:
        cause = inner["CauseCorrection"]
        good = (
            inner["CorrectionReceiptType"] in range(1, 5)
            and inner["VatRate"] in _SCALE
            and inner["TaxationSystem"] in range(6)
            and inner.get("CorrectionType", 0) in {0, 1}
            and is_text(cause["CorrectionDate"], 10, _DAY)
            # Tag 1179 is an order's; who corrects by himself has none.
            and (bool(cause.get("CorrectionNumber")) or inner.get("CorrectionType", 0) == 0)
            and sum(each for each in inner["Amounts"].values() if each) > 0
            and _places(inner, "PaymentPlace", "PaymentAddress")
        )
        if not good:
            return _INCORRECT
        lines = inner.get("Items") and (_lines(inner) or _payments(inner))
        return lines or _lacking(inner, lacks)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return _INCORRECT


def _company(told: object, inn: str | None) -> Problem | None:
    if not told:
        return 11, "Не указан ИНН"
    if inn is not None and str(told) != inn:
        return NOBODY, f"Компания с ИНН {told} не найдена"
    return None


def _lacking(receipt: Mapping[str, Any], lacks: Collection[str]) -> Problem | None:
    paid = (way for field, way in _PAID_BY.items() if receipt["Amounts"].get(field))
    return next((LACKS[way] for way in paid if way in lacks), None)


def _places(told: Mapping[str, Any], *names: str) -> bool:
    """Tags 1187 and 1009, where they are told."""
    return all(told.get(name) is None or is_text(told[name], _PLACE) for name in names)


def _lines(receipt: Mapping[str, Any]) -> Problem | None:
    for line in receipt["Items"]:
        if not 0 < len(line["Label"]) <= _LABEL or line["Vat"] not in _VATS:
            return _INCORRECT
        if not is_whole(line["Method"], range(1, 8)) or not is_whole(line["Object"], range(34)):
            return _INCORRECT
        if not is_money(line["Price"]):
            return 23, "Цена содержит больше двух знаков"
        if not is_money(line["Amount"]):
            return _INCORRECT
        if round(line["Price"] * line["Quantity"] * 100) != round(line["Amount"] * 100):
            return 27, "Сумма позиции не равна цене, умноженной на количество"
    return None


def _payments(receipt: Mapping[str, Any]) -> Problem | None:
    total = sum(round(line["Amount"] * 100) for line in receipt["Items"])
    if not all(sum_ is None or is_money(sum_) for sum_ in receipt["Amounts"].values()):
        return _INCORRECT
    paid = {name: round(sum_ * 100) for name, sum_ in receipt["Amounts"].items() if sum_}
    if sum(paid.values()) < total:
        return 13, "Сумма оплат меньше суммы чека"
    if sum(paid.values()) - paid.get("Cash", 0) > total:
        return 14, "Сумма безналичных оплат больше суммы чека"
    return None


def _email(receipt: Mapping[str, Any]) -> Problem | None:
    email = receipt.get("Email")
    return (24, "Некорректный e-mail") if email and "@" not in email else None


_CHECKS: Final[Sequence[Callable[[Mapping[str, Any]], Problem | None]]] = (
    _lines,
    _payments,
    _email,
)

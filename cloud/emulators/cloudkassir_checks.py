"""What CloudKassir checks of a receipt before it takes it, with its own error codes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Problem = tuple[int, str]
_TYPES: Final = {"Income", "IncomeReturn", "Expense", "ExpenseReturn"}
_VATS: Final = {None, 0, 5, 7, 10, 20, 22, 105, 107, 110, 120, 122, 12}
_LABEL: Final = 128


def problem(told: Any, inn: str | None) -> Problem | None:  # noqa: ANN401, whatever came
    """The first thing wrong, as (code, message); None if it would be taken."""
    if not isinstance(told, dict):
        return 26, "Данные не заполнены"
    if not told.get("Inn"):
        return 11, "Не указан ИНН"
    if inn is not None and str(told["Inn"]) != inn:
        return -1, f"Компания с ИНН {told['Inn']} не найдена"
    receipt = told.get("CustomerReceipt")
    if not isinstance(receipt, dict) or not receipt.get("Items"):
        return 12, "Нет товаров в чеке"
    try:
        if told.get("Type") not in _TYPES or receipt.get("TaxationSystem") not in range(6):
            return 27, "Некорректные данные"
        return next((found for check in _CHECKS if (found := check(receipt))), None)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return 27, "Некорректные данные"


def _lines(receipt: Mapping[str, Any]) -> Problem | None:
    for line in receipt["Items"]:
        if not 0 < len(line["Label"]) <= _LABEL or line["Vat"] not in _VATS:
            return 27, "Некорректные данные"
        if line["Method"] not in range(1, 8) or not isinstance(line["Object"], int):
            return 27, "Некорректные данные"
        if abs(line["Price"] * 100 - round(line["Price"] * 100)) > 1e-6:
            return 23, "Цена содержит больше двух знаков"
        if round(line["Price"] * line["Quantity"] * 100) != round(line["Amount"] * 100):
            return 27, "Сумма позиции не равна цене, умноженной на количество"
    return None


def _payments(receipt: Mapping[str, Any]) -> Problem | None:
    total = sum(round(line["Amount"] * 100) for line in receipt["Items"])
    paid = {name: round(float(sum_) * 100) for name, sum_ in receipt["Amounts"].items() if sum_}
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

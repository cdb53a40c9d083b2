"""What Orange Data checks of a document before it takes it, as tables of fields.

A field's name in a message is written as the provider does: `'AutomatNumber'`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_BYTES: Final = 32_768
MOST_POSITIONS: Final = 250
MOST_MONEY: Final = 99_999_999.99
FFD_12: Final = 4
CASH: Final = 1
AUTOMAT: Final = "Vend"
"""What the names of groups for automatic devices begin with."""
_MEASURES: Final = {
    *(0, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51),
    *(70, 71, 72, 73, 80, 81, 82, 83, 255),
}
_CONTACT: Final = re.compile(r"none|\+\d+|[^@\s]+@[^@\s]+", re.ASCII)
_MIDNIGHT: Final = re.compile(r"\d{4}-\d\d-\d\d(T00:00:00)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one field: whether it has to be there, and what may stand in it."""

    fits: Callable[[Any], bool]
    needed: bool = False


def problems(told: Mapping[str, Any], path: str, inn: str) -> list[str]:
    """All that is wrong; empty if it would be taken. `path` is the last word of the address."""
    if not told.get("id"):
        return ["Не указан идентификатор документа 'Id'"]
    wrong = _of(told, _ENVELOPE)
    if told.get("inn") != inn:
        wrong.append(f"Организация с ИНН {told.get('inn')} не найдена")
    content = told.get("content")
    if not isinstance(content, dict):
        return [*wrong, "Не указано содержимое документа 'Content'"]
    group = told.get("group") or AUTOMAT
    wrong += _of(content, _SETTLEMENT) + _automat(content, str(group))
    if path == "corrections":
        return wrong + _of(content, _SUMS) + (_paid_sums(content) if not wrong else [])
    wrong += _of(content, _RECEIPT)
    if path == "correction12":
        wrong += _of(content, _CAUSE)
    wrong += _positions(content)
    close = content.get("checkClose")
    if not isinstance(close, dict):
        return [*wrong, "Не указаны параметры закрытия чека 'CheckClose'"]
    wrong += _of(close, _CLOSE)
    for payment in _list(close.get("payments")):
        wrong += _of(payment, _PAYMENT)
    return wrong or _paid(content)


def lines_total(content: Mapping[str, Any]) -> int:
    """The sum of the positions, kopecks."""
    return sum(round(line["price"] * line["quantity"] * 100) for line in content["positions"])


def _positions(content: Mapping[str, Any]) -> list[str]:
    lines = _list(content.get("positions"))
    if not 0 < len(lines) <= MOST_POSITIONS:
        return ["Количество предметов расчёта 'Positions' должно быть от 1 до 250"]
    new = content.get("ffdVersion") == FFD_12
    wrong: list[str] = []
    for line in lines:
        wrong += _of(line, _POSITION)
        if not isinstance(line, dict):
            continue
        wrong += _of(line, _POSITION_12 if new else _POSITION_105)
        for name in () if new else ("itemCode", "quantityMeasurementUnit", "industryAttribute"):
            if name in line:
                wrong.append(f"Поле '{_cased(name)}' недопустимо в ФФД 1.05")
        if new and "nomenclatureCode" in line:
            wrong.append("Поле 'NomenclatureCode' недопустимо в ФФД 1.2")
        if not new and (line.get("paymentSubjectType") or 0) >= 30:
            wrong.append("Недопустимое значение поля 'PaymentSubjectType'")
    return wrong


def _automat(content: Mapping[str, Any], group: str) -> list[str]:
    """Tags 1036, 1009, 1187 belong to automatic devices, and to nobody else."""
    of_automats = group.startswith(AUTOMAT)
    if of_automats:
        return _of(content, _AUTOMAT)
    return [
        f"Поле '{_cased(name)}' недопустимо: группа '{group}' без признака автомата"
        for name in _AUTOMAT
        if content.get(name) is not None
    ]


def _paid(content: Mapping[str, Any]) -> list[str]:
    total = lines_total(content)
    payments = [
        (each["type"], round(each["amount"] * 100)) for each in content["checkClose"]["payments"]
    ]
    told = content.get("totalSum")
    if told is not None and round(told * 100) not in {total, total // 100 * 100}:
        return ["Сумма 'TotalSum' не равна сумме предметов расчёта"]
    if sum(amount for _, amount in payments) < total:
        return ["Сумма оплат меньше суммы чека"]
    if sum(amount for kind, amount in payments if kind != CASH) > total:
        return ["Сумма безналичных оплат больше суммы чека"]
    return []


def _paid_sums(content: Mapping[str, Any]) -> list[str]:
    paid = sum(round((content.get(name) or 0) * 100) for name in _PAID)
    if paid != round((content.get("totalSum") or 0) * 100):
        return ["Сумма 'TotalSum' не равна сумме оплат"]
    return []


def _of(told: Any, rules: Mapping[str, Rule]) -> list[str]:  # noqa: ANN401, whatever came
    if not isinstance(told, dict):
        return ["Некорректная структура документа"]
    wrong = []
    for name, rule in rules.items():
        value = told.get(name)
        if value is None and rule.needed:
            wrong.append(f"Не указано поле '{_cased(name)}'")
        elif value is not None and not rule.fits(value):
            wrong.append(f"Недопустимое значение поля '{_cased(name)}'")
    return wrong


def _cased(name: str) -> str:
    return name[0].upper() + name[1:]


def _list(told: Any) -> Sequence[Any]:  # noqa: ANN401, whatever came
    return told if isinstance(told, list) else ()


def _text(most: int, least: int = 1) -> Callable[[Any], bool]:
    return lambda told: isinstance(told, str) and least <= len(told) <= most


def _whole(*allowed: int) -> Callable[[Any], bool]:
    return lambda told: isinstance(told, int) and not isinstance(told, bool) and told in allowed


def _number(told: Any, decimals: int) -> bool:  # noqa: ANN401, whatever came
    if isinstance(told, bool) or not isinstance(told, int | float):
        return False
    scaled = told * 10**decimals
    return 0 <= told <= MOST_MONEY and abs(scaled - round(scaled)) < 1e-4


def _money(told: Any) -> bool:  # noqa: ANN401, whatever came
    return _number(told, 2)


def _flag(told: Any) -> bool:  # noqa: ANN401, whatever came
    return isinstance(told, bool)


def _code_1162(told: Any) -> bool:  # noqa: ANN401, whatever came
    try:
        return 8 <= len(base64.b64decode(told, validate=True)) <= 32
    except (TypeError, ValueError, binascii.Error):
        return False


def _like(form: re.Pattern[str], most: int) -> Callable[[Any], bool]:
    return lambda told: isinstance(told, str) and len(told) <= most and bool(form.fullmatch(told))


def _industry(told: Any) -> bool:  # noqa: ANN401, whatever came
    return not _of(told, _INDUSTRY)


_ENVELOPE: Final = {
    "id": Rule(_text(64), needed=True),
    "group": Rule(_text(32)),
    "key": Rule(_text(32), needed=True),
    "callbackUrl": Rule(_text(1024)),
    "callbackApiKey": Rule(_text(3072)),
    "meta": Rule(_text(128)),
}
_AUTOMAT: Final = {
    "automatNumber": Rule(_text(20), needed=True),
    "settlementAddress": Rule(_text(243), needed=True),
    "settlementPlace": Rule(_text(243), needed=True),
}
_SETTLEMENT: Final = {
    "customerContact": Rule(_like(_CONTACT, 64), needed=True),
    "senderEmail": Rule(_like(re.compile(r"[^@\s]+@[^@\s]+"), 64)),
    "isInternetStore": Rule(_flag),
}
_RECEIPT: Final = {
    "ffdVersion": Rule(_whole(2, FFD_12)),
    "type": Rule(_whole(1, 2, 3, 4), needed=True),
    "additionalAttribute": Rule(_text(16)),
    "totalSum": Rule(_money),
    "timeZone": Rule(_whole(*range(1, 12))),
}
_CLOSE: Final = {
    "payments": Rule(lambda told: isinstance(told, list) and bool(told), needed=True),
    "taxationSystem": Rule(_whole(*range(6)), needed=True),
}
_PAYMENT: Final = {
    "type": Rule(_whole(1, 2, 14, 15, 16), needed=True),
    "amount": Rule(_money, needed=True),
}
_POSITION: Final = {
    "quantity": Rule(lambda told: _number(told, 6) and told > 0, needed=True),
    "price": Rule(_money, needed=True),
    "tax": Rule(_whole(*range(1, 13)), needed=True),
    "text": Rule(_text(128), needed=True),
    "paymentMethodType": Rule(_whole(*range(1, 8))),
    "paymentSubjectType": Rule(_whole(*range(1, 28), *range(30, 34))),
    "additionalAttribute": Rule(_text(64)),
}
_POSITION_105: Final = {
    "nomenclatureCode": Rule(_code_1162),
    "unitOfMeasurement": Rule(_text(16)),
}
_POSITION_12: Final = {
    "quantityMeasurementUnit": Rule(_whole(*_MEASURES), needed=True),
    "itemCode": Rule(_text(223)),
    "plannedStatus": Rule(_whole(1, 2, 3, 4, 5, 6, 255)),
    "industryAttribute": Rule(_industry),
}
_INDUSTRY: Final = {
    "foivId": Rule(_text(3), needed=True),
    "causeDocumentDate": Rule(_text(10), needed=True),
    "causeDocumentNumber": Rule(_text(32), needed=True),
    "value": Rule(_text(256), needed=True),
}
_CAUSE: Final = {
    "correctionType": Rule(_whole(0, 1), needed=True),
    "causeDocumentDate": Rule(_like(_MIDNIGHT, 19), needed=True),
    "causeDocumentNumber": Rule(_text(32)),
}
_PAID: Final = ("cashSum", "eCashSum", "prepaymentSum", "postpaymentSum", "otherPaymentTypeSum")
_SUMS: Final = {
    **_CAUSE,
    "causeDocumentNumber": Rule(_text(32), needed=True),
    "type": Rule(_whole(1, 3), needed=True),
    "totalSum": Rule(_money, needed=True),
    **{name: Rule(_money) for name in _PAID},
    **{f"tax{number}Sum": Rule(_money) for number in range(1, 13)},
    "taxationSystem": Rule(_whole(*range(6)), needed=True),
}

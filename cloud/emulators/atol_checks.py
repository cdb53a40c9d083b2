"""What ATOL checks of a receipt: its schema at once, the rest when the register tries it.

The schemas are the published ones in short: what is a text of which length, what is money, what
must be there. Amounts are read as decimals, so that 119.99999 is no price.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

Rule = Callable[[Any, str], Iterator[str]]
"""Gives the paths of what is wrong: ``#/receipt/items/0/vat/type``."""
RegisterError = tuple[str, int, str]
"""`type`, `code`, `text` of a report's error."""

_MOST_MONEY: Final = Decimal(10_000_000_000)
_KOPECK: Final = Decimal("0.01")
_VATS: Final = (
    *("none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22"),
    *("vat105", "vat107", "vat110", "vat120", "vat122"),
)
TAXATIONS: Final = {
    "osn": 1,
    "usn_income": 2,
    "usn_income_outcome": 4,
    "envd": 8,
    "esn": 16,
    "patent": 32,
}
"""Tag 1055, as the format has it."""
METHODS: Final = (
    *("full_prepayment", "prepayment", "advance", "full_payment"),
    *("partial_payment", "credit", "credit_payment"),
)
"""Tag 1214, from 1 on."""
OBJECTS: Final = (
    *("commodity", "excise", "job", "service", "gambling_bet", "gambling_prize", "lottery"),
    *("lottery_prize", "intellectual_activity", "payment", "agent_commission", "award", "another"),
    *("property_right", "non-operating_gain", "insurance_premium", "sales_tax", "resort_fee"),
    *("deposit", "expense", "pension_insurance_ip", "pension_insurance", "medical_insurance_ip"),
    *("medical_insurance", "social_insurance", "casino_payment"),
)
"""Tag 1212 in v4, from 1 on."""
MARK_CODES: Final = ("unknown", "ean8", "ean13", "itf14", "gs10", "gs1m", "short", "fur")
"""Tags from 1300 on."""
_CODE_1162: Final = r"([0-9A-Fa-f]{2}( [0-9A-Fa-f]{2}){0,31}|01\d{14}21[ -~]{13,132})"
_DAY: Final = r"(0[1-9]|[12]\d|3[01])\.(0[1-9]|1[0-2])\.\d{4}"
_SECOND: Final = _DAY + r" ([01]\d|2[0-4]):[0-5]\d:[0-5]\d"
CALLBACK: Final = r"https?://[0-9a-zA-Zа-яА-Я][^\s]*"


def _text(most: int, least: int = 0, pattern: str = r"(?s).*") -> Rule:
    def rule(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
        fits = isinstance(told, str) and least <= len(told) <= most
        if not fits or re.fullmatch(pattern, told) is None:
            yield path

    return rule


def _one_of(*values: object) -> Rule:
    def rule(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
        # True is 1 to Python.
        if isinstance(told, bool) or told not in values:
            yield path

    return rule


def _flag(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
    if not isinstance(told, bool):
        yield path


def _amount(step: Decimal, most: Decimal, least: Decimal) -> Rule:
    def rule(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
        fits = isinstance(told, int | Decimal) and not isinstance(told, bool)
        if not fits or not least <= told <= most or told % step:
            yield path

    return rule


_money: Final = _amount(_KOPECK, _MOST_MONEY, Decimal(0))


def _rows(rule: Rule, most: int) -> Rule:
    def rows(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
        if not isinstance(told, list) or not 1 <= len(told) <= most:
            yield path
            return
        for index, each in enumerate(told):
            yield from rule(each, f"{path}/{index}")

    return rows


def _table(needed: Mapping[str, Rule], allowed: Mapping[str, Rule] | None = None) -> Rule:
    """An object. Keys that the schema does not name are not looked at."""

    def rule(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
        if not isinstance(told, dict):
            yield path
            return
        yield from (f"{path}/{name}" for name in needed if name not in told)
        for name, each in {**needed, **(allowed or {})}.items():
            if name in told:
                yield from each(told[name], f"{path}/{name}")

    return rule


def _both(first: Rule, second: Rule) -> Rule:
    def rule(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
        wrong = list(first(told, path))
        yield from wrong or second(told, path)

    return rule


def _contact(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
    if not told.get("email") and not told.get("phone"):
        yield f"{path}/email"


def _base64(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
    try:
        base64.b64decode(told, validate=True)
    except (binascii.Error, TypeError, ValueError):
        yield path


def _marked(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
    """In v5: one piece, and what becomes of it if its code names it."""
    code = told.get("mark_code")
    if code is None:
        return
    if len(code) != 1:
        yield f"{path}/mark_code"
    if told["quantity"] != 1:
        yield f"{path}/quantity"
    if told.get("mark_processing_mode") != "0":
        yield f"{path}/mark_processing_mode"
    if {"gs1m", "short"} & set(code) and "planned_status" not in told:
        yield f"{path}/planned_status"


def _ordered(told: Any, path: str) -> Iterator[str]:  # noqa: ANN401, any JSON
    """A correction by order names the order; one of an Internet settlement, a contact."""
    cause = told["correction_info"]
    if cause["type"] == "instruction" and not cause.get("base_number"):
        yield f"{path}/correction_info/base_number"
    if told.get("internet") is True and "client" not in told:
        yield f"{path}/client"


_CLIENT: Final = _both(_table({}, {"email": _text(64), "phone": _text(64)}), _contact)
_COMPANY: Final = _table(
    {"inn": _text(12, 10, r"\d{10}|\d{12}"), "payment_address": _text(256)},
    {"sno": _one_of(*TAXATIONS), "location": _text(256, 1), "email": _text(64)},
)
_SELLER: Final = _both(_COMPANY, _table({"email": _text(64)}))
_PAYMENTS: Final = _rows(_table({"type": _one_of(*range(10))}, {"sum": _money}), 10)
_VAT: Final = _table({"type": _one_of(*_VATS)}, {"sum": _money})
_GOODS: Final[Mapping[str, Rule]] = {
    "name": _text(128, 1),
    "price": _money,
    "quantity": _amount(Decimal("0.000001"), Decimal(99_999_999), Decimal("0.000001")),
    "sum": _money,
    "vat": _VAT,
}
_ITEM: Final[Mapping[str, Mapping[str, Rule]]] = {
    "v4": {
        "measurement_unit": _text(16),
        "payment_method": _one_of(*METHODS),
        "payment_object": _one_of(*OBJECTS),
        "nomenclature_code": _text(150, 1, _CODE_1162),
        "user_data": _text(64),
    },
    "v5": {
        "mark_code": _table(
            {}, {name: _text(200, 1) for name in MARK_CODES} | {"gs1m": _both(_text(400), _base64)}
        ),
        "mark_processing_mode": _one_of("0"),
        "planned_status": _one_of(*range(1, 7)),
        "sectoral_item_props": _rows(
            _table(
                {
                    "federal_id": _text(3, 3, r"0\d\d"),
                    "date": _text(10, 10, _DAY),
                    "number": _text(32, 1),
                    "value": _text(256, 1),
                }
            ),
            6,
        ),
        "user_data": _text(64),
    },
}
_MEASURED: Final[Mapping[str, Rule]] = {
    "measure": _one_of(
        *(0, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 70, 71, 72, 73),
        *(80, 81, 82, 83, 255),
    ),
    "payment_method": _one_of(*METHODS),
    "payment_object": _one_of(*range(1, 28), *range(30, 34)),
}
"""What v5 leaves no default for."""
_ITEMS: Final[Mapping[str, Rule]] = {
    "v4": _rows(_table(_GOODS, _ITEM["v4"]), 100),
    "v5": _rows(_both(_table({**_GOODS, **_MEASURED}, _ITEM["v5"]), _marked), 100),
}
_ANY: Final[Mapping[str, Rule]] = {
    "device_number": _text(20, 1),
    "internet": _flag,
    "timezone": _one_of(*range(1, 12)),
    "additional_check_props": _text(16),
    "cashier": _text(64),
}
_CAUSE: Final[Mapping[str, Rule]] = {
    "type": _one_of("self", "instruction"),
    "base_date": _text(10, 10, _DAY),
}
_NUMBER: Final[Mapping[str, Rule]] = {"base_number": _text(32)}


def _root(part: str, rule: Rule) -> Rule:
    return _table(
        {"external_id": _text(128, 1), "timestamp": _text(19, 19, _SECOND), part: rule},
        {"source_id": _one_of(*range(10)), "service": _table({}, {"callback_url": _text(256)})},
    )


def _receipt(protocol: str) -> Rule:
    needed = {"client": _CLIENT, "company": _SELLER, "payments": _PAYMENTS, "total": _money}
    return _root("receipt", _table({**needed, "items": _ITEMS[protocol]}, _ANY))


_SCHEMAS: Final[Mapping[tuple[str, str], Rule]] = {
    ("v4", "receipt"): _receipt("v4"),
    ("v5", "receipt"): _receipt("v5"),
    ("v4", "correction"): _root(
        "correction",
        _both(
            _table(
                {
                    "company": _COMPANY,
                    "payments": _PAYMENTS,
                    "vats": _rows(_table({"type": _one_of(*_VATS), "sum": _money}), 6),
                    "correction_info": _table({**_CAUSE, **_NUMBER}),
                },
                {"client": _CLIENT, **_ANY},
            ),
            _ordered,
        ),
    ),
    ("v5", "correction"): _root(
        "correction",
        _both(
            _table(
                {
                    "company": _SELLER,
                    "payments": _PAYMENTS,
                    "items": _ITEMS["v5"],
                    "total": _money,
                    "correction_info": _table(_CAUSE, _NUMBER),
                },
                {"client": _CLIENT, **_ANY},
            ),
            _ordered,
        ),
    ),
}


def problems(told: Any, protocol: str, part: str) -> Sequence[str]:  # noqa: ANN401, whatever came
    """The paths of what the schema does not allow."""
    return list(_SCHEMAS[protocol, part](told, "#"))


def register_error(content: Mapping[str, Any], inn: str | None) -> RegisterError | None:
    """What the register says of a receipt that fits the schema; None if it records it."""
    told = content["company"]["inn"]
    if inn is not None and told != inn:
        differs = f"ИНН, указанный в чеке {told}, не соответствует ИНН группы касс {inn}."
        return "agent", 2009, f"{differs} Попыток регистрировать чек не производилось."
    if "items" not in content:
        return None
    total = sum(each["sum"] for each in content["items"])
    if any(abs(each["price"] * each["quantity"] - each["sum"]) >= 1 for each in content["items"]):
        return "driver", 16, "Неверная цена (сумма)"
    if abs(total - content["total"]) >= 1:
        return "driver", 227, "Неверный итог чека"
    paid = sum(each.get("sum", total) for each in content["payments"])
    if paid < total:
        return "driver", 66, "Чек оплачен не полностью"
    if paid - sum(each.get("sum", 0) for each in content["payments"] if each["type"] == 0) > total:
        return "driver", 52, "Сумма не наличных платежей превышает сумму чека"
    return None

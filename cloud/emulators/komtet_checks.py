"""What Komtet checks of a task before it takes it, and the tags that its register records of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cloud.emulators.exact import is_money, is_text, is_whole

Json = Mapping[str, Any]

SIGNS: Final = {"sell": 1, "sellReturn": 2, "buy": 3, "buyReturn": 4, "sellCorrection": 1}
TAXATIONS: Final = (1, 2, 4, 8, 16, 32)
"""Tag 1055, as bits, by `sno`."""
VATS: Final = {
    "20": 1,
    "10": 2,
    "120": 3,
    "110": 4,
    "0": 5,
    "no": 6,
    "5": 7,
    "7": 8,
    "105": 9,
    "107": 10,
    "22": 11,
    "122": 12,
}
"""Tag 1199."""
OBJECTS: Final = {
    "product": 1,
    "product_practical": 2,
    "work": 3,
    "service": 4,
    "atnm": 30,
    "atm": 31,
    "tnm": 32,
    "tm": 33,
}
"""Tag 1212, of those that a machine may sell."""
METHODS: Final = {
    "pre_payment_full": 1,
    "pre_payment_part": 2,
    "advance": 3,
    "full_payment": 4,
    "credit_part": 5,
    "credit": 6,
    "credit_pay": 7,
}
"""Tag 1214."""
PAYMENTS: Final = {"cash", "card", "prepayment", "credit", "counter_provisioning"}
CODE_KINDS: Final = {
    *("unknown", "ean8", "ean13", "itf14", "gs10", "gs1m", "short", "fur", "egais20", "egais30"),
}
DATA_CENTRE: Final = "г. Пенза, центр обработки данных"
"""Tag 1009 where the task names no address: the register's own."""
MARKED: Final = {"atm", "tm"}
_NAME: Final = 128
_EXTRA: Final = 16
_PLACE: Final = 256
_INN: Final = r"\d{10}|\d{12}"
_DAY: Final = r"\d\d\.\d\d\.\d{4}"
_MEASURES: Final = range(256)


def problem(told: Any) -> str | None:  # noqa: ANN401, whatever came
    """The first thing wrong with a task, with its field; None if it would be taken."""
    if not isinstance(told, dict):
        return "Некорректный JSON"
    try:
        return next((found for check in _CHECKS if (found := check(told))), None)
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        return "Некорректная структура запроса"


def tags_of(told: Json, own: str) -> dict[str, Any]:
    """What the register records, by the numbers of the fiscal data format.

    `own` is the register's own tag 1036: a task has no field for it.
    """
    company: Json = told["company"]
    line: Json = told["positions"][0]
    extra: Json = told.get("additional_user_props") or {}
    tags = {
        "1209": 4,
        "1018": company.get("inn"),
        "1055": TAXATIONS[company["sno"]],
        "1036": own,
        "1009": company.get("place_address") or DATA_CENTRE,
        "1187": company["payment_address"],
        "1030": line["name"],
        "1023": line["quantity"],
        "1079": f"{line['price']:.2f}",
        "1043": f"{line['total']:.2f}",
        "1199": VATS[line["vat"]],
        "1212": OBJECTS[line["payment_object"]],
        "1214": METHODS[line["payment_method"]],
        "1031": f"{_paid(told, 'cash'):.2f}",
        "1081": f"{_paid(told, 'card'):.2f}",
        "1008": told.get("client", {}).get("email"),
        "1011": told.get("timezone"),
        "1125": told.get("internet"),
        "1192": told.get("additional_check_props"),
        "1085": extra.get("name"),
        "1086": extra.get("value"),
        "2000": next(iter((line.get("mark_code") or {}).values()), None),
        "2108": line["measure"],
        **_rule(line),
        **_cause(told.get("correction_info")),
    }
    return {tag: each for tag, each in tags.items() if each is not None}


def total_of(told: Json) -> int:
    """Tag 1020, kopecks."""
    return sum(round(line["total"] * 100) for line in told["positions"])


def _paid(told: Json, kind: str) -> float:
    return float(sum(each["sum"] for each in told["payments"] if each["type"] == kind))


def _rule(line: Json) -> dict[str, Any]:
    rule: Json = (line.get("sectoral_item_props") or [{}])[0]
    names = {"1262": "federal_id", "1263": "date", "1264": "number", "1265": "value"}
    return {tag: rule.get(name) for tag, name in names.items()}


def _cause(told: Json | None) -> dict[str, Any]:
    if told is None:
        return {}
    kind = {"self": 0, "instruction": 1}[told["type"]]
    return {"1173": kind, "1178": told["base_date"], "1179": told.get("base_number")}


def _heading(told: Json) -> str | None:
    if not isinstance(told["external_id"], str) or not told["external_id"]:
        return "external_id: Обязательное поле"
    if told["intent"] not in SIGNS:
        return f"intent: Недопустимое значение {told['intent']}"
    if len(told.get("additional_check_props") or "") > _EXTRA:
        return "additional_check_props: Не больше 16 символов"
    if not is_whole(told.get("timezone", 1), range(1, 12)):
        return "timezone: Недопустимое значение"
    return None


def _company(told: Json) -> str | None:
    company: Json = told["company"]
    if not is_whole(company["sno"], range(6)):
        return "company.sno: Недопустимое значение"
    if not is_text(company["payment_address"], _PLACE):
        return "company.payment_address: От 1 до 256 символов"
    if not is_text(company.get("place_address", "-"), _PLACE):
        return "company.place_address: От 1 до 256 символов"
    if not is_text(company.get("inn", "7708806062"), 12, _INN):
        return "company.inn: Недопустимое значение"
    return None


def _correction(told: Json) -> str | None:
    if "Correction" not in told["intent"]:
        return None
    if not told.get("correction_info"):
        return "correction_info: Обязательное поле"
    if not is_text(told["correction_info"]["base_date"], 10, _DAY):
        return "correction_info.base_date: Недопустимое значение"
    return None


def _positions(told: Json) -> str | None:
    if not told["positions"]:
        return "positions: Обязательное поле"
    for line in told["positions"]:
        if not 0 < len(line["name"]) <= _NAME:
            return "positions.name: От 1 до 128 символов"
        for field, known in (("vat", VATS), ("payment_object", OBJECTS)):
            if line[field] not in known:
                return f"positions.{field}: Недопустимое значение {line[field]}"
        if not is_money(line["price"]) or not is_money(line["total"]):
            return "positions.price: Не больше двух знаков после запятой"
        if not is_whole(line["measure"], _MEASURES):
            return "positions.measure: Недопустимое значение"
        if round(line["price"] * line["quantity"] * 100) != round(line["total"] * 100):
            return "positions.total: Не равно цене, умноженной на количество"
    return None


def _marks(told: Json) -> str | None:
    for line in told["positions"]:
        mark = line.get("mark_code")
        if mark is not None and (len(mark) != 1 or not CODE_KINDS.issuperset(mark)):
            return "positions.mark_code: Недопустимое значение"
        if line["payment_object"] in MARKED and not mark:
            return "positions.mark_code: Обязательное поле"
    return None


def _payments(told: Json) -> str | None:
    if any(each["type"] not in PAYMENTS for each in told["payments"]):
        return "payments.type: Недопустимое значение"
    if not all(is_money(each["sum"]) for each in told["payments"]):
        return "payments.sum: Не больше двух знаков после запятой"
    paid = sum(round(each["sum"] * 100) for each in told["payments"])
    return None if paid == total_of(told) else "payments: Сумма оплат не равна сумме чека"


def _recordable(told: Json) -> str | None:
    """What the register cannot make tags of raises, and is malformed."""
    tags_of(told, "")
    return None


_CHECKS: Final[Sequence[Callable[[Json], str | None]]] = (
    _heading,
    _company,
    _correction,
    _positions,
    _marks,
    _payments,
    _recordable,
)

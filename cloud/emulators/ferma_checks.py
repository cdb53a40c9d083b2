"""What Ferma checks of a receipt before it takes it, and the tags that its register records of it.

The codes are this emulator's own: of the real ones only that of a repetition (1019) is public.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cloud.emulators.exact import is_money, is_text, is_whole

Problem = tuple[int, str]
Json = Mapping[str, Any]

MALFORMED: Final = (1002, "Некорректный формат запроса")
SIGNS: Final = {
    "Income": 1,
    "IncomeReturn": 2,
    "Expense": 3,
    "ExpenseReturn": 4,
    "IncomeCorrection": 1,
}
TAXATIONS: Final = {
    "Common": 1,
    "SimpleIn": 2,
    "SimpleInOut": 4,
    "Unified": 8,
    "UnifiedAgricultural": 16,
    "Patent": 32,
}
"""Tag 1055, as bits."""
VATS: Final = {
    "Vat20": 1,
    "ObsoleteVat20": 1,
    "Vat10": 2,
    "CalculatedVat20120": 3,
    "ObsoleteVat20120": 3,
    "CalculatedVat10110": 4,
    "Vat0": 5,
    "VatNo": 6,
    "Vat5": 7,
    "Vat7": 8,
    "CalculatedVat5105": 9,
    "CalculatedVat7107": 10,
    "Vat22": 11,
    "CalculatedVat22122": 12,
}
"""Tag 1199."""
NUMBER_FIELDS: Final = ("AutomaticDeviceNumber", "AutomatNumber")
CODE_KINDS: Final = {"EAN8", "EAN13", "ITF14", "GS1", "GS1M", "SHORT_MC", "UNKNOWN_PRODUCT_CODE"}
CASH: Final = 0
CASHLESS: Final = 1
DATA_CENTRE: Final = "г. Москва, центр обработки данных"
"""Tag 1009 where the request names no address: the register's own."""
_LABEL: Final = 128
_PLACE: Final = 256
_DAY: Final = r"\d\d\.\d\d\.\d\d"
_MOMENT: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


def problem(told: Any, inn: str | None) -> Problem | None:  # noqa: ANN401, whatever came
    """The first thing wrong with a request, as (code, message); None if it would be taken."""
    asked = told.get("Request") if isinstance(told, dict) else None
    if not isinstance(asked, dict):
        return MALFORMED
    if inn is not None and str(asked.get("Inn")) != inn:
        return 1005, f"ИНН {asked.get('Inn')} не принадлежит учётной записи"
    try:
        return next((found for check in _CHECKS if (found := check(asked))), None)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return MALFORMED


def tags_of(asked: Json, ffd: int) -> dict[str, Any]:
    """What the register records, by the numbers of the fiscal data format."""
    receipt: Json = asked["CustomerReceipt"]
    line: Json = receipt["Items"][0]
    paid = {each["PaymentType"]: each["Sum"] for each in receipt["PaymentItems"]}
    number = next((receipt[name] for name in NUMBER_FIELDS if receipt.get(name)), "0")
    tags = {
        "1209": ffd,
        "1018": str(asked["Inn"]),
        "1055": TAXATIONS[receipt["TaxationSystem"]],
        "1036": str(number),
        "1009": receipt.get("InstallmentAddress") or DATA_CENTRE,
        "1187": receipt.get("InstallmentPlace") or receipt.get("BillAddress"),
        "1030": line["Label"],
        "1023": line["Quantity"],
        "1079": f"{line['Price']:.2f}",
        "1043": f"{line['Amount']:.2f}",
        "1199": VATS[line["Vat"]],
        "1212": line.get("PaymentType", 1),
        "1214": line.get("PaymentMethod", 4),
        "1031": f"{paid.get(CASH, 0):.2f}",
        "1081": f"{paid.get(CASHLESS, 0):.2f}",
        "1008": receipt.get("Email") or receipt.get("Phone"),
        "1011": receipt.get("Timezone"),
        "1125": receipt.get("IsInternet"),
        "1192": receipt.get("AdditionalReceiptProp"),
        **_marks(line),
        **_cause(receipt.get("CorrectionInfo")),
    }
    return {tag: each for tag, each in tags.items() if each is not None}


def total_of(asked: Json) -> int:
    """Tag 1020, kopecks."""
    return sum(round(line["Amount"] * 100) for line in asked["CustomerReceipt"]["Items"])


def _marks(line: Json) -> dict[str, Any]:
    mark = line.get("MarkingCodeData") or {}
    rule = line.get("IndustryItemRequisite") or {}
    return {
        "2000": mark.get("Code"),
        "2003": {"PIECE_PRODUCT_INCOME": 1, "PIECE_PRODUCT_RETURN": 3}.get(
            mark.get("PlannedStatus", "")
        ),
        "1162": line.get("MarkingCode"),
        "1262": rule.get("FoivId"),
        "1263": rule.get("DocDate"),
        "1264": rule.get("DocNumber"),
        "1265": rule.get("Value"),
    }


def _cause(told: Json | None) -> dict[str, Any]:
    if told is None:
        return {}
    return {
        "1173": {"SELF": 0, "INSTRUCTION": 1}[told["Type"]],
        "1178": told["ReceiptDate"],
        "1179": told.get("ReceiptId"),
    }


def _heading(asked: Json) -> Problem | None:
    if not isinstance(asked.get("InvoiceId"), str) or not asked["InvoiceId"]:
        return 1003, "Не указан InvoiceId"
    if asked.get("Type") not in SIGNS:
        return 1004, f"Неизвестный тип чека {asked.get('Type')}"
    receipt = asked["CustomerReceipt"]
    if receipt["TaxationSystem"] not in TAXATIONS:
        return 1006, "Некорректная система налогообложения"
    if not receipt["Items"]:
        return 1007, "В чеке нет позиций"
    if not is_text(asked.get("LocalDate", "2026-11-23T13:45:00"), 19, _MOMENT):
        return 1017, "Некорректная дата LocalDate"
    if "Correction" not in asked["Type"]:
        return None
    if not isinstance(receipt.get("CorrectionInfo"), dict):
        return 1008, "В чеке коррекции нет CorrectionInfo"
    if not is_text(receipt["CorrectionInfo"]["ReceiptDate"], 8, _DAY):
        return 1018, "Некорректная дата ReceiptDate"
    return None


def _machine(asked: Json) -> Problem | None:
    receipt = asked["CustomerReceipt"]
    number = receipt.get("AutomaticDeviceNumber")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
        return 1009, "AutomaticDeviceNumber должен быть целым числом"
    if not isinstance(receipt.get("AutomatNumber", ""), str):
        return 1009, "AutomatNumber должен быть строкой"
    for name in ("BillAddress", "InstallmentAddress", "InstallmentPlace"):
        if receipt.get(name) is not None and not is_text(receipt[name], _PLACE):
            return 1010, f"{name}: от 1 до 256 символов"
    if not is_whole(receipt.get("Timezone", 1), range(1, 12)):
        return 1026, "Некорректный часовой пояс"
    return None


def _lines(asked: Json) -> Problem | None:
    for line in asked["CustomerReceipt"]["Items"]:
        if not 0 < len(line["Label"]) <= _LABEL:
            return 1011, "Наименование должно быть от 1 до 128 символов"
        if line["Vat"] not in VATS:
            return 1012, f"Неизвестная ставка НДС {line['Vat']}"
        if not is_money(line["Price"]) or not is_money(line["Amount"]):
            return 1013, "Цена содержит больше двух знаков после запятой"
        subject, method = line.get("PaymentType", 1), line.get("PaymentMethod", 4)
        if not is_whole(subject, range(1, 34)) or not is_whole(method, range(1, 8)):
            return 1027, "Некорректный признак предмета или способа расчёта"
        if round(line["Price"] * line["Quantity"] * 100) != round(line["Amount"] * 100):
            return 1014, "Сумма позиции не равна цене, умноженной на количество"
        mark = line.get("MarkingCodeData")
        if mark is not None and (mark.get("Type") not in CODE_KINDS or not mark.get("Code")):
            return 1015, "Некорректный код маркировки"
    return None


def _payments(asked: Json) -> Problem | None:
    payments = asked["CustomerReceipt"]["PaymentItems"]
    if not all(
        is_money(each["Sum"]) and is_whole(each["PaymentType"], range(5)) for each in payments
    ):
        return 1028, "Некорректная оплата"
    paid = sum(round(each["Sum"] * 100) for each in payments)
    if paid != total_of(asked):
        return 1016, "Сумма оплат не равна сумме чека"
    return None


def _recordable(asked: Json) -> Problem | None:
    """What the register cannot make tags of raises, and is malformed."""
    tags_of(asked, 0)
    return None


_CHECKS: Final[Sequence[Callable[[Json], Problem | None]]] = (
    _heading,
    _machine,
    _lines,
    _payments,
    _recordable,
)

"""What CloudKassir has its drive record of a request: tags of the fiscal data format."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cloud.emulators.drive import Told

SIGNS: Final = {"Income": 1, "IncomeReturn": 2, "Expense": 3, "ExpenseReturn": 4}
_VATS: Final = ((20, 1), (10, 2), (120, 3), (110, 4), (0, 5), (None, 6), (5, 7), (7, 8))
_NEWER: Final = ((105, 9), (107, 10), (22, 11), (122, 12))
VATS: Final[Mapping[int | None, int]] = dict((*_VATS, *_NEWER))
"""Tag 1199 by `Vat`."""
TAXATION: Final = (1, 2, 4, 8, 16, 32)
"""Tag 1055 by `TaxationSystem`."""

Json = Mapping[str, Any]


def receipt_told(told: Json, number: str, key: str, own: Json) -> Told:
    """A receipt; `own` are the register's tags."""
    receipt = told["CustomerReceipt"]
    lines = receipt["Items"]
    tags = {
        **own,
        "1018": str(told["Inn"]),
        "1187": receipt.get("CalculationPlace"),
        **_common(receipt, lines),
    }
    total = sum(round(line["Amount"] * 100) for line in lines)
    return Told(number, key, total, SIGNS[told["Type"]], _told(tags), told)


def correction_told(told: Json, number: str, key: str, own: Json) -> Told:
    """A correction; it does name an address."""
    inner = told["CorrectionReceiptData"]
    cause = inner["CauseCorrection"]
    tags = {
        **own,
        "1018": str(inner["OrganizationInn"]),
        "1009": inner.get("PaymentAddress") or own["1009"],
        "1187": inner.get("PaymentPlace"),
        **_common(inner, inner.get("Items") or []),
        "1199": inner["VatRate"],
        "1173": inner.get("CorrectionType", 0),
        "1178": cause["CorrectionDate"],
        "1179": cause.get("CorrectionNumber"),
    }
    total = sum(round(float(each) * 100) for each in inner["Amounts"].values() if each)
    sign = inner["CorrectionReceiptType"]
    return Told(number, key, total, sign, _told(tags), told, correction=True)


def _common(receipt: Json, lines: Sequence[Json]) -> dict[str, Any]:
    amounts = receipt["Amounts"]
    return {
        "1055": TAXATION[receipt["TaxationSystem"]],
        "1031": _roubles(amounts.get("Cash")),
        "1081": _roubles(amounts.get("Electronic")),
        "1192": receipt.get("AdditionalReceiptRequisite"),
        "1125": receipt.get("IsInternetPayment"),
        "1011": receipt.get("RussiaTimeZone") or receipt.get("TimeZoneCode"),
        **(_line(lines[0]) if lines else {}),
    }


def _line(line: Json) -> dict[str, Any]:
    code = line.get("ProductCodeData") or {}
    return {
        "1030": line["Label"],
        "1199": VATS.get(line["Vat"]),
        "1212": line["Object"],
        "1214": line["Method"],
        "1162": code.get("CodeProductNomenclature"),
        "1191": line.get("SaleObjectData"),
        "2000": line.get("RawMarkCode"),
        "1260": line.get("IndustryRequisiteCollection"),
    }


def _roubles(amount: float | None) -> str:
    return f"{amount or 0:.2f}"


def _told(tags: dict[str, Any]) -> dict[str, Any]:
    return {tag: each for tag, each in tags.items() if each is not None}

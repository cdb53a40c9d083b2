"""A receipt as CloudKassir's request. Pure: the same receipt and key are the same bytes."""

from typing import Any, Final

from cloud.calling import roubles
from cloud.marking import NAMED, identifier, industry, nomenclature, requisite
from cloud.providers.cloudkassir.settings import Settings
from cloud.receipt import Purpose, Receipt

CORRECTION_ROOT: Final = "CorrectionReceiptData"
"""What a correction's body begins with, and no other."""
TYPES: Final = {Purpose.INCOME: "Income", Purpose.INCOME_RETURN: "IncomeReturn"}
PIECE: Final = 0
"""Tag 2108."""

_Json = dict[str, object]


def receipt_body(receipt: Receipt, key: str, settings: Settings) -> _Json:
    """The body of `/kkt/receipt`."""
    customer: _Json = {
        "Items": [_line(receipt)],
        "TaxationSystem": receipt.taxation.value,
        "Amounts": _amounts(receipt),
        "CalculationPlace": receipt.place,
        "AdditionalReceiptInfos": [f"Автомат № {receipt.machine}", receipt.address],
        **_optional(receipt, settings),
    }
    customer.update(_filled(settings.extra_receipt_fields, receipt))
    return {
        "Inn": receipt.inn,
        "Type": TYPES[receipt.purpose],
        "InvoiceId": key,
        "AccountId": receipt.machine,
        "CustomerReceipt": customer,
    }


def correction_body(receipt: Receipt, settings: Settings) -> _Json:
    """The body of `/kkt/correction-receipt`. It has no place for a key."""
    cause = receipt.cause
    in_percent = settings.correction_vat == "percent"
    told: _Json = {
        "OrganizationInn": receipt.inn,
        "VatRate": receipt.vat.percent if in_percent else receipt.vat.value,
        "TaxationSystem": receipt.taxation.value,
        "CorrectionReceiptType": receipt.purpose.sign,
        "CauseCorrection": {
            "CorrectionDate": cause.day if cause else receipt.sold_at[:10],
            "CorrectionNumber": (cause.number if cause else "") or None,
        },
        "Amounts": _amounts(receipt),
        "Items": [_line(receipt)],
        "CorrectionType": int(cause is not None and cause.by_order),
        "PaymentPlace": receipt.place,
        "PaymentAddress": receipt.address,
        **_optional(receipt, settings),
    }
    if settings.device_number:
        told["DeviceNumber"] = settings.device_number
    return {CORRECTION_ROOT: told}


def _line(receipt: Receipt) -> _Json:
    """The one line. Both measures are told: 1197 of FFD 1.05, 2108 of FFD 1.2."""
    return {
        "Label": receipt.name,
        "Price": roubles(receipt.amount),
        "Quantity": roubles(100),
        "Amount": roubles(receipt.amount),
        "Vat": receipt.vat.percent,
        "Method": receipt.method.value,
        "Object": receipt.subject.value,
        "MeasurementUnit": "шт",
        "UnitCode": PIECE,
        **_marking(receipt),
    }


def _amounts(receipt: Receipt) -> _Json:
    return {"Electronic": roubles(receipt.cashless), "Cash": roubles(receipt.cash)}


def _optional(receipt: Receipt, settings: Settings) -> _Json:
    """Tags 1192, 1125 and 1011, where they are to be told."""
    told: _Json = {}
    if receipt.basis:
        told["AdditionalReceiptRequisite"] = receipt.basis
    if receipt.internet is not None:
        told["IsInternetPayment"] = receipt.internet
    if settings.zone_field is not None and receipt.zone is not None:
        told[settings.zone_field] = receipt.zone
    return told


def _marking(receipt: Receipt) -> _Json:
    """Tags 1162 and 1191 in FFD 1.05, 2000 and 1260 in FFD 1.2."""
    marking, told = receipt.marking, _Json()
    if marking.mode not in NAMED:
        return told
    if receipt.ffd == "1.05":
        code = nomenclature(marking).hex().upper()
        told["ProductCodeData"] = {"CodeProductNomenclature": code}
        if text := requisite(marking):
            told["SaleObjectData"] = text
        return told
    told["RawMarkCode"] = identifier(marking)
    if act := industry(marking):
        day, month, year = act.day.split(".")
        told["IndustryRequisiteCollection"] = [
            {
                "Code": act.foiv,
                "DocumentDate": f"{year}-{month}-{day}",
                "DocumentNumber": act.number,
                "RequisiteValue": act.value,
            }
        ]
    return told


def _filled(told: Any, receipt: Receipt) -> Any:  # noqa: ANN401, any JSON
    """The same JSON with the receipt's own words in its texts."""
    match told:
        case str():
            words = {"machine": receipt.machine, "address": receipt.address, "place": receipt.place}
            for name, word in words.items():
                told = told.replace(f"{{{name}}}", word)
            return told
        case list():
            return [_filled(each, receipt) for each in told]
        case dict():
            return {name: _filled(each, receipt) for name, each in told.items()}
        case _:
            return told

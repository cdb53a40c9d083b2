"""A receipt as Ferma's request, and what a stored one says of itself. Pure."""

import re
from datetime import date
from typing import Final

from cloud.calling import kopecks, object_in, roubles
from cloud.marking import identifier, industry, nomenclature
from cloud.providers.ferma.settings import Settings
from cloud.receipt import Cause, MarkingMode, Purpose, Receipt, Taxation
from cloud.vat import VatRate

TYPES: Final = {
    Purpose.INCOME: "Income",
    Purpose.INCOME_RETURN: "IncomeReturn",
    Purpose.CORRECTION: "IncomeCorrection",
}
SIGNS: Final = {type_: purpose.sign for purpose, type_ in TYPES.items()}
TAXATIONS: Final = {
    Taxation.OSN: "Common",
    Taxation.USN_INCOME: "SimpleIn",
    Taxation.USN_INCOME_OUTCOME: "SimpleInOut",
    Taxation.ESN: "UnifiedAgricultural",
    Taxation.PATENT: "Patent",
}
CASH: Final = 0
CASHLESS: Final = 1
LONGEST_ADDRESS: Final = 256
KINDS: Final = {MarkingMode.GTIN_VEND: "ITF14", MarkingMode.FULL_CODE: "GS1M"}
"""What a code is called; a bare GTIN is one of fourteen digits."""

_Json = dict[str, object]


def request(receipt: Receipt, key: str, settings: Settings) -> _Json:
    """`Request` of `/kkt/cloud/receipt`."""
    outer: _Json = {"Inn": receipt.inn, "Type": TYPES[receipt.purpose], "InvoiceId": key}
    if receipt.sold_at:
        outer["LocalDate"] = receipt.sold_at
    if settings.callback_url:
        outer["CallbackUrl"] = settings.callback_url
    customer: _Json = {
        "KktFA": True,
        "TaxationSystem": TAXATIONS[receipt.taxation],
        "PaymentType": receipt.subject.value,
        "InstallmentPlace": receipt.place,
        "InstallmentAddress": receipt.address,
        "BillAddress": f"{receipt.address}, {receipt.place}"[:LONGEST_ADDRESS],
        **_optional(receipt, settings),
        "Items": [_item(receipt, settings)],
        "PaymentItems": _payments(receipt),
    }
    return {**outer, "CustomerReceipt": customer}


def settlement(body: str) -> tuple[int, int] | None:
    """Total in kopecks and sign of a stored body; None if it is none of ours."""
    asked = (object_in(body.encode()) or {}).get("Request")
    if not isinstance(asked, dict):
        return None
    try:
        sign = SIGNS[asked["Type"]]
        sums = [kopecks(line["Amount"]) for line in asked["CustomerReceipt"]["Items"]]
    except (KeyError, TypeError):
        return None
    known = [each for each in sums if each is not None]
    return (sum(known), sign) if len(known) == len(sums) else None


def _optional(receipt: Receipt, settings: Settings) -> _Json:
    """What is left out where there is nothing to say."""
    told: _Json = _machine(receipt.machine, settings)
    if receipt.sender:
        told["Email"] = receipt.sender
    if receipt.zone is not None:
        told["Timezone"] = receipt.zone
    if receipt.internet is not None:
        told["IsInternet"] = receipt.internet
    if receipt.basis:
        told["AdditionalReceiptProp"] = receipt.basis
    if receipt.cause is not None:
        told["CorrectionInfo"] = _correction(receipt.cause)
    return told


def _machine(machine: str, settings: Settings) -> _Json:
    """Tag 1036 in the field's own form; nothing where it has none."""
    if settings.machine_field == "AutomatNumber":
        return {"AutomatNumber": machine}
    digits = re.sub("[^0-9]", "", machine)
    return {"AutomaticDeviceNumber": int(digits)} if digits else {}


def _item(receipt: Receipt, settings: Settings) -> _Json:
    return {
        "Label": receipt.name,
        "Price": roubles(receipt.amount),
        "Quantity": 1.0,
        "Amount": roubles(receipt.amount),
        "Vat": _vat(receipt.vat, settings),
        "Measure": "PIECE",
        "PaymentMethod": receipt.method.value,
        "PaymentType": receipt.subject.value,
        **_marking(receipt),
    }


def _vat(rate: VatRate, settings: Settings) -> str:
    if rate.percent is None:
        return settings.vat_names.get("none", "VatNo")
    names: dict[str, str] = {**settings.vat_names}  # type: ignore[dict-item]
    return names.get(str(rate.percent), f"Vat{rate.percent}")


def _payments(receipt: Receipt) -> list[_Json]:
    paid = {CASH: receipt.cash, CASHLESS: receipt.cashless}
    told = {kind: sum_ for kind, sum_ in paid.items() if sum_} or {CASH: 0}
    return [{"PaymentType": kind, "Sum": roubles(sum_)} for kind, sum_ in told.items()]


def _correction(cause: Cause) -> _Json:
    """Tags 1173, 1178, 1179."""
    told: _Json = {
        "Type": "INSTRUCTION" if cause.by_order else "SELF",
        "Description": "По предписанию" if cause.by_order else "Расчёт без применения ККТ",
        "ReceiptDate": date.fromisoformat(cause.day).strftime("%d.%m.%y"),
    }
    return {**told, "ReceiptId": cause.number} if cause.number else told


def _marking(receipt: Receipt) -> _Json:
    """Tags 2000 and 1260 in FFD 1.2, tag 1162 in hex before that."""
    marking = receipt.marking
    if marking.mode not in KINDS:
        return {}
    if receipt.ffd == "1.05":
        return {"MarkingCode": nomenclature(marking).hex().upper()}
    returned = receipt.purpose is Purpose.INCOME_RETURN
    told: _Json = {
        "MarkingCodeData": {
            "Type": KINDS[marking.mode],
            "Code": identifier(marking),
            "PlannedStatus": "PIECE_PRODUCT_RETURN" if returned else "PIECE_PRODUCT_INCOME",
        }
    }
    rule = industry(marking)
    if rule is not None:
        told["IndustryItemRequisite"] = {
            "FoivId": rule.foiv,
            "DocDate": rule.day,
            "DocNumber": rule.number,
            "Value": rule.value,
        }
    return told

"""A receipt as Orange Data's document. Pure.

Fields that say nothing are left out. A stored document tells by itself which of the three addresses
it belongs to, so it is never sent to another one after the settings have changed.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cloud.calling import object_in, roubles
from cloud.marking import identifier, industry, nomenclature, requisite
from cloud.providers.orange.settings import Settings
from cloud.receipt import Cause, Purpose, Receipt
from cloud.vat import VatRate, included

RECEIPTS: Final = "/api/v2/documents/"
CORRECTIONS: Final = "/api/v2/corrections/"
"""FFD 1.05: sums alone."""
CORRECTIONS_12: Final = "/api/v2/correction12/"
"""FFD 1.2: a receipt with its positions."""

GROUPS: Final = {"1.05": "Vend", "1.2": "Vend_2"}
"""What a cabinet for vending calls its groups, by the format of their registers."""
FFD: Final = {"1.05": 2, "1.2": 4}
CASH: Final = 1
CASHLESS: Final = 2
PIECE: Final = 0
SOLD: Final = 1
RETURNED: Final = 3
"""Tag 2003: a piece sold, a piece that came back."""
NO_NUMBER: Final = "б/н"
"""Tag 1179 of a correction of one's own; in FFD 1.05 the field may not be empty."""
SUM_FIELDS: Final = {
    VatRate.VAT_20: 1,
    VatRate.VAT_10: 2,
    VatRate.VAT_0: 3,
    VatRate.NONE: 4,
    VatRate.VAT_5: 7,
    VatRate.VAT_7: 8,
}
"""The N of `taxNSum` in a correction of sums: a numbering of its own, not that of `tax`."""


def document(settings: Settings, callback_key: str | None, receipt: Receipt, key: str) -> str:
    """The body; frozen in it are the group, the key's name and where the result is pushed."""
    of_sums = receipt.purpose is Purpose.CORRECTION and receipt.ffd == "1.05"
    content = _sums(settings, receipt) if of_sums else _content(settings, receipt)
    told = {
        "id": key,
        "inn": receipt.inn,
        "group": settings.group or GROUPS[receipt.ffd],
        "key": settings.key or settings.inn,
        "callbackUrl": settings.callback_url,
        "callbackApiKey": callback_key,
        "content": _told(content),
    }
    return msgspec.json.encode(_told(told)).decode()


def address(body: str) -> str:
    """Where a document is posted, by what stands in it; its status is asked for below that."""
    content = (object_in(body.encode()) or {}).get("content")
    if not isinstance(content, dict) or "correctionType" not in content:
        return RECEIPTS
    return CORRECTIONS_12 if "positions" in content else CORRECTIONS


def _content(settings: Settings, receipt: Receipt) -> Mapping[str, Any]:
    """Of a receipt, and of a correction in FFD 1.2."""
    paid = ((CASH, receipt.cash), (CASHLESS, receipt.cashless))
    payments = [{"type": kind, "amount": roubles(amount)} for kind, amount in paid if amount]
    return {
        "ffdVersion": FFD[receipt.ffd],
        "type": receipt.purpose.sign,
        **_cause(receipt),
        "positions": [_position(settings, receipt)],
        "checkClose": {"payments": payments, "taxationSystem": receipt.taxation.value},
        **_settlement(settings, receipt),
        "additionalAttribute": receipt.basis or None,
        "totalSum": roubles(receipt.amount) if settings.total_sum else None,
        "timeZone": receipt.zone,
    }


def _sums(settings: Settings, receipt: Receipt) -> Mapping[str, Any]:
    """Of a correction in FFD 1.05."""
    rate = receipt.vat
    of_vat = included(receipt.amount, rate) if rate.percent else receipt.amount
    return {
        "type": receipt.purpose.sign,
        **_cause(receipt),
        "totalSum": roubles(receipt.amount),
        "cashSum": roubles(receipt.cash),
        "eCashSum": roubles(receipt.cashless),
        "prepaymentSum": roubles(0),
        "postpaymentSum": roubles(0),
        "otherPaymentTypeSum": roubles(0),
        f"tax{SUM_FIELDS.get(rate) or _tax(settings, rate)}Sum": roubles(of_vat),
        "taxationSystem": receipt.taxation.value,
        **_settlement(settings, receipt),
    }


def _settlement(settings: Settings, receipt: Receipt) -> Mapping[str, Any]:
    """Where it was settled and whom it is sent to."""
    automat = {
        "automatNumber": receipt.machine,
        "settlementAddress": receipt.address,
        "settlementPlace": receipt.place,
    }
    return {
        "customerContact": settings.customer_contact,
        "senderEmail": receipt.sender or None,
        **(automat if settings.automat_fields else {}),
        "isInternetStore": receipt.internet,
    }


def _position(settings: Settings, receipt: Receipt) -> Mapping[str, Any]:
    marked = _marked_105 if receipt.ffd == "1.05" else _marked_12
    return _told(
        {
            "quantity": 1,
            "price": roubles(receipt.amount),
            "tax": _tax(settings, receipt.vat),
            "text": receipt.name,
            "paymentMethodType": receipt.method.value,
            "paymentSubjectType": receipt.subject.value,
            **marked(receipt),
        }
    )


def _cause(receipt: Receipt) -> Mapping[str, Any]:
    """Tags 1173, 1178, 1179; the time of day is always midnight."""
    if receipt.purpose is not Purpose.CORRECTION:
        return {}
    cause = receipt.cause or Cause(by_order=False, day=receipt.sold_at[:10])
    return {
        "correctionType": int(cause.by_order),
        "causeDocumentDate": f"{cause.day}T00:00:00",
        "causeDocumentNumber": cause.number or (NO_NUMBER if receipt.ffd == "1.05" else None),
    }


def _marked_105(receipt: Receipt) -> Mapping[str, Any]:
    """Tags 1162 and 1191."""
    code = nomenclature(receipt.marking)
    return {
        "nomenclatureCode": base64.b64encode(code).decode() or None,
        "additionalAttribute": requisite(receipt.marking) or None,
    }


def _marked_12(receipt: Receipt) -> Mapping[str, Any]:
    """Tag 2108, which every position has; 2000, 2003 and 1260."""
    code, act = identifier(receipt.marking), industry(receipt.marking)
    returned = receipt.purpose is Purpose.INCOME_RETURN
    return {
        "quantityMeasurementUnit": PIECE,
        "itemCode": code or None,
        "plannedStatus": (RETURNED if returned else SOLD) if code else None,
        "industryAttribute": act
        and {
            "foivId": act.foiv,
            "causeDocumentDate": act.day,
            "causeDocumentNumber": act.number,
            "value": act.value,
        },
    }


def _tax(settings: Settings, rate: VatRate) -> int:
    named = "none" if rate.percent is None else str(rate.percent)
    return next((code for each, code in settings.vat_codes.items() if each == named), rate.value)


def _told(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What there is to tell: a field without a value is left out."""
    return {name: value for name, value in fields.items() if value is not None}

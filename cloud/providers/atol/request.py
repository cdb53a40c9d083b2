"""A receipt as ATOL's request. Pure: the same receipt and key are the same bytes."""

import base64
import re
from typing import Final

from cloud.calling import roubles
from cloud.providers.atol.settings import Settings
from cloud.receipt import Cause, MarkingMode, Purpose, Receipt, Subject
from cloud.vat import VatRate, included

OPERATIONS: Final = {
    Purpose.INCOME: "sell",
    Purpose.INCOME_RETURN: "sell_refund",
    Purpose.CORRECTION: "sell_correction",
}
SIGNS: Final = {operation: purpose.sign for purpose, operation in OPERATIONS.items()}
"""Tag 1054: the report does not tell it."""
_CASH: Final = 0
_CASHLESS: Final = 1
_SUBJECTS: Final = {
    Subject.GOODS: "commodity",
    Subject.EXCISABLE: "excise",
    Subject.SERVICE: "service",
    # FFD 1.05 does not tell goods that are subject to marking from others.
    Subject.EXCISABLE_UNMARKED: "excise",
    Subject.EXCISABLE_MARKED: "excise",
    Subject.GOODS_UNMARKED: "commodity",
    Subject.GOODS_MARKED: "commodity",
}
"""Tag 1212 in v4; v5 takes its number."""
_PIECE: Final = 0
"""Tag 2108."""
_PLANNED: Final = {Purpose.INCOME: 1, Purpose.INCOME_RETURN: 3, Purpose.CORRECTION: 1}
"""Tag 2003: the piece is sold, or given back."""
_ORDER: Final = {"federal_id": "030", "date": "16.06.2022", "number": "174", "value": "mode=vend"}
"""Tag 1260: the order of the government that lets a machine name the kind instead of the piece."""
_GS1: Final = re.compile(
    r"\x1d?01(?P<gtin>\d{14})21(?P<serial>[!-~]{1,24})(?:\x1d.*)?", re.ASCII | re.DOTALL
)


def composed(settings: Settings, receipt: Receipt, key: str) -> tuple[str, dict[str, object]]:
    """The operation and its JSON."""
    told: dict[str, object] = {"external_id": key, "timestamp": _time(receipt.sold_at)}
    if settings.source_id is not None:
        told["source_id"] = settings.source_id
    if settings.callback_url is not None:
        told["service"] = {"callback_url": settings.callback_url}
    contact = receipt.sender or settings.email
    common = _common(receipt, contact)
    if receipt.purpose is not Purpose.CORRECTION:
        told["receipt"] = common | _goods(receipt, settings.protocol)
    elif settings.protocol == "v4":
        told["correction"] = common | _cause(receipt) | _sums(receipt)
    else:
        told["correction"] = common | _cause(receipt) | _goods(receipt, "v5")
    return OPERATIONS[receipt.purpose], told


def _common(receipt: Receipt, contact: str) -> dict[str, object]:
    paid = ((_CASH, receipt.cash), (_CASHLESS, receipt.cashless))
    told: dict[str, object] = {
        "client": {"email": contact},
        "company": {
            "email": contact,
            "sno": receipt.taxation.name.lower(),
            "inn": receipt.inn,
            "payment_address": receipt.place,
            "location": receipt.address,
        },
        "payments": [{"type": kind, "sum": roubles(amount)} for kind, amount in paid if amount],
        "device_number": receipt.machine,
    }
    if receipt.internet is not None:
        told["internet"] = receipt.internet
    return told


def _goods(receipt: Receipt, protocol: str) -> dict[str, object]:
    vat: dict[str, object] = {"type": _vat(receipt.vat)}
    if receipt.vat.percent:
        vat["sum"] = roubles(included(receipt.amount, receipt.vat))
    item = {
        "name": receipt.name,
        "price": roubles(receipt.amount),
        "quantity": 1,
        "sum": roubles(receipt.amount),
        "payment_method": receipt.method.name.lower(),
        "vat": vat,
    }
    told: dict[str, object] = {
        "items": [item | (_as_in_v4(receipt) if protocol == "v4" else _as_in_v5(receipt))],
        "total": roubles(receipt.amount),
    }
    if protocol == "v5" and receipt.zone is not None:
        told["timezone"] = receipt.zone
    if receipt.basis:
        told["additional_check_props"] = receipt.basis
    return told


def _as_in_v4(receipt: Receipt) -> dict[str, object]:
    told: dict[str, object] = {
        "measurement_unit": "шт",
        "payment_object": _SUBJECTS[receipt.subject],
    }
    marking = receipt.marking
    match marking.mode:
        case MarkingMode.GTIN_VEND:
            told["nomenclature_code"] = _spaced(b"\x49\x0e" + _gtin(marking.gtin))
            told["user_data"] = "crpt=mrk&mode=vend"
        case MarkingMode.FULL_CODE:
            told["nomenclature_code"] = _piece(marking.code)
    return told


def _as_in_v5(receipt: Receipt) -> dict[str, object]:
    told: dict[str, object] = {"measure": _PIECE, "payment_object": receipt.subject.value}
    marking = receipt.marking
    match marking.mode:
        case MarkingMode.GTIN_VEND:
            told["mark_code"] = {"unknown": marking.gtin}
            told["mark_processing_mode"] = "0"
            told["sectoral_item_props"] = [_ORDER]
        case MarkingMode.FULL_CODE:
            told["mark_code"] = {"gs1m": base64.b64encode(marking.code.encode()).decode()}
            told["mark_processing_mode"] = "0"
            told["planned_status"] = _PLANNED[receipt.purpose]
    return told


def _cause(receipt: Receipt) -> dict[str, object]:
    cause = receipt.cause or Cause(by_order=False, day=receipt.sold_at[:10])
    return {
        "correction_info": {
            "type": "instruction" if cause.by_order else "self",
            "base_date": _day(cause.day),
            # Only an order has a number, but the schema of v4 wants the key always.
            "base_number": cause.number,
        }
    }


def _sums(receipt: Receipt) -> dict[str, object]:
    """A correction of v4 names no goods."""
    vat = included(receipt.amount, receipt.vat) if receipt.vat.percent else receipt.amount
    return {"vats": [{"type": _vat(receipt.vat), "sum": roubles(vat)}]}


def _vat(rate: VatRate) -> str:
    return "none" if rate.percent is None else f"vat{rate.percent}"


def _piece(code: str) -> str:
    """Tag 1162 of one piece: 44 4D, GTIN in 6 bytes, serial.

    ``01 <GTIN> 21 <serial> [GS …]``. What is no such code goes as it stands: ATOL then says what
    is wrong with it, and a person sees that.
    """
    told = _GS1.fullmatch(code)
    if told is None:
        return code
    return _spaced(b"\x44\x4d" + _gtin(told["gtin"]) + told["serial"].encode())


def _gtin(digits: str) -> bytes:
    return int(digits).to_bytes(6)


def _spaced(raw: bytes) -> str:
    """``49 0E 04 2F …``."""
    return raw.hex(" ").upper()


def _day(iso: str) -> str:
    """``2026-11-23`` as ``23.11.2026``."""
    return ".".join(reversed(iso.split("-")))


def _time(iso: str) -> str:
    """``2026-11-23T18:42:10`` as ``23.11.2026 18:42:10``."""
    day, _, time = iso.partition("T")
    return f"{_day(day)} {time[:8]}"

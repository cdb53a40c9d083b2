"""How CloudKassir tells of a document, of a correction, and of its register."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from cloud.emulators.drive import Document, Drive

CAPACITY: Final = 250_000
"""Documents that a drive holds; what `/control {"drive": …}` leaves is counted from it."""
LIFE: Final = timedelta(days=1000)
DEVICE: Final = {"DeviceNumber": "00000000000001"}
REGISTERED: Final = {"RegNumber": "0000000000000001"}
OFD_NAME: Final = "ОФД (эмулятор)"
OFD_INN: Final = "7709364346"
_SAME: Final = (
    *("Id", "DocumentNumber", "SessionNumber", "FiscalSign", "DeviceNumber", "RegNumber"),
    *("FiscalNumber", "Type", "Ofd", "QrCodeUrl", "InvoiceId", "AccountId"),
    *("CalculationPlace", "SettlePlace"),
)
"""What the details have as the push has it."""


def fields(document: Document, origin: str, settle_place: str) -> dict[str, str]:
    """The push of a receipt; its time is UTC."""
    asked = document.told.request
    return {
        **_of_register(document),
        "Id": document.told.id,
        "Number": str(document.number_in_shift),
        "Inn": str(asked["Inn"]),
        "Type": asked["Type"],
        "Ofd": OFD_NAME,
        "Url": f"{origin}/{document.told.id}",
        "QrCodeUrl": f"https://qr.cloudpayments.ru/receipt?q={quote(document.qr)}",
        "Amount": f"{document.told.total / 100:.2f}",
        "DateTime": document.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "InvoiceId": str(asked.get("InvoiceId", "")),
        "AccountId": str(asked.get("AccountId", "")),
        "Receipt": json.dumps(asked["CustomerReceipt"], ensure_ascii=False),
        "CalculationPlace": str(asked["CustomerReceipt"].get("CalculationPlace", "")),
        "SettlePlace": settle_place,
    }


def details(document: Document, origin: str, settle_place: str) -> dict[str, Any]:
    """`/kkt/receipt/get`; the time is the register's."""
    pushed = fields(document, origin, settle_place)
    told = {
        **{name: pushed[name] for name in _SAME},
        "Amount": document.told.total / 100,
        "OfdReceiptUrl": _ofd_url(document, origin),
        "OrganizationInn": pushed["Inn"],
        "SessionCheckNumber": pushed["Number"],
        "DateTime": document.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "TransactionId": None,
    }
    return {**document.told.request["CustomerReceipt"], "AdditionalData": told}


def correction_details(document: Document, origin: str) -> dict[str, Any]:
    """`/kkt/correction-receipt/get`: neither a QR text nor a time."""
    asked = document.told.request["CorrectionReceiptData"]
    return {
        **_of_register(document),
        "Id": document.told.id,
        "Status": "Processed",
        "ErrorCode": 0,
        "ErrorMessage": None,
        "SessionCheckNumber": str(document.number_in_shift),
        "OfdName": OFD_NAME,
        "OfdInn": OFD_INN,
        "OfdReceiptUrl": _ofd_url(document, origin),
        "CorrectionReceiptType": asked["CorrectionReceiptType"],
        "Amounts": {**asked["Amounts"], "Sum": document.told.total / 100},
    }


def register_state(drive: Drive, now: datetime, settle_place: str, inn: str) -> Mapping[str, Any]:
    """`/kkt/state/get`: how much room the drive has, and whether it still works."""
    room = CAPACITY - len(drive.documents()) if drive.room is None else drive.room
    full = {"Code": 2, "Description": "ФН переполнен", "ResolveAction": "замените ФН"}
    return {
        **DEVICE,
        **REGISTERED,
        "FiscalNumber": drive.fn,
        "Inn": inn,
        "OfdName": OFD_NAME,
        "KkmModelName": "Эмулятор",
        "Fiscal": True,
        "FiscalDateEnd": (now + LIFE).strftime("%Y-%m-%dT00:00:00"),
        "FnOccupancy": 1 - max(0, min(room, CAPACITY)) / CAPACITY,
        "IsReceiptProcessingBlocked": room <= 0,
        "OfdQueueDocsCount": 0,
        "SettlePlace": settle_place,
        "Status": 1 if room > 0 else 3,
        "Warnings": [] if room > 0 else [full],
    }


def _of_register(document: Document) -> dict[str, str]:
    return {
        **DEVICE,
        **REGISTERED,
        "FiscalNumber": document.fn,
        "DocumentNumber": str(document.fd),
        "FiscalSign": str(document.fp),
        "SessionNumber": str(document.shift),
    }


def _ofd_url(document: Document, origin: str) -> str:
    """As 1-OFD's: the fields of the QR text, each for itself."""
    return f"{origin}/v1?{document.qr}"

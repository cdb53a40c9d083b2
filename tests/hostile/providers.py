"""Every provider's client, on a network that answers what it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from kinds import KINDS, Place, write_secrets
from multidict import CIMultiDict
from till import KEY

from cloud.fiscal import FiscalDocument, plausible, read_qr
from cloud.fleet import Register
from cloud.outcome import Dead, Done, Outcome, Unknown, Unsent
from cloud.providers import Provider
from cloud.registers import opened

NOWHERE = "http://127.0.0.1:9"

QR = "t=20261123T1842&s=120.10&fn=9999078900000001&i=1&fp=3141592653&n=1"
TASK = {
    "fn": "9999078900000001",
    "i": 1,
    "fp": 3141592653,
    "t": "20261123T1842",
    "n": 1,
    "s": 120.1,
}
_ANSWERS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "cloudkassir": [
        {"Success": True, "Model": {"Id": "sc_1", "ErrorCode": 0}},
        {"Success": False, "Message": "x", "Model": {"Id": "", "ErrorCode": 4}},
        {"Success": True, "Model": "Processed"},
        {"Success": True, "Model": {"Status": "Error"}, "Warnings": ["w"]},
        {"Success": True, "Model": {"AdditionalData": {
            "Id": "sc_1", "DocumentNumber": "1", "FiscalNumber": "9999078900000001",
            "FiscalSign": "3141592653", "DateTime": "2026-11-23T18:42:00", "Amount": 120.1,
            "QrCodeUrl": f"https://qr.example/?q={quote(QR)}", "OfdReceiptUrl": "https://ofd.example/1",
            "Type": "Income",
        }}},
    ],
    "orange": [
        {"errors": ["x"]},
        {"id": KEY, "deviceSN": "1", "deviceRN": "1", "fsNumber": "9999078900000001",
         "ofdName": "x", "ofdINN": "1", "documentNumber": 1, "fp": "3141592653",
         "processedAt": "2026-11-23T18:42:00", "content": {"type": 1, "totalSum": 120.1}},
    ],
    "atol4": [
        {"token": "abc", "error": None},
        {"uuid": "u", "status": "wait", "error": None},
        {"error": {"code": 33, "text": "x", "type": "system"}, "uuid": "u", "status": "fail"},
        {"uuid": "u", "status": "done", "external_id": KEY, "error": None, "payload": {
            "total": 120.1, "fn_number": "9999078900000001", "fiscal_document_number": 1,
            "fiscal_document_attribute": 3141592653, "receipt_datetime": "23.11.2026 18:42:00",
            "ofd_receipt_url": "https://ofd.example/1"}},
    ],
    "ferma": [
        {"Status": "Success", "Data": {"AuthToken": "t", "ReceiptId": "r"}},
        {"Status": "Failed", "Error": {"Code": 1019, "Message": "ReceiptId = 'r'"}},
        {"Status": "Success", "Data": {
            "AuthToken": "t", "ReceiptId": "r", "StatusCode": 2, "StatusMessage": "x",
            "ReceiptDateTimeIso": "2026-11-23T18:42:00+03:00",
            "Device": {"FN": "9999078900000001", "FDN": "1", "FPD": "3141592653", "RNM": "1",
                       "OfdReceiptUrl": "https://ofd.example/1"}}},
    ],
    "komtet": [
        {"id": 7, "external_id": KEY, "state": "new"},
        {"title": "x", "description": "внешний идентификатор уже существует"},
        {"id": 7, "external_id": KEY, "state": "done", "fiscal_data": TASK},
        {"id": 7, "external_id": KEY, "state": "error", "error_description": "x"},
    ],
}  # fmt: skip
_PUSHES: Mapping[str, Mapping[str, Any]] = {
    "cloudkassir": {
        "Id": "sc_1", "InvoiceId": KEY, "DocumentNumber": "1", "FiscalSign": "3141592653",
        "FiscalNumber": "9999078900000001", "QrCodeUrl": f"https://qr.example/?q={quote(QR)}",
    },
    "orange": {"id": KEY, "callbackApiKey": "guessed", "fsNumber": "9999078900000001"},
    "atol4": {"external_id": KEY, "uuid": "another's", "status": "done", "group_code": None},
    "ferma": {"InvoiceId": KEY, "ReceiptId": "another's", "Data": {"InvoiceId": KEY}},
    "komtet": {
        "external_id": KEY, "id": 7, "state": "done",
        "fiscal_data": {"fn": "9999078900000001", "i": 1, "fp": 3141592653, "t": "20261123T1842", "n": 1, "s": 120.1},
    },
}  # fmt: skip

ANSWERS = {**_ANSWERS, "atol5": _ANSWERS["atol4"]}
"""What each provider may say, of each kind one."""
PUSHES = {**_PUSHES, "atol5": _PUSHES["atol4"]}
"""What each may push of a receipt that is done."""


class Page:
    """An answer as aiohttp gives it: a status, headers, and a body that comes in pieces."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = CIMultiDict(headers)
        self.content = self
        self._left = body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(self, most: int) -> bytes:
        piece, self._left = self._left[:most], self._left[most:]
        return piece

    def at_eof(self) -> bool:
        return not self._left


@dataclass
class Network:
    """In the place of aiohttp's session: each request is answered by the next page, the last repeats."""

    pages: Sequence[tuple[int, bytes, Mapping[str, str]]] = ()
    asked: list[str] = field(default_factory=list)

    def request(self, _method: str, address: object, **_: object) -> Page:
        self.asked.append(str(address))
        if not self.pages:
            raise aiohttp.ServerDisconnectedError
        return Page(*self.pages[min(len(self.asked), len(self.pages)) - 1])

    def answering(self, *pages: tuple[int, bytes, Mapping[str, str]]) -> None:
        self.pages, self.asked = pages, []


def clients_in(folder: Path, network: Network) -> Mapping[str, Provider]:
    """The client of every kind, its secrets in this folder."""
    write_secrets(folder)
    at = Place(folder, f"{NOWHERE}/hook/main", NOWHERE)
    there: Any = network
    return {
        name: opened(
            Register(
                id="main",
                operator="coffee",
                provider=kind.provider,  # type: ignore[arg-type]
                settings=dict(kind.settings(at)),
            ),
            there,
        ).provider
        for name, kind in KINDS.items()
    }


def is_whole(document: FiscalDocument) -> bool:
    """All of it is there, and a QR code of it says the same."""
    told = read_qr(document.qr)
    return plausible(document) and told is not None and told.qr == document.qr


def is_sound(outcome: object) -> None:
    assert isinstance(outcome, Outcome)
    if isinstance(outcome, Done):
        assert is_whole(outcome.document), outcome
        assert outcome.link is None or isinstance(outcome.link, str)
    if isinstance(outcome, Unsent):
        assert outcome.retry_after_s is None or 0 <= outcome.retry_after_s <= 86_400
    if isinstance(outcome, Unsent | Unknown | Dead):
        assert outcome.reason.encode()
    provider_id = getattr(outcome, "provider_id", None)
    assert provider_id is None or (isinstance(provider_id, str) and provider_id.encode())

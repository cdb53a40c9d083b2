"""A CloudKassir of one's own: ``python -m cloud emulate cloudkassir``.

Keeps to what is known of the real one: HTTP Basic, 200 with `Success: false` for bad data, an
`X-Request-ID` that is remembered for one hour and then forgotten, a queue, status and details by
`Id` only, a signed form push that is repeated until it is answered `{"code":0}`. A receipt cannot
say the machine's number and address: the ledger shows the register's own in tags 1036 and 1009.

Its own choices, where no source tells: a refusal is not remembered, a correction is not pushed, the
operator of fiscal data shows documents as 1-OFD does.
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

import aiohttp
from aiohttp import web

from cloud.emulators.cloudkassir_checks import LACKS, Problem, correction_problem, problem
from cloud.emulators.cloudkassir_tags import correction_told, receipt_told
from cloud.emulators.cloudkassir_telling import (
    DEVICE,
    correction_details,
    details,
    fields,
    register_state,
)
from cloud.emulators.drive import Document, Drive, Told
from cloud.emulators.faults import Fault
from cloud.emulators.frame import Emulator, Entry
from cloud.emulators.page import document_page
from cloud.emulators.pasting import register_add, secret_at, url_of
from cloud.emulators.pushing import Push
from cloud.secret import secret_in

REFUSALS: Final[Mapping[Fault, Problem]] = {
    Fault.REFUSE: (27, "Некорректные данные"),
    Fault.BUSY: (22, "Превышен дневной лимит тестовых чеков"),
    Fault.NO_REGISTER: (15, "Нет подходящей ККМ"),
}
FULL: Final = (8, "ФН переполнен")
_QR: Final = ("t", "s", "fn", "i", "fp", "n")

Take = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Settings:
    """One account, and its one register: who may ask, where the push goes, what it cannot do."""

    public_id: str
    secret: str
    inn: str | None = None
    webhook: str | None = None
    delay_s: float = 0.0
    automat: str = "00000001"
    """Tag 1036, which the register was registered with."""
    settle_place: str = "Москва, дата-центр"
    """Tag 1009, likewise."""
    lacks: Collection[str] = ()
    """Of `cash` and `terminal`: codes 19 and 16."""
    daily: int | None = None
    """Test receipts a day; then code 22."""


class CloudKassir(Emulator):
    """The server."""

    memory_s = 3600.0

    def __init__(self, settings: Settings, drive: Drive) -> None:
        super().__init__(drive, settings.delay_s)
        self._settings = settings
        self._origin = ""

    def routes(self) -> Sequence[web.RouteDef]:
        """The API under Basic authority, and the pages of documents."""
        api: Mapping[str, Take] = {
            "/test": self._test,
            "/kkt/receipt": self._receipt,
            "/kkt/receipt/status/get": self._status,
            "/kkt/receipt/get": self._details,
            "/kkt/correction-receipt": self._correction,
            "/kkt/correction-receipt/status/get": self._correction_status,
            "/kkt/correction-receipt/get": self._correction_details,
            "/kkt/get-all": self._registers,
            "/kkt/state/get": self._state,
        }
        return [
            *(web.post(path, self._known_to_us(take)) for path, take in api.items()),
            web.get("/v1", self._ofd_page),
            web.get("/{id:sc_[0-9a-f]+}", self._own_page),
        ]

    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        """The Receipt push, a form with both signatures."""
        document, settings = entry.document, self._settings
        if document is None or document.told.correction or settings.webhook is None:
            return None
        body = urlencode(fields(document, self._origin, settings.settle_place)).encode()
        key = "wrong" if spoiled else settings.secret
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-HMAC": _sign(key, body),
            "X-Content-HMAC": _sign(key, unquote_plus(body.decode()).encode()),
        }
        return Push(settings.webhook, body, headers, _heard)

    def _known_to_us(self, take: Take) -> Take:
        async def checked(request: web.Request) -> web.StreamResponse:
            settings = self._settings
            wanted = aiohttp.encode_basic_auth(settings.public_id, settings.secret)
            told = request.headers.get("Authorization", "")
            if not hmac.compare_digest(told.encode("utf-8", "replace"), wanted.encode()):
                return _unauthorized()
            self._origin = str(request.url.origin())
            return await take(request)

        return checked

    async def _test(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"Success": True, "Message": secrets.token_hex(8)})

    async def _receipt(self, request: web.Request) -> web.StreamResponse:
        return await self._made(request, problem, receipt_told)

    async def _correction(self, request: web.Request) -> web.StreamResponse:
        return await self._made(request, correction_problem, correction_told)

    async def _made(
        self,
        request: web.Request,
        check: Callable[[Any, str | None, Collection[str]], Problem | None],
        understand: Callable[..., Told],
    ) -> web.StreamResponse:
        settings, key = self._settings, request.headers.get("X-Request-ID", "")

        async def take(fault: Fault | None) -> web.StreamResponse:
            if fault is Fault.AUTH:
                return _unauthorized()
            known = self.known(key) if key else None
            if known is not None:
                return self._queued(known)
            told = _json(await request.text())
            wrong = check(told, settings.inn, settings.lacks) or self._cannot()
            if fault is not None and fault in REFUSALS:
                wrong = REFUSALS[fault]
            if wrong is not None:
                code, message = wrong
                model = {"ErrorCode": code}
                return web.json_response({"Success": False, "Message": message, "Model": model})
            number = f"sc_{secrets.token_hex(14)}"
            own = {"1036": settings.automat, "1009": settings.settle_place}
            return self._queued(await self.accept(understand(told, number, key, own), fault))

        return await self.under_fault(request, take, _broken)

    def _cannot(self) -> Problem | None:
        """The register's own trouble."""
        if self.drive.room is not None and self.drive.room <= 0:
            return FULL
        daily, today = self._settings.daily, self.now().date()
        if daily is not None:
            made = [each for each in self.drive.documents() if each.at.date() == today]
            if len(made) + len(self.entries) >= daily:
                return REFUSALS[Fault.BUSY]
        return None

    def _queued(self, entry: Entry) -> web.Response:
        number = entry.told.id
        model = {"Id": number, "ErrorCode": 0, "ReceiptLocalUrl": f"{self._origin}/{number}"}
        return web.json_response(
            {"Success": True, "Message": "Queued", "Warning": None, "Model": model}
        )

    async def _status(self, request: web.Request) -> web.StreamResponse:
        return self._told(await _id(request), correction=False)

    async def _correction_status(self, request: web.Request) -> web.StreamResponse:
        return self._told(await _id(request), correction=True)

    def _told(self, number: str, *, correction: bool) -> web.Response:
        entry = self.entry(number)
        warnings: list[dict[str, object]] = []
        if entry is None or entry.told.correction is not correction:
            state = "NotFound"
        elif entry.ended is not None:
            state = "Error"
            text = {"Description": "Ошибка кассы", "ResolveAction": "обратитесь в поддержку"}
            warnings = [{"Code": 1, **text}]
        else:
            state = "Processed" if entry.document else "Queued"
        return web.json_response({"Success": True, "Model": state, "Warnings": warnings})

    async def _details(self, request: web.Request) -> web.StreamResponse:
        document = self._document(await _id(request))
        if document is None or document.told.correction:
            return _not_found()
        model = details(document, self._origin, self._settings.settle_place)
        return web.json_response({"Success": True, "Model": model})

    async def _correction_details(self, request: web.Request) -> web.StreamResponse:
        document = self._document(await _id(request))
        if document is None or not document.told.correction:
            return _not_found()
        model = correction_details(document, self._origin)
        return web.json_response({"Success": True, "Model": model})

    async def _registers(self, _request: web.Request) -> web.StreamResponse:
        register = {"Inn": self._settings.inn, **DEVICE, "FiscalNumber": self.drive.fn}
        return web.json_response([register])

    async def _state(self, request: web.Request) -> web.StreamResponse:
        told = _json(await request.text())
        if not isinstance(told, dict) or told.get("FiscalNumber") != self.drive.fn:
            return web.json_response({"Success": False, "Message": "Касса не найдена"})
        settings = self._settings
        state = register_state(self.drive, self.now(), settings.settle_place, settings.inn or "")
        return web.json_response(state)

    async def _own_page(self, request: web.Request) -> web.StreamResponse:
        return document_page(self.drive.document(request.match_info["id"]))

    async def _ofd_page(self, request: web.Request) -> web.StreamResponse:
        """1-OFD's address: the six fields of the QR text, each for itself."""
        wanted = "&".join(f"{name}={request.query.get(name)}" for name in _QR)
        found = (each for each in self.drive.documents() if each.qr == wanted)
        return document_page(next(found, None))

    def _document(self, number: str) -> Document | None:
        entry = self.entry(number)
        return entry.document if entry else None


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this emulator."""
    parser.add_argument("--public-id", default="demo", metavar="ID", help="default: %(default)s")
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help="the API secret; else one is made and told"
    )
    parser.add_argument("--inn", metavar="INN", help="the only company it knows; any, if not set")
    parser.add_argument("--webhook", metavar="URL", help="where receipts are pushed to")
    parser.add_argument(
        "--automat", default="00000001", metavar="NUMBER", help="the register's tag 1036"
    )
    parser.add_argument(
        "--settle-place", default="Москва, дата-центр", metavar="TEXT", help="its tag 1009"
    )
    parser.add_argument(
        "--lacks", action="append", choices=list(LACKS), default=[], help="what it cannot take"
    )
    parser.add_argument("--daily", type=int, metavar="N", help="test receipts a day; else any")


def opened(arguments: argparse.Namespace, drive: Drive) -> tuple[CloudKassir, Sequence[str]]:
    """The emulator, and what the operator has to know of it.

    Raises:
        ConfigError: the secret's file cannot be read.
    """
    told: list[str] = []
    if arguments.secret_file is None:
        secret = secrets.token_hex(16)
        # It opens this emulator alone, and nobody else could tell it.
        told = [f"public id {arguments.public_id}, secret {secret}"]
    else:
        secret = secret_in("--secret-file", arguments.secret_file)
    settings = Settings(
        public_id=arguments.public_id,
        secret=secret,
        inn=arguments.inn,
        webhook=arguments.webhook,
        delay_s=arguments.delay,
        automat=arguments.automat,
        settle_place=arguments.settle_place,
        lacks=arguments.lacks,
        daily=arguments.daily,
    )
    kept, writing = secret_at(arguments, arguments.secret_file, secret)
    account = {
        "url": url_of(arguments.listen),
        "public_id": settings.public_id,
        "secret_file": kept,
    }
    return CloudKassir(settings, drive), [*told, *writing, register_add("cloudkassir", account)]


async def _id(request: web.Request) -> str:
    told = _json(await request.text())
    return str(told.get("Id", "")) if isinstance(told, dict) else ""


def _json(text: str) -> Any:  # noqa: ANN401, whatever came
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _sign(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def _heard(status: int, answer: str) -> bool:
    return status == web.HTTPOk.status_code and '"code":0' in answer.replace(" ", "")


def _unauthorized() -> web.Response:
    return web.Response(status=401, text="Unauthorized", content_type="text/html")


def _not_found() -> web.Response:
    return web.json_response({"Success": False, "Message": "Receipt not found"})


def _broken() -> web.Response:
    return web.Response(status=500, text="Internal Server Error")

"""A CloudKassir of one's own: ``python -m cloud emulate cloudkassir``.

Keeps to what is known of the real one: HTTP Basic, 200 with `Success: false` for bad data, an
`X-Request-ID` that is remembered for one hour and then forgotten, a queue, status and details by
`Id` only, a signed form push that is repeated until it is answered `{"code":0}`.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import web

from cloud.emulators.checks import problem
from cloud.emulators.drive import Document, Drive
from cloud.emulators.faults import Fault, Faults
from cloud.emulators.page import document_page

log = logging.getLogger(__name__)

MEMORY_S: Final = 3600.0
MOSCOW: Final = timezone(timedelta(hours=3))
REPEATS_S: Final = (1, 2, 5, 10, 30, 60, 300)
SIGNS: Final = {"Income": 1, "IncomeReturn": 2, "Expense": 3, "ExpenseReturn": 4}


@dataclass(frozen=True, slots=True)
class Settings:
    """One account: who may ask, where the push goes, how long the register takes."""

    public_id: str
    secret: str
    inn: str | None = None
    webhook: str | None = None
    delay_s: float = 0.0


class CloudKassir:
    """The server: the provider's API, its control API, its ledger and its pages."""

    def __init__(self, settings: Settings, drive: Drive) -> None:
        self._settings = settings
        self._drive = drive
        self._faults = Faults()
        self._forgotten_before = 0.0
        self._queued: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """All routes."""
        app = web.Application(middlewares=[self._authorize])
        app.add_routes(
            [
                web.post("/test", self._test),
                web.post("/kkt/receipt", self._receipt),
                web.post("/kkt/receipt/status/get", self._status),
                web.post("/kkt/receipt/get", self._details),
                web.get("/ledger", self._ledger),
                web.post("/control", self._control),
                web.get("/receipt", self._find_page),
                web.get("/{id:sc_[0-9a-f]+}", self._page),
            ]
        )
        app.cleanup_ctx.append(self._client)
        return app

    async def _client(self, _app: web.Application) -> Any:  # noqa: ANN401, aiohttp's own
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        yield
        for task in self._tasks:
            task.cancel()
        await self._http.close()
        self._drive.close()

    @web.middleware
    async def _authorize(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
        settings = self._settings
        wanted = aiohttp.encode_basic_auth(settings.public_id, settings.secret)
        of_the_api = request.path == "/test" or request.path.startswith("/kkt/")
        if of_the_api and not hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), wanted.encode()
        ):
            return web.Response(status=401, text="Unauthorized", content_type="text/html")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _test(self, _request: web.Request) -> web.Response:
        return web.json_response({"Success": True, "Message": secrets.token_hex(8)})

    async def _receipt(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("X-Request-ID", "")
        fault = self._faults.next()
        if fault is Fault.DROP_BEFORE_STORE:
            return _drop(request)
        if fault is Fault.SERVER_FAULT:
            return web.Response(status=500, text="Internal Server Error")
        since = max(time.time() - MEMORY_S, self._forgotten_before)
        known = self._drive.remembered(key, since) if key else None
        if known is not None:
            return web.json_response(_queued(known))
        answer, document = self._record(await request.text(), key, fault)
        if document is not None:
            if fault is Fault.CALLBACK_FIRST:
                await self._push(document)
            else:
                self._queued.add(document.id)
                self._later(self._process(document, fault))
        if fault is Fault.DROP_AFTER_STORE:
            return _drop(request)
        if fault is Fault.SERVER_FAULT_AFTER_STORE:
            return web.Response(status=500, text="Internal Server Error")
        return web.json_response(answer)

    def _record(
        self, text: str, key: str, fault: Fault | None
    ) -> tuple[dict[str, Any], Document | None]:
        try:
            told = json.loads(text)
        except ValueError:
            told = None
        wrong = problem(told, self._settings.inn)
        if fault is Fault.REFUSE:
            wrong = (27, "Некорректные данные")
        if wrong is not None:
            return {"Success": False, "Message": wrong[1], "Model": {"ErrorCode": wrong[0]}}, None
        lines = told["CustomerReceipt"]["Items"]
        document = self._drive.record(
            receipt_id=f"sc_{secrets.token_hex(14)}",
            key=key,
            total=sum(round(line["Amount"] * 100) for line in lines),
            sign=SIGNS[told["Type"]],
            request=told,
            now=datetime.now(MOSCOW),
        )
        return _queued(document), document

    async def _process(self, document: Document, fault: Fault | None) -> None:
        await asyncio.sleep(self._settings.delay_s)
        self._queued.discard(document.id)
        if fault is Fault.NO_CALLBACK:
            return
        if fault is Fault.BAD_SIGNATURE:
            await self._push(document, secret="wrong")  # noqa: S106
            return
        for repeat in (0, *REPEATS_S):
            await asyncio.sleep(repeat)
            if await self._push(document):
                break
        if fault is Fault.CALLBACK_TWICE:
            await self._push(document)

    async def _push(self, document: Document, secret: str | None = None) -> bool:
        if self._settings.webhook is None or self._http is None:
            return True
        body = urlencode(self._fields(document)).encode()
        key = (secret or self._settings.secret).encode()
        sign = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-HMAC": sign,
            "X-Content-HMAC": sign,
        }
        try:
            async with self._http.post(
                self._settings.webhook, data=body, headers=headers
            ) as response:
                answer = await response.text()
                return response.status == web.HTTPOk.status_code and '"code":0' in answer.replace(
                    " ", ""
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            log.info("the push was not taken: %s", error)
            return False

    def _fields(self, document: Document) -> dict[str, str]:
        told = document.request
        return {
            "Id": document.id,
            "DocumentNumber": str(document.fd),
            "SessionNumber": str(document.shift),
            "Number": str(document.number_in_shift),
            "FiscalSign": str(document.fp),
            "DeviceNumber": "00000000000001",
            "RegNumber": "0000000000000001",
            "FiscalNumber": document.fn,
            "Inn": str(told["Inn"]),
            "Type": told["Type"],
            "Ofd": "ОФД (эмулятор)",
            "Url": f"/{document.id}",
            "QrCodeUrl": f"https://qr.cloudpayments.ru/receipt?q={quote(document.qr)}",
            "Amount": f"{document.total / 100:.2f}",
            "DateTime": document.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "InvoiceId": str(told.get("InvoiceId", "")),
            "AccountId": str(told.get("AccountId", "")),
            "Receipt": json.dumps(told["CustomerReceipt"], ensure_ascii=False),
            "CalculationPlace": str(told["CustomerReceipt"].get("CalculationPlace", "")),
        }

    async def _status(self, request: web.Request) -> web.Response:
        number = (await request.json()).get("Id", "")
        state = "NotFound"
        if number in self._queued:
            state = "Queued"
        elif self._drive.document(number) is not None:
            state = "Processed"
        return web.json_response({"Success": True, "Model": state, "Warnings": []})

    async def _details(self, request: web.Request) -> web.Response:
        number = (await request.json()).get("Id", "")
        document = self._drive.document(number)
        if document is None or number in self._queued:
            return web.json_response({"Success": False, "Message": "Receipt not found"})
        fields = self._fields(document)
        told = {
            **{
                name: fields[name]
                for name in ("Id", "DocumentNumber", "FiscalNumber", "FiscalSign")
            },
            **{name: fields[name] for name in ("InvoiceId", "AccountId", "QrCodeUrl", "RegNumber")},
            "Amount": document.total / 100,
            "OfdReceiptUrl": fields["Url"],
            "Type": fields["Type"],
        }
        receipt = {**document.request["CustomerReceipt"], "AdditionalData": told}
        return web.json_response({"Success": True, "Model": receipt})

    async def _ledger(self, _request: web.Request) -> web.Response:
        """Every document: what a test or a demo counts."""
        return web.json_response(
            [
                {
                    "fd": each.fd,
                    "id": each.id,
                    "key": each.key,
                    "invoice_id": each.request.get("InvoiceId"),
                    "total": each.total,
                    "qr": each.qr,
                    "request": each.request,
                }
                for each in self._drive.documents()
            ]
        )

    async def _control(self, request: web.Request) -> web.Response:
        order = await request.json()
        if order.get("forget"):
            self._forgotten_before = time.time()
        if "fault" in order:
            try:
                fault = Fault(order["fault"])
            except ValueError:
                known = ", ".join(each.value for each in Fault)
                return web.json_response({"error": f"known faults: {known}"}, status=400)
            self._faults.order(fault, int(order.get("times", 1)))
        return web.json_response({"ok": True})

    async def _page(self, request: web.Request) -> web.Response:
        return document_page(self._drive.document(request.match_info["id"]))

    async def _find_page(self, request: web.Request) -> web.Response:
        """Where a phone arrives with the fiscal QR's text: ``/receipt?q=…``."""
        wanted = request.query.get("q")
        found = (each for each in self._drive.documents() if each.qr == wanted)
        return document_page(next(found, None))

    def _later(self, work: Any) -> None:  # noqa: ANN401, a coroutine
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _queued(document: Document) -> dict[str, Any]:
    model = {"Id": document.id, "ErrorCode": 0, "ReceiptLocalUrl": f"/{document.id}"}
    return {"Success": True, "Message": "Queued", "Warning": None, "Model": model}


def _drop(request: web.Request) -> web.StreamResponse:
    """Break the connection: the client sees a reset, no answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)

"""A Ferma of one's own: ``python -m cloud emulate ferma``.

Keeps to what is known of the real one: a token in the query, HTTP 200 for most refusals, a key
(`InvoiceId`) that is refused with 1019 and the number of before, status 0, then 1 made, then 2
confirmed, or 3 the register failed; pushes to the request's own `CallbackUrl`, without a signature.
Where sources differ it has both readings: `--duplicate`, `--no-look-up`, `--date`.

Its own choices, where no source tells: all codes but 1019 and all words of refusals; HTTP 429 for
too much to do and 403 for an account that is blocked; what a push holds (the status, and both
numbers).
"""

import argparse
import json
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from aiohttp import web

from cloud.emulators.drive import Drive, Told
from cloud.emulators.faults import Fault
from cloud.emulators.ferma_checks import MALFORMED, SIGNS, Problem, problem, tags_of, total_of
from cloud.emulators.frame import Emulator, Entry
from cloud.emulators.pasting import register_add, secret_at, url_of
from cloud.emulators.pushing import Push
from cloud.secret import secret_in

TOKEN_S: Final = 24 * 3600.0
DUPLICATE: Final = 1019
FFD_12: Final = 4
"""Tag 1209."""
REFUSALS: Final[Mapping[Fault, tuple[int, Problem]]] = {
    Fault.REFUSE: (200, (1020, "Некорректные данные чека")),
    Fault.AUTH: (403, (1021, "Учётная запись заблокирована")),
    Fault.BUSY: (429, (1022, "Слишком много запросов")),
    Fault.NO_REGISTER: (200, (1023, "Не найдена подходящая касса")),
}
NO_TOKEN: Final = (1001, "Авторизационный токен не найден или истёк")
UNKNOWN: Final = (1024, "Чек не найден")
STATUSES: Final = {
    0: ("NEW", "Запрос на чек получен"),
    1: ("PROCESSED", "Чек сформирован на кассе"),
    2: ("CONFIRMED", "Чек передан в ОФД"),
    3: ("KKT_ERROR", "Ошибка кассы"),
}
ENDED: Final = {
    Fault.EXPIRE: "Истекло время ожидания свободной кассы",
    Fault.FAIL: "Ошибка фискального накопителя",
}
FULL: Final = "Ресурс фискального накопителя исчерпан"

Take = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Settings:
    """One account, and which of two readings it keeps to."""

    login: str
    password: str
    inn: str | None = None
    delay_s: float = 0.0
    duplicate: Literal["error", "same"] = "error"
    """A known key: refused with 1019, or answered with the number of before."""
    look_up: bool = True
    """Whether the status is told by `InvoiceId`, too."""
    date: Literal["iso", "local", "utc"] = "iso"
    """`ReceiptDateUtc` is local with a time with an offset beside it, is local, is UTC."""
    confirm_s: float = 5.0
    """After so long the operator of fiscal data has a document."""


class Ferma(Emulator):
    """The server."""

    def __init__(self, settings: Settings, drive: Drive) -> None:
        super().__init__(drive, settings.delay_s)
        self._settings = settings
        self._tokens: dict[str, float] = {}
        self._origin = ""

    def routes(self) -> Sequence[web.RouteDef]:
        """The API."""
        return [
            web.post("/api/Authorization/CreateAuthToken", self._authorize),
            web.post("/api/kkt/cloud/receipt", self._with_token(self._receipt)),
            web.post("/api/kkt/cloud/status", self._with_token(self._status)),
        ]

    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        """The status, and both numbers; spoiled, of a receipt that nobody asked for."""
        url = entry.told.request["Request"].get("CallbackUrl")
        if not url:
            return None
        numbers = {"ReceiptId": entry.told.id, "InvoiceId": entry.told.key}
        if spoiled:
            numbers = {"ReceiptId": str(uuid.uuid4()), "InvoiceId": str(uuid.uuid4())}
        body = json.dumps({**self._state(entry), **numbers}, ensure_ascii=False)
        return Push(url, body.encode(), {"Content-Type": "application/json"})

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        told = _json(await request.text())
        settings = self._settings
        if told != {"Login": settings.login, "Password": settings.password}:
            return _failed((1000, "Неверный логин или пароль"))
        token = str(uuid.uuid4())
        self._tokens[token] = time.time()
        until = datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=TOKEN_S)
        told = {"AuthToken": token, "ExpirationDateUtc": until.strftime("%Y-%m-%dT%H:%M:%S")}
        return _success(told)

    def _with_token(self, take: Take) -> Take:
        async def checked(request: web.Request) -> web.StreamResponse:
            since = max(time.time() - TOKEN_S, self.forgotten_before)
            if self._tokens.get(request.query.get("AuthToken", ""), 0.0) <= since:
                return _failed(NO_TOKEN)
            self._origin = str(request.url.origin())
            return await take(request)

        return checked

    async def _receipt(self, request: web.Request) -> web.StreamResponse:
        told = _json(await request.text())

        async def take(fault: Fault | None) -> web.StreamResponse:
            if fault is not None and fault in REFUSALS:
                status, said = REFUSALS[fault]
                return _failed(said, status)
            wrong = problem(told, self._settings.inn)
            return await self._take(told, fault) if wrong is None else _failed(wrong)

        return await self.under_fault(request, take, _broken)

    async def _take(self, told: Mapping[str, Any], fault: Fault | None) -> web.StreamResponse:
        asked = told["Request"]
        known = self.known(asked["InvoiceId"])
        if known is not None and self._settings.duplicate == "same":
            return _success({"ReceiptId": known.told.id})
        if known is not None:
            said = f"Чек с InvoiceId {asked['InvoiceId']} уже создан --{known.told.id}--"
            return _failed((DUPLICATE, said), 400)
        receipt = Told(
            id=str(uuid.uuid4()),
            key=asked["InvoiceId"],
            total=total_of(asked),
            sign=SIGNS[asked["Type"]],
            tags=tags_of(asked, FFD_12),
            request=told,
            correction="Correction" in asked["Type"],
        )
        await self.accept(receipt, fault)
        return _success({"ReceiptId": receipt.id})

    async def _status(self, request: web.Request) -> web.StreamResponse:
        told = _json(await request.text())
        asked = told.get("Request") if isinstance(told, dict) else None
        if not isinstance(asked, dict):
            return _failed(MALFORMED)
        number, key = asked.get("ReceiptId"), asked.get("InvoiceId")
        if not number and not self._settings.look_up:
            return _failed((1025, "Не указан ReceiptId"))
        entry = self.entry(str(number)) if number else self.known(str(key))
        return _failed(UNKNOWN) if entry is None else _success(self._state(entry))

    def _state(self, entry: Entry) -> dict[str, Any]:
        code, said = self._status_of(entry)
        told: dict[str, Any] = {
            "StatusCode": code,
            "StatusName": STATUSES[code][0],
            "StatusMessage": said,
            "ReceiptId": entry.told.id,
            "Device": None,
            **self._dates(entry, code),
        }
        document = entry.document
        if document is not None:
            told["Device"] = {
                "DeviceId": 7825,
                "RNM": "0000000000000017",
                "ZN": "00000000000000000017",
                "FN": document.fn,
                "FDN": str(document.fd),
                "FPD": f"{document.fp:010d}",
                "ShiftNumber": document.shift,
                "ReceiptNumInShift": document.number_in_shift,
                "OfdReceiptUrl": f"{self._origin}/receipt?id={entry.told.id}",
            }
        return told

    def _status_of(self, entry: Entry) -> tuple[int, str]:
        if entry.ended is not None:
            full = entry.ended is Fault.FAIL and self.drive.room == 0
            return 3, FULL if full else ENDED[entry.ended]
        if entry.document is None:
            return 0, STATUSES[0][1]
        age = (self.now() - entry.document.at).total_seconds()
        code = 2 if age >= self._settings.confirm_s else 1
        return code, STATUSES[code][1]

    def _dates(self, entry: Entry, code: int) -> dict[str, str | None]:
        """When the document was recorded; the time of the answer is not of interest."""
        if code not in {1, 2} or entry.document is None:
            return {"ReceiptDateUtc": None}
        at = entry.document.at
        form = "%Y-%m-%dT%H:%M:%S"
        if self._settings.date == "utc":
            return {"ReceiptDateUtc": at.astimezone(UTC).strftime(form)}
        local = {"ReceiptDateUtc": at.strftime(form)}
        if self._settings.date == "local":
            return {**local}
        return {**local, "ReceiptDateTimeIso": f"{at.strftime(form)}+03:00[Europe/Moscow]"}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this emulator."""
    parser.add_argument("--login", default="demo", help="default: %(default)s")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="its password; else one is made and told"
    )
    parser.add_argument("--inn", metavar="INN", help="the only company it knows; any, if not set")
    parser.add_argument(
        "--duplicate",
        choices=["error", "same"],
        default="error",
        help="a repeated key is refused with 1019, or answered as before (default: error)",
    )
    parser.add_argument(
        "--no-look-up", action="store_true", help="the status is told by ReceiptId alone"
    )
    parser.add_argument(
        "--date",
        choices=["iso", "local", "utc"],
        default="iso",
        help="ReceiptDateUtc is local with ReceiptDateTimeIso beside it, local alone, or UTC",
    )


def opened(arguments: argparse.Namespace, drive: Drive) -> tuple[Ferma, Sequence[str]]:
    """The emulator, and what the operator has to know of it.

    Raises:
        ConfigError: the password's file cannot be read.
    """
    told: list[str] = []
    if arguments.password_file is None:
        password = secrets.token_hex(16)
        # It opens this emulator alone, and nobody else could tell it.
        told = [f"login {arguments.login}, password {password}"]
    else:
        password = secret_in("--password-file", arguments.password_file)
    settings = Settings(
        login=arguments.login,
        password=password,
        inn=arguments.inn,
        delay_s=arguments.delay,
        duplicate=arguments.duplicate,
        look_up=not arguments.no_look_up,
        date=arguments.date,
    )
    kept, writing = secret_at(arguments, arguments.password_file, password)
    account = {
        "url": url_of(arguments.listen, "/api"),
        "login": settings.login,
        "password_file": kept,
    }
    return Ferma(settings, drive), [*told, *writing, register_add("ferma", account)]


def _success(given: Mapping[str, Any]) -> web.Response:
    return web.json_response({"Status": "Success", "Data": given})


def _failed(said: Problem, status: int = 200) -> web.Response:
    error = {"Code": said[0], "Message": said[1]}
    headers = {"Retry-After": "1"} if status == web.HTTPTooManyRequests.status_code else None
    return web.json_response({"Status": "Failed", "Error": error}, status=status, headers=headers)


def _broken() -> web.Response:
    return web.Response(status=500, text="Internal Server Error")


def _json(text: str) -> Any:  # noqa: ANN401, whatever came
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

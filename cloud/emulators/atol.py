"""An ATOL Online of one's own, v4 or v5, at the addresses of whichever dialect.

Keeps to what is known of the real one: a token for 24 hours, its codes with their HTTP statuses, a
schema that is checked at once, an `external_id` that is taken for good, a report by `uuid` that is
given for 32 days, and pushed, unsigned. What a receipt leaves out gets ATOL's own defaults, and
they are in the ledger: the register's inner number, the data centre's address, a prepayment.
"""

import argparse
import json
import re
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from cloud.emulators.atol_checks import CALLBACK, RegisterError, problems, register_error
from cloud.emulators.atol_tags import INNER_NUMBER, SIGNS, tags, total
from cloud.emulators.drive import Document, Drive, Told
from cloud.emulators.faults import Fault
from cloud.emulators.frame import Emulator, Entry
from cloud.emulators.pasting import register_add, secret_at, url_of
from cloud.emulators.pushing import Push
from cloud.secret import secret_in

BASES: Final = {
    "atol": "/possystem/{version}",
    "evotor": "/possystem/{version}",
    "ecom": "/fiscalorder/{version}",
    "initpro": "/lk/api/v1",
}
"""The paths of the dialects, as their addresses have them."""
TOKEN_S: Final = 24 * 3600
REPORT_S: Final = 32 * 24 * 3600
_TIME: Final = "%d.%m.%Y %H:%M:%S"
_OPERATIONS: Final = {
    "v4": {"sell", "sell_refund", "sell_correction", "buy", "buy_refund", "buy_correction"},
    "v5": {
        *("sell", "sell_refund", "sell_correction", "sell_refund_correction"),
        *("buy", "buy_refund", "buy_correction", "buy_refund_correction"),
    },
}
_STATUSES: Final = {
    **dict.fromkeys((0, 1, 13, 30, 31, 32, 33, 40), 400),
    **dict.fromkeys((10, 11, 12, 20, 21), 401),
    14: 403,
    34: 200,
    41: 415,
    50: 500,
}
"""HTTP status by code."""
_TEXTS: Final = {
    10: "Передан некорректный токен",
    11: "Срок действия токена истёк",
    12: "Неверный логин или пароль",
    20: "Код группы, указанный в запросе, не соответствует токену",
    21: "Код группы не поддерживает данную версию протокола",
    30: "Передан некорректный UUID",
    31: "Операция не поддерживается",
    33: "В системе существует чек с таким external_id",
    34: "Состояние чека не найдено. Попробуйте позднее",
    40: "Некорректный запрос",
    41: "Некорректный Content-Type",
    50: "Ошибка сервера",
}
_EXPIRED: Final = ("timeout", 1, "Превышено время ожидания чека в очереди")
_FULL: Final = ("driver", 121, "Архив ФН переполнен")
_BROKEN: Final = ("driver", 1, "Соединение не установлено")


@dataclass(frozen=True, slots=True)
class Settings:
    """One login, one group. `inn` is that of the group's registers; None: any."""

    login: str
    password: str
    group: str
    protocol: str = "v4"
    dialect: str = "atol"
    inn: str | None = None
    delay_s: float = 0.0
    registers: int = 1
    limit_polls: bool = False
    """Answer 429 to more than one question a second and register; what the real one does is not told."""


class Atol(Emulator):
    """The server."""

    def __init__(self, settings: Settings, drive: Drive) -> None:
        super().__init__(drive, settings.delay_s)
        self._settings = settings
        self._tokens: dict[str, tuple[float, float]] = {}
        """When each was given: by the clock that `clock_s` moves, and by the one it does not."""
        self._errors: dict[str, RegisterError] = {}
        """Why a receipt came to nothing, by uuid."""
        self._polled_at = float("-inf")

    def routes(self) -> Sequence[web.RouteDef]:
        """Token, receipts, reports."""
        base = BASES[self._settings.dialect].replace("{version}", "{version:v[45]}")
        return [
            web.get(f"{base}/getToken", self._get_token),
            web.post(f"{base}/getToken", self._get_token),
            web.get(f"{base}/{{group}}/report/{{uuid}}", self._report),
            web.post(f"{base}/{{group}}/{{operation}}", self._register),
        ]

    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        """The report, to where the receipt said; nobody signs it."""
        report = self._report_of(entry)
        url = report["callback_url"]
        if not url or "warnings" in report:
            return None
        if spoiled:
            report["external_id"] = f"not-{entry.told.key}"
        body = json.dumps(report, ensure_ascii=False).encode()
        return Push(url, body, {"Content-Type": "application/json; charset=utf-8"})

    async def _get_token(self, request: web.Request) -> web.Response:
        told: Any = request.query
        if request.method == "POST":
            try:
                told = await request.json()
            except ValueError:
                return self._error(40)
        settings = self._settings
        named = isinstance(told, Mapping) and (told.get("login"), told.get("pass"))
        if named != (settings.login, settings.password):
            return self._error(12)
        token = secrets.token_hex(16)
        self._tokens[token] = (self.now().timestamp(), time.time())
        return web.json_response({"error": None, "token": token, "timestamp": self._now()})

    def _refusal(self, request: web.Request) -> web.Response | None:
        """What is wrong with who asks, and for which group."""
        token = request.headers.get("Token") or request.query.get("token")
        given = self._tokens.get(token or "")
        if given is None:
            return self._error(10)
        if self.now().timestamp() - given[0] >= TOKEN_S or given[1] <= self.forgotten_before:
            return self._error(11)
        if request.match_info["group"] != self._settings.group:
            return self._error(20)
        version = request.match_info.get("version", self._settings.protocol)
        return self._error(21) if version != self._settings.protocol else None

    async def _register(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal

        async def take(fault: Fault | None) -> web.StreamResponse:
            return await self._take(request, fault)

        return await self.under_fault(request, take, lambda: self._error(50))

    async def _take(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        refused = {Fault.AUTH: 12, Fault.NO_REGISTER: 21}
        if fault in refused:
            return self._error(refused[fault])
        if fault is Fault.BUSY:
            return web.Response(status=429, text="Too Many Requests")
        if fault is Fault.REFUSE:
            return self._invalid(["#/receipt/company/inn"])
        if request.content_type != "application/json":
            return self._error(41)
        operation = request.match_info["operation"]
        if operation not in _OPERATIONS[self._settings.protocol]:
            return self._error(31)
        raw = await request.read()
        try:
            told, exact = json.loads(raw), json.loads(raw, parse_float=Decimal)
        except (ValueError, RecursionError):
            return self._error(40)
        part = "correction" if operation.endswith("correction") else "receipt"
        wrong = problems(exact, self._settings.protocol, part)
        if wrong:
            return self._invalid(wrong)
        return await self._accept(operation, part, told, exact, fault)

    async def _accept(
        self,
        operation: str,
        part: str,
        told: dict[str, Any],
        exact: dict[str, Any],
        fault: Fault | None,
    ) -> web.StreamResponse:
        known = self.known(told["external_id"])
        if known is not None:
            answer = self._body(33) | {"uuid": known.told.id, "status": "wait"}
            return web.json_response(answer, status=_STATUSES[33])
        number = str(uuid.uuid4())
        error = register_error(exact[part], self._settings.inn)
        if error is not None and fault is not Fault.LOSE:
            self._errors[number] = error
            fault = Fault.FAIL
        await self.accept(
            Told(
                id=number,
                key=told["external_id"],
                total=total(exact[part]),
                sign=SIGNS[operation],
                tags=tags(exact[part], self._settings.protocol),
                request=told,
                correction=part == "correction",
            ),
            fault,
        )
        answer = {"uuid": number, "timestamp": self._now(), "error": None, "status": "wait"}
        return web.json_response(answer)

    async def _report(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if self._settings.limit_polls:
            now, last = time.monotonic(), self._polled_at
            if now - last < 1 / self._settings.registers:
                return web.Response(status=429, text="Too Many Requests")
            self._polled_at = now
        entry = self.entry(request.match_info["uuid"])
        if entry is None or self.now().timestamp() - _since(entry) > REPORT_S:
            return self._error(30)
        return web.json_response(self._report_of(entry))

    def _report_of(self, entry: Entry) -> dict[str, Any]:
        told = entry.told
        url = told.request.get("service", {}).get("callback_url", "")
        report: dict[str, Any] = {
            "uuid": told.id,
            "timestamp": self._now(),
            "group_code": self._settings.group,
            "daemon_code": "emulator",
            "device_code": INNER_NUMBER,
            "external_id": told.key,
            "callback_url": url,
            "error": None,
            "payload": None,
        }
        if url and re.fullmatch(CALLBACK, url) is None:
            report["warnings"] = {"callback_url": "callback_url не соответствует маске"}
        if entry.document is not None:
            return report | {"status": "done", "payload": _payload(entry.document)}
        if entry.ended is not None:
            kind, code, text = self._reason(entry)
            return report | {"status": "fail", "error": _error(code, text, kind)}
        return report | {"status": "wait", "error": _error(34, _TEXTS[34], "system")}

    def _reason(self, entry: Entry) -> RegisterError:
        """Why it came to nothing; what was said once is said again."""
        if entry.ended is Fault.EXPIRE:
            return _EXPIRED
        room = self.drive.room
        full = room is not None and room <= 0
        return self._errors.setdefault(entry.told.id, _FULL if full else _BROKEN)

    def _invalid(self, paths: Sequence[str]) -> web.Response:
        wrong = ", ".join(f"PatternMismatch: {path}" for path in paths)
        text = f"Ошибка валидации входного чека. Ошибочные поля: {wrong}"
        answer = self._body(32, text) | {"status": "fail"}
        return web.json_response(answer, status=_STATUSES[32])

    def _error(self, code: int) -> web.Response:
        status = {30: "fail", 34: "wait"}.get(code)
        answer = self._body(code) | ({"status": status} if status else {})
        return web.json_response(answer, status=_STATUSES[code])

    def _body(self, code: int, text: str = "") -> dict[str, Any]:
        return {"timestamp": self._now(), "error": _error(code, text or _TEXTS[code], "system")}

    def _now(self) -> str:
        return self.now().strftime(_TIME)


def _error(code: int, text: str, kind: str) -> dict[str, Any]:
    return {"error_id": str(uuid.uuid4()), "code": code, "text": text, "type": kind}


def _since(entry: Entry) -> float:
    """When it came, Unix seconds; of a document, when it was recorded."""
    return entry.document.at.timestamp() if entry.document else entry.accepted_at


def _payload(document: Document) -> dict[str, Any]:
    return {
        "total": document.told.total / 100,
        "fns_site": "www.nalog.gov.ru",
        "fn_number": document.fn,
        "shift_number": document.shift,
        "receipt_datetime": document.at.strftime(_TIME),
        "fiscal_receipt_number": document.number_in_shift,
        "fiscal_document_number": document.fd,
        "ecr_registration_number": "0000000000000001",
        "fiscal_document_attribute": document.fp,
        "ofd_inn": "7709364346",
        "ofd_receipt_url": f"https://consumer.1-ofd.ru/v1?{document.qr}",
    }


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this emulator."""
    parser.add_argument("--login", default="demo", metavar="NAME", help="default: %(default)s")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="its password; else one is made and told"
    )
    parser.add_argument("--group", default="demo_1", metavar="CODE", help="default: %(default)s")
    parser.add_argument(
        "--dialect", choices=list(BASES), default="atol", help="whose paths; default: %(default)s"
    )
    parser.add_argument("--inn", metavar="INN", help="of the group's registers; any, if not set")
    parser.add_argument(
        "--limit-polls", action="store_true", help="one question a second, else it answers 429"
    )


def opened(arguments: argparse.Namespace, drive: Drive) -> tuple[Atol, Sequence[str]]:
    """The emulator, and what the operator has to know of it.

    Raises:
        ConfigError: the password's file cannot be read.
    """
    protocol = {"atol4": "v4", "atol5": "v5"}[arguments.provider]
    file = arguments.password_file
    password = secrets.token_hex(16) if file is None else secret_in("--password-file", file)
    settings = Settings(
        login=arguments.login,
        password=password,
        group=arguments.group,
        protocol=protocol,
        dialect=arguments.dialect,
        inn=arguments.inn,
        delay_s=arguments.delay,
        limit_polls=arguments.limit_polls,
    )
    path = BASES[settings.dialect].format(version=protocol)
    told = [f"path {path}, group {settings.group}"]
    if file is None:
        # It opens this emulator alone, and nobody else could tell it.
        told.append(f"login {settings.login}, password {password}")
    kept, writing = secret_at(arguments, file, password)
    account = {
        "url": url_of(arguments.listen, path),
        "protocol": protocol,
        "dialect": settings.dialect,
        "login": settings.login,
        "password_file": kept,
        "group": settings.group,
        "email": "checks@coffee.example",
    }
    told += [*writing, register_add("atol", account)]
    return Atol(settings, drive), told

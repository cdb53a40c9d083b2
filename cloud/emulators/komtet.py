"""A Komtet Kassa of one's own: ``python -m cloud emulate komtet``.

Keeps to what is known of the real one, API v2: the shop's number and an HMAC-MD5 of method, address
and body; a queue with a state; tasks that are new, done or in error; HTTP 422 for a task that is
wrong, and for a key (`external_id`) that is known, without the number of its task. Nothing is
looked up by the key. Pushes go to the task's own `callback_url`, signed as a request is, or not at
all (`--unsigned`): no document of Komtet's tells.

Its own choices, where no source tells: the words of refusals but that of a known key; HTTP 429 for
too much to do; a queue that is not active takes no tasks.
"""

import argparse
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from cloud.emulators.drive import Drive, Told
from cloud.emulators.faults import Fault
from cloud.emulators.frame import Emulator, Entry
from cloud.emulators.komtet_checks import SIGNS, problem, tags_of, total_of
from cloud.emulators.pasting import register_add, secret_at, url_of
from cloud.emulators.pushing import Push
from cloud.secret import secret_in

API: Final = "/api/shop/v2"
WRONG: Final = 422
FORBIDDEN: Final = 403
REFUSALS: Final[Mapping[Fault, tuple[int, str]]] = {
    Fault.REFUSE: (WRONG, "Некорректные данные чека"),
    Fault.AUTH: (FORBIDDEN, "Магазин заблокирован"),
    Fault.BUSY: (429, "Слишком много запросов"),
    Fault.NO_REGISTER: (WRONG, "Очередь не активна"),
}
ENDED: Final = {
    Fault.EXPIRE: "Истекло время ожидания кассы",
    Fault.FAIL: "Ошибка кассы",
}
FULL: Final = "Ресурс фискального накопителя исчерпан"

Take = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Settings:
    """One shop with one queue of registers."""

    shop_id: str
    secret: str
    queue: int = 1
    delay_s: float = 0.0
    automat: str = "00000001"
    """Tag 1036, which the register was registered with."""
    signs: bool = True
    """Whether pushes are signed."""


class Komtet(Emulator):
    """The server. The queue takes tasks while it is `active`."""

    def __init__(self, settings: Settings, drive: Drive) -> None:
        super().__init__(drive, settings.delay_s)
        self._settings = settings
        self.active = True

    def routes(self) -> Sequence[web.RouteDef]:
        """The API, each request of it signed."""
        return [
            web.get(f"{API}/queues/{{queue}}", self._signed(self._queue)),
            web.post(f"{API}/queues/{{queue}}/task", self._signed(self._task)),
            web.get(f"{API}/tasks/{{task}}", self._signed(self._state)),
        ]

    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        """The task as it is asked for, signed over the address that it goes to."""
        url = entry.told.request.get("callback_url")
        if not url:
            return None
        signs = self._settings.signs
        told = self._told(entry)
        if spoiled and not signs:
            told = {**told, "external_id": secrets.token_hex(8), "id": secrets.randbelow(10**9)}
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        if signs:
            secret = "wrong" if spoiled else self._settings.secret
            headers["X-HMAC-Signature"] = _sign(secret, "POST", url, body)
        return Push(url, body, headers)

    def _signed(self, take: Take) -> Take:
        async def checked(request: web.Request) -> web.StreamResponse:
            url = f"{request.scheme}://{request.host}{request.raw_path}"
            right = _sign(self._settings.secret, request.method, url, await request.read())
            told = request.headers.get("X-HMAC-Signature", "")
            ours = request.headers.get("Authorization") == self._settings.shop_id
            if not ours or not hmac.compare_digest(told.encode("utf-8", "replace"), right.encode()):
                return _wrong("Неверная подпись запроса", FORBIDDEN)
            number = request.match_info.get("queue", str(self._settings.queue))
            if number != str(self._settings.queue):
                return _wrong(f"Очередь {number} не найдена", 404)
            return await take(request)

        return checked

    async def _queue(self, _request: web.Request) -> web.StreamResponse:
        state = "active" if self.active else "passive"
        return web.json_response({"id": self._settings.queue, "state": state})

    async def _task(self, request: web.Request) -> web.StreamResponse:
        told = _json(await request.text())

        async def take(fault: Fault | None) -> web.StreamResponse:
            if not self.active:
                fault = Fault.NO_REGISTER
            if fault is not None and fault in REFUSALS:
                status, said = REFUSALS[fault]
                return _wrong(said, status)
            wrong = problem(told)
            return await self._take(told, fault) if wrong is None else _wrong(wrong)

        return await self.under_fault(request, take, _broken)

    async def _take(self, told: Mapping[str, Any], fault: Fault | None) -> web.StreamResponse:
        key = told["external_id"]
        if self.known(key) is not None:
            return _wrong(f"external_id: Чек с внешним идентификатором {key} уже существует")
        receipt = Told(
            id=str(10**8 + secrets.randbelow(9 * 10**8)),
            key=key,
            total=total_of(told),
            sign=SIGNS[told["intent"]],
            tags=tags_of(told, self._settings.automat),
            request=told,
            correction="Correction" in told["intent"],
        )
        await self.accept(receipt, fault)
        new = {"id": int(receipt.id), "external_id": key, "state": "new"}
        return web.json_response({**new, "print_queue_id": self._settings.queue})

    async def _state(self, request: web.Request) -> web.StreamResponse:
        entry = self.entry(request.match_info["task"])
        if entry is None:
            return _wrong("Задача не найдена", 404)
        return web.json_response(self._told(entry))

    def _told(self, entry: Entry) -> dict[str, Any]:
        document, error = entry.document, None
        if entry.ended is not None:
            full = entry.ended is Fault.FAIL and self.drive.room == 0
            error = FULL if full else ENDED[entry.ended]
        state = "error" if error else "new" if document is None else "done"
        return {
            "id": int(entry.told.id),
            "external_id": entry.told.key,
            "state": state,
            "error_description": error,
            "fiscal_data": None
            if document is None
            else {
                "i": str(document.fd),
                "fn": document.fn,
                "t": document.at.strftime("%Y%m%dT%H%M"),
                "n": document.told.sign,
                "fp": str(document.fp),
                "s": f"{document.told.total / 100:.2f}",
            },
        }


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this emulator."""
    parser.add_argument("--shop-id", default="demo", metavar="ID", help="default: %(default)s")
    parser.add_argument(
        "--secret-file",
        type=Path,
        metavar="FILE",
        help="the shop's secret; else one is made and told",
    )
    parser.add_argument(
        "--queue", type=int, default=1, metavar="N", help="its number (default: %(default)s)"
    )
    parser.add_argument(
        "--automat", default="00000001", metavar="NUMBER", help="the register's tag 1036"
    )
    parser.add_argument("--unsigned", action="store_true", help="pushes have no signature")


def opened(arguments: argparse.Namespace, drive: Drive) -> tuple[Komtet, Sequence[str]]:
    """The emulator, and what the operator has to know of it.

    Raises:
        ConfigError: the secret's file cannot be read.
    """
    told = [f"shop {arguments.shop_id}, queue {arguments.queue}"]
    if arguments.secret_file is None:
        secret = secrets.token_hex(16)
        # It opens this emulator alone, and nobody else could tell it.
        told = [f"{told[0]}, secret {secret}"]
    else:
        secret = secret_in("--secret-file", arguments.secret_file)
    settings = Settings(
        shop_id=arguments.shop_id,
        secret=secret,
        queue=arguments.queue,
        delay_s=arguments.delay,
        automat=arguments.automat,
        signs=not arguments.unsigned,
    )
    kept, writing = secret_at(arguments, arguments.secret_file, secret)
    account = {
        "url": url_of(arguments.listen, API),
        "shop_id": settings.shop_id,
        "secret_file": kept,
        "queue": settings.queue,
    }
    return Komtet(settings, drive), [*told, *writing, register_add("komtet", account)]


def _sign(secret: str, method: str, url: str, body: bytes) -> str:
    text = method.encode() + url.encode() + body
    return hmac.new(secret.encode(), text, hashlib.md5).hexdigest()


def _wrong(said: str, status: int = WRONG) -> web.Response:
    told = {"title": "Ошибка валидации" if status == WRONG else "Ошибка", "description": said}
    headers = {"Retry-After": "1"} if status == web.HTTPTooManyRequests.status_code else None
    return web.json_response(told, status=status, headers=headers)


def _broken() -> web.Response:
    return web.Response(status=500, text="Internal Server Error")


def _json(text: str) -> Any:  # noqa: ANN401, whatever came
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

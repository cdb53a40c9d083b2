"""The technician's page: the status on a phone, in the machine's own network, behind a PIN.

Read-only: nothing that comes in changes anything but who is let in, so there is nothing to forge.
It is plain HTTP, as no certificate holds for an address at an open door: whoever listens to that
network may read the PIN, and gains a page of figures by it.
"""

import asyncio
import html
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from edge.config.technician import Technician
from edge.errors import StartError
from edge.server import serve
from edge.technician.concerns import concerns
from edge.technician.gate import Gate
from edge.technician.pin import read_pin
from edge.technician.summary import Section, sections, verdict
from edge.technician.unix_socket import Ask
from edge.technician.words import Language, Text, duration

log = logging.getLogger(__name__)

COOKIE: Final = "chekomat_technician"
FORM_BYTES: Final = 256
PATIENCE_S: Final = 5.0
WRONG: Final = Text("Неверный PIN", "Wrong PIN")
WAIT: Final = Text(
    "Слишком много попыток: подождите {time}", "Too many wrong tries: wait for {time}"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
POLICY: Final = (
    "default-src 'self'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:;"
    " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Told(msgspec.Struct, frozen=True):
    """A concern in one language."""

    words: str
    advice: str
    urgent: bool


class Page(msgspec.Struct, frozen=True):
    """What the page's script asks for every two seconds."""

    machine: str
    verdict: str
    concerns: tuple[Told, ...]
    sections: tuple[Section, ...]


class TechnicianPage:
    """The routes of the page; `boottime` in seconds."""

    def __init__(self, pin: str, ask: Ask, boottime: Callable[[], float]) -> None:
        self._gate = Gate(pin, lambda: secrets.token_urlsafe(32))
        self._ask = ask
        self._boottime = boottime

    def routes(self) -> Sequence[web.RouteDef]:
        """What its small server serves."""
        return [
            web.get("/", self._page),
            web.post("/pin", self._enter),
            web.get("/status", self._status),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        if self._is_let_in(request):
            return _html("status")
        return _html("pin", self._waiting(request))

    async def _enter(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(PATIENCE_S):
                form = await request.content.readexactly(FORM_BYTES)
        except asyncio.IncompleteReadError as short:
            form = short.partial
        except TimeoutError:
            return _closed(web.Response(status=408, headers=HEADERS))
        except web.RequestPayloadError:  # a body that is not what its own head says
            return _closed(web.Response(status=400, headers=HEADERS))
        else:
            return _closed(web.Response(status=413, headers=HEADERS))
        pin = parse_qs(form.decode("ascii", "replace")).get("pin", [""])[0].strip()
        session = self._gate.enter(pin, request.remote or "", self._boottime())
        if session is None:
            wait = self._waiting(request)
            return _html("pin", wait or WRONG, status=429 if wait else 403)
        entered = web.Response(status=303, headers={**HEADERS, "Location": "/"})
        entered.set_cookie(COOKIE, session, httponly=True, samesite="Strict", path="/")
        return entered

    async def _status(self, request: web.Request) -> web.Response:
        if not self._is_let_in(request):
            return web.json_response({"error": "pin"}, status=401, headers=HEADERS)
        language: Language = "en" if request.query.get("lang") == "en" else "ru"
        try:
            async with asyncio.timeout(PATIENCE_S):
                status = await self._ask()
        except Exception as error:  # noqa: BLE001, whatever it is: the page says so, the agent goes on
            log.warning("technician's page: the status could not be gathered: %r", error)
            return web.json_response({"error": "status"}, status=503, headers=HEADERS)
        found = concerns(status)
        page = Page(
            machine=status.machine,
            verdict=verdict(found, language),
            concerns=tuple(
                Told(each.words.of(language), each.advice.of(language), each.urgent)
                for each in found
            ),
            sections=tuple(sections(status, language)),
        )
        return web.Response(
            body=msgspec.json.encode(page), content_type="application/json", headers=HEADERS
        )

    def _is_let_in(self, request: web.Request) -> bool:
        return self._gate.knows(request.cookies.get(COOKIE, ""), self._boottime())

    def _waiting(self, request: web.Request) -> Text | None:
        left = self._gate.wait(request.remote or "", self._boottime())
        return WAIT.with_values(time=duration(ceil(left))) if left > 0 else None


@asynccontextmanager
async def technician_page(
    table: Technician, ask: Ask, boottime: Callable[[], float]
) -> AsyncIterator[None]:
    """Serve the page until the end.

    A port that is taken is logged and no more: an agent without its page still sells.

    Raises:
        ConfigError: the PIN's file is not as it should be.
    """
    page = TechnicianPage(read_pin(Path(table.pin_file)), ask, boottime)
    async with AsyncExitStack() as stack:
        try:
            server = await serve(table.listen, page.routes(), whose="technician")
            stack.push_async_callback(server.cleanup)
        except StartError as error:
            log.error("%s", error)  # noqa: TRY400, one line says it
        yield


def _html(view: str, message: Text | None = None, status: int = 200) -> web.Response:
    nonce = secrets.token_urlsafe(16)
    words = message or Text("", "")
    text = files("edge").joinpath("pages/technician.html").read_text("utf-8")
    for name, value in {
        "nonce": nonce,
        "view": view,
        "message": html.escape(words.ru),
        "message_en": html.escape(words.en),
    }.items():
        text = text.replace("{{" + name + "}}", value)
    policy = {"Content-Security-Policy": POLICY.format(nonce=nonce)}
    return web.Response(
        text=text, content_type="text/html", status=status, headers={**HEADERS, **policy}
    )


def _closed(answer: web.Response) -> web.Response:
    """What was not read of the request is not waited for."""
    answer.force_close()
    return answer

"""What all emulators share: a drive with its ledger, faults, a control API, pushes, pages.

A provider's own emulator derives from `Emulator` and says its routes, how it answers, and how it
pushes. It never imports our client of that provider: two readings of one reference.
"""

import asyncio
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import aiohttp
from aiohttp import web
from msgspec import UNSET

from cloud.emulators.drive import Document, Drive, DriveFullError, Told
from cloud.emulators.faults import Fault, Faults
from cloud.emulators.orders import order_in
from cloud.emulators.page import document_page
from cloud.emulators.pushing import Push, push

MOSCOW: Final = timezone(timedelta(hours=3))
QUIET: Final = {Fault.EXPIRE, Fault.FAIL, Fault.LOSE}
"""Faults after which an accepted receipt never reaches the drive."""


@dataclass(slots=True)
class Entry:
    """A receipt that the provider has accepted: in its queue, done, or come to nothing."""

    told: Told
    accepted_at: float
    document: Document | None = None
    ended: Fault | None = None
    """EXPIRE or FAIL: it came to nothing. A receipt that is lost has no entry any more."""


class Emulator(ABC):
    """An HTTP server of a provider. `memory_s` is how long it remembers a key."""

    memory_s: float = float("inf")

    def __init__(self, drive: Drive, delay_s: float = 0.0) -> None:
        self.drive = drive
        self.delay_s = delay_s
        self.faults = Faults()
        self.tls: ssl.SSLContext | None = None
        """What it is served with; None: plain HTTP."""
        self.entries: dict[str, Entry] = {}
        """What is not in the ledger (yet), by the provider's own number."""
        self._keys: dict[str, Entry] = {}
        self.forgotten_before = 0.0
        self._ahead = timedelta()
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    @abstractmethod
    def routes(self) -> Sequence[web.RouteDef]:
        """The provider's API."""

    @abstractmethod
    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        """What is pushed about a receipt; None if nobody asked for pushes."""

    def app(self) -> web.Application:
        """All routes: the API, the ledger, the control API, the receipt pages."""
        app = web.Application()
        app.add_routes(
            [
                *self.routes(),
                web.get("/ledger", self._ledger),
                web.post("/control", self._control),
                web.get("/receipt", self._page),
            ]
        )
        app.cleanup_ctx.append(self._running)
        return app

    def now(self) -> datetime:
        """The register's clock, Moscow time."""
        return datetime.fromtimestamp(time.time(), MOSCOW) + self._ahead

    def known(self, key: str) -> Entry | None:
        """The receipt of a key, if the provider remembers it."""
        since = max(time.time() - self.memory_s, self.forgotten_before)
        entry = self._keys.get(key)
        if entry is not None and entry.accepted_at > since:
            return entry
        document = self.drive.remembered(key, since)
        return Entry(document.told, 0, document) if document else None

    def entry(self, provider_id: str) -> Entry | None:
        """A receipt by the provider's own number."""
        if provider_id in self.entries:
            return self.entries[provider_id]
        document = self.drive.document(provider_id)
        return Entry(document.told, 0, document) if document else None

    async def accept(self, told: Told, fault: Fault | None) -> Entry:
        """Take a receipt into the queue; its register works it off by itself."""
        entry = Entry(told, time.time())
        self.entries[told.id] = self._keys[told.key] = entry
        if fault is Fault.CALLBACK_FIRST:
            await self._work(entry, None)
        else:
            self._later(self._work(entry, fault))
        return entry

    async def under_fault(
        self,
        request: web.Request,
        take: Callable[[Fault | None], Awaitable[web.StreamResponse]],
        broken: Callable[[], web.StreamResponse],
    ) -> web.StreamResponse:
        """Answer a request for a receipt; `take` stores and answers, `broken` is a 5xx."""
        fault = self.faults.next()
        if fault is Fault.DROP_BEFORE_STORE:
            return drop(request)
        if fault is Fault.SERVER_FAULT:
            return broken()
        answer = await take(fault)
        match fault:
            case Fault.DROP_AFTER_STORE:
                return drop(request)
            case Fault.SERVER_FAULT_AFTER_STORE:
                return broken()
            case Fault.NONSENSE:
                return web.Response(text="<html>502</html>", content_type="text/html")
            case _:
                return answer

    async def _work(self, entry: Entry, fault: Fault | None) -> None:
        """The register: records the receipt, or comes to nothing, then says so."""
        await asyncio.sleep(self.delay_s)
        if self.entries.get(entry.told.id) is not entry:
            return  # lost meanwhile
        if fault is Fault.LOSE:
            self._drop(entry)
            return
        if fault in QUIET:
            entry.ended = fault
        else:
            try:
                entry.document = self.drive.record(entry.told, self.now())
            except DriveFullError:
                entry.ended = Fault.FAIL
        if entry.document is not None:
            self._drop(entry)  # the ledger has it
        if self._http is not None:
            spoiled = fault is Fault.BAD_SIGNATURE
            bad = self.pushed(entry, spoiled=True) if spoiled else None
            await push(self._http, self.pushed(entry, spoiled=False), bad, fault)

    async def _running(self, _app: web.Application) -> AsyncIterator[None]:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        yield
        for task in self._tasks:
            task.cancel()
        await self._http.close()
        self.drive.close()

    async def _ledger(self, _request: web.Request) -> web.Response:
        """Every document: what a test or a demo counts."""
        return web.json_response([_row(each) for each in self.drive.documents()])

    async def _control(self, request: web.Request) -> web.Response:
        try:
            order = order_in(await request.read())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        if order.fault is not UNSET:
            self.faults.order(order.fault, order.times)
        if order.clear:
            self.faults.clear()
        if order.forget:
            self.forgotten_before = time.time()
        if order.lose:
            for entry in list(self.entries.values()):
                self._drop(entry)
        if order.delay_s is not UNSET:
            self.delay_s = order.delay_s
        if order.drive is not UNSET:
            self.drive.room = order.drive
        if order.clock_s is not UNSET:
            self._ahead = timedelta(seconds=order.clock_s)
        return web.json_response({"ok": True})

    async def _page(self, request: web.Request) -> web.Response:
        """Where a phone arrives with the fiscal QR's text: ``/receipt?q=…``, or ``?id=…``."""
        if number := request.query.get("id"):
            return document_page(self.drive.document(number))
        wanted = request.query.get("q")
        found = (each for each in self.drive.documents() if each.qr == wanted)
        return document_page(next(found, None))

    def _drop(self, entry: Entry) -> None:
        del self.entries[entry.told.id]
        if self._keys.get(entry.told.key) is entry:
            del self._keys[entry.told.key]

    def _later(self, work: Any) -> None:  # noqa: ANN401, a coroutine
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def drop(request: web.Request) -> web.StreamResponse:
    """Break the connection: the client sees a reset, no answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _row(document: Document) -> Mapping[str, Any]:
    told = document.told
    return {
        "fd": document.fd,
        "id": told.id,
        "key": told.key,
        "total": told.total,
        "sign": told.sign,
        "correction": told.correction,
        "qr": document.qr,
        "tags": told.tags,
        "request": told.request,
    }

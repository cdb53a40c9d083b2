"""The buyer's receipt page: works from the first second, becomes the receipt by itself.

The token is the only key. A token that nobody knows yet is answered like one whose sale is on its
way: the machine may be offline, and a stranger learns nothing from guessing.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import qrcode
import structlog
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathImage

from cloud.bell import Bell
from cloud.store import BUSY, Store, journal
from cloud.store.journal import Entry
from cloud.vat import included
from cloud.web.pages import busy, page, render

log = structlog.get_logger(__name__)

TOKEN: Final = re.compile(r"[0-9a-hjkmnp-tv-z]{16}")
LOOK_S: Final = 5.0
LONGEST_S: Final = 3600.0
"""A page that stays open longer asks anew, by itself."""
MOST_OPEN: Final = 500
"""Streams at once: each costs memory, and anybody may open one."""


class Buyer:
    """Routes of the receipt page."""

    def __init__(
        self, store: Store, news: Bell, *, most_open: int = MOST_OPEN, look_s: float = LOOK_S
    ) -> None:
        """`look_s` is how long a stream waits for news that it is not told of."""
        self._store = store
        self._news = news
        self._most_open = most_open
        self._look_s = look_s
        self._open = 0

    def routes(self) -> Sequence[web.RouteDef]:
        """Public routes."""
        return [
            web.get("/r/{token}", self._page),
            web.get("/R/{token}", self._page),
            web.get("/r/{token}/events", self._events),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        token = _token(request)
        if token is None:
            return page(request, "no_such.html", status=404)
        try:
            entry = await self._find(token)
        except BUSY as error:
            log.warning("the store is busy", reason=str(error))
            return busy(request)
        return page(request, "receipt.html", token=token, card=self._card(request, entry))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The card, whenever it changes; the stream ends when nothing more can come."""
        token = _token(request)
        if token is None:
            return web.Response(status=404)
        if self._open >= self._most_open:
            return web.Response(status=503, headers={"Retry-After": "30"})
        self._open += 1
        try:
            async with sse_response(request) as stream:
                await self._tell(request, stream, token)
        finally:
            self._open -= 1
        return stream

    async def _tell(self, request: web.Request, stream: EventSourceResponse, token: str) -> None:
        told = None
        deadline = time.monotonic() + LONGEST_S
        with contextlib.suppress(ConnectionResetError):  # the page was closed
            while stream.is_connected() and time.monotonic() < deadline:
                ring = self._news.listen()
                try:
                    entry = await self._find(token)
                except BUSY as error:
                    log.warning("the store is busy", reason=str(error))
                    await self._news.wait(ring, self._look_s)
                    continue
                card = self._card(request, entry)
                if card != told:
                    await stream.send(card)
                    told = card
                if entry is not None and entry.document is not None:
                    await stream.send("", event="done")
                    return
                if entry is None:
                    # Nobody knows this token: it may be invented, and must not cost much.
                    await asyncio.sleep(self._look_s)
                else:
                    await self._news.wait(ring, self._look_s)

    async def _find(self, token: str) -> Entry | None:
        async with self._store.reading() as connection:
            return await journal.by_token(connection, token)

    def _card(self, request: web.Request, entry: Entry | None) -> str:
        return render(
            request,
            "card.html",
            entry=entry,
            document=entry.document if entry else None,
            at=datetime.fromisoformat,
            svg=svg,
            vat=_vat(entry) if entry else None,
        )


def svg(text: str) -> str:
    """A QR code as an SVG path."""
    code = qrcode.make(text, error_correction=ERROR_CORRECT_M, border=4, image_factory=SvgPathImage)
    drawn: str = code.to_string(encoding="unicode")
    return drawn


def _token(request: web.Request) -> str | None:
    token = request.match_info["token"].lower()
    return token if TOKEN.fullmatch(token) else None


def _vat(entry: Entry) -> int | None:
    """The VAT in the amount, kopecks; None where none is charged."""
    receipt = entry.receipt
    if receipt is None or receipt.vat.percent is None:
        return None
    return included(receipt.amount, receipt.vat)

"""``kiosk``: a page for a full-screen browser on the machine's HDMI panel, updated live.

The browser says when a picture is on the glass; what it said is the display's record. A page is
there while its stream of events is open, and the browser closes that with the page. Several may be
open: the picture is seen from the first that painted it until the last of those is gone.
"""

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.resources import files
from itertools import count
from typing import Final

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from edge.buyer.panel import QUIET, Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import Matrix
from edge.buyer.short_link import with_short_link
from edge.displays import Gone, Painted

RECORD: Final = 10_000
BEAT_S: Final = 1.0
"""How often a stream on which nothing happens is tried: only a write tells that it is closed."""
DEAF_S: Final = 5
"""A page on another computer that takes nothing for so long has lost its power or its network."""


@dataclass(eq=False, slots=True)
class _Page:
    """One open stream; its number goes with every event, and the page says it when it painted."""

    stream: str
    events: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    painted: bool = False
    """Whether the picture of now is on its glass."""


class Kiosk:
    """The pages that are open, and the picture on them.

    `panel` is what the operator told of the glass; the page itself takes what its browser has.
    """

    def __init__(self, panel: Panel | None = None, *, short_link: bool = False) -> None:
        self.panel = panel
        self._short_link = short_link
        self._page_text = files("edge").joinpath("pages/kiosk.html").read_text("utf-8")
        self._version = sha256(self._page_text.encode()).hexdigest()[:12]
        """An open page loads itself anew when its agent brings another."""
        self._pages: dict[str, _Page] = {}
        """By the number of the stream, the oldest first."""
        self._streams = count(1)
        self._event = ""
        self._frame = ""
        self._picture: Picture | None = None
        self._painted: Painted | None = None
        self._gone: Gone | None = None
        self._record: deque[dict[str, object]] = deque(maxlen=RECORD)

    def watch(self, gone: Gone) -> None:
        """Tell this one when the last page that had painted the picture is gone."""
        self._gone = gone

    def show(self, picture: Picture, painted: Painted) -> None:
        """Send it to every open page, and to those that open later."""
        picture = with_short_link(picture) if self._short_link else picture
        told = {**asdict(picture), "code": svg(picture.code) if picture.code else None}
        body = json.dumps(told, ensure_ascii=False)
        self._frame = sha256(body.encode()).hexdigest()
        event = {**told, "frame": self._frame, "page": self._version}
        self._event = json.dumps(event, ensure_ascii=False)
        self._picture, self._painted = picture, painted
        for page in self._pages.values():
            page.painted = False
            page.events.put_nowait(self._event)

    def close(self) -> None:
        """The pages notice by themselves and wait for the agent to come back."""

    def routes(self) -> Sequence[web.RouteDef]:
        """What the agent's small server serves for this display."""
        return [
            web.get("/", self._page),
            web.get("/events", self._events),
            web.post("/painted/{frame}", self._on_painted),
            web.get("/record", self._on_record),
        ]

    async def _page(self, _request: web.Request) -> web.Response:
        page = self._page_text.replace("{{page}}", self._version)
        return web.Response(text=page, content_type="text/html")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        page = _Page(str(next(self._streams)))
        async with sse_response(request) as stream:
            _give_up_the_deaf(request)
            self._pages[page.stream] = page
            try:
                if self._event:
                    page.events.put_nowait(self._event)
                await _tell(page, stream)
            except OSError:
                pass  # the page was closed, or takes nothing any more
            finally:
                self._leave(page)
        return stream

    def _leave(self, page: _Page) -> None:
        del self._pages[page.stream]
        alone = page.painted and not self._is_seen()
        if alone and self._gone is not None:
            self._gone()

    def _is_seen(self) -> bool:
        return any(page.painted for page in self._pages.values())

    async def _on_painted(self, request: web.Request) -> web.Response:
        frame, picture, painted = request.match_info["frame"], self._picture, self._painted
        page = self._who_painted(request.query.get("stream"))
        if page is None or frame != self._frame or picture is None or painted is None:
            return web.Response(status=204)
        first, page.painted = not self._is_seen(), True
        if first:
            self._record.append(
                {
                    "kind": picture.kind,
                    "sale_id": picture.sale_id,
                    "rev": picture.rev,
                    "qr": picture.code.text if picture.code else None,
                    "painted_at": time.clock_gettime(time.CLOCK_BOOTTIME),
                    "frame": frame,
                }
            )
            painted(frame)
        return web.Response(status=204)

    def _who_painted(self, stream: str | None) -> _Page | None:
        """Who names no stream is taken for the oldest page that has not painted yet."""
        if stream is not None:
            return self._pages.get(stream)
        return next((page for page in self._pages.values() if not page.painted), None)

    async def _on_record(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._record))


async def _tell(page: _Page, stream: EventSourceResponse) -> None:
    """Every event as it comes, and a comment that no page hears when none does."""
    while True:
        event = None
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S):
                event = await page.events.get()
        if event is None:
            await stream.write(b": there?\r\n\r\n")
        else:
            await stream.send(event, id=page.stream)


def _give_up_the_deaf(request: web.Request) -> None:
    """Let the kernel close a connection whose other end no longer says that anything arrived."""
    end = request.transport.get_extra_info("socket") if request.transport else None
    if end is not None and end.family in {socket.AF_INET, socket.AF_INET6}:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAF_S * 1000)


def svg(code: Matrix) -> str:
    """The code as an SVG with its quiet zone; a run of dark modules is one stroke."""
    side = code.size + 2 * QUIET
    path = "".join(
        f"M{x + QUIET} {y + QUIET}h{width}v1h-{width}z"
        for y, row in enumerate(code.rows)
        for x, width in _runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"'
        f' shape-rendering="crispEdges" data-size="{side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    )


def _runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs

"""``kiosk``: a page for a full-screen browser on the machine's HDMI panel, updated live.

The browser says when a picture is on the glass; what it said is the display's record. Several
pages may be open, the first to paint counts.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.resources import files
from typing import Final

from aiohttp import web
from aiohttp_sse import sse_response

from edge.buyer.panel import QUIET, Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import Matrix
from edge.buyer.short_link import with_short_link
from edge.displays import Painted

RECORD: Final = 10_000


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
        self._pages: set[asyncio.Queue[str]] = set()
        self._event = ""
        self._frame = ""
        self._picture: Picture | None = None
        self._painted: Painted | None = None
        self._record: deque[dict[str, object]] = deque(maxlen=RECORD)

    def show(self, picture: Picture, painted: Painted) -> None:
        """Send it to every open page, and to those that open later."""
        picture = with_short_link(picture) if self._short_link else picture
        told = {**asdict(picture), "code": svg(picture.code) if picture.code else None}
        body = json.dumps(told, ensure_ascii=False)
        self._frame = sha256(body.encode()).hexdigest()
        event = {**told, "frame": self._frame, "page": self._version}
        self._event = json.dumps(event, ensure_ascii=False)
        self._picture, self._painted = picture, painted
        for page in self._pages:
            page.put_nowait(self._event)

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
        mine: asyncio.Queue[str] = asyncio.Queue()
        async with sse_response(request) as stream:
            self._pages.add(mine)
            try:
                if self._event:
                    mine.put_nowait(self._event)
                while stream.is_connected():
                    await stream.send(await mine.get())
            except ConnectionResetError:
                pass  # the page was closed
            finally:
                self._pages.discard(mine)
        return stream

    async def _on_painted(self, request: web.Request) -> web.Response:
        frame, picture, painted = request.match_info["frame"], self._picture, self._painted
        if frame == self._frame and picture is not None and painted is not None:
            self._painted = None
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

    async def _on_record(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._record))


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

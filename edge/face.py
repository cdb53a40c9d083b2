"""The face of a virtual machine: drinks to press, the bus to watch, the screen to look at.

Served beside the kiosk page, and only where the tap is a virtual machine.
"""

import asyncio
import html
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Final

from aiohttp import web
from aiohttp_sse import sse_response

from mdb.conversation import lines
from mdb.money import Money
from mdb.sniffer import Heard
from mdb.taps.virtual import VirtualMachine

REMEMBERED: Final = 60


class Face:
    """A virtual machine's front door and its service hatch."""

    def __init__(self, machine: VirtualMachine, products: dict[str, str]) -> None:
        self._machine = machine
        self._products = products
        self._said: deque[str] = deque(maxlen=REMEMBERED)
        self._watchers: set[asyncio.Queue[str]] = set()

    def heard(self, heard: Heard) -> None:
        """One more piece of the conversation on the bus."""
        for line in lines(heard, colour=False):
            self._said.append(line)
            for watcher in self._watchers:
                watcher.put_nowait(line)

    def routes(self) -> Sequence[web.RouteDef]:
        """What the agent's small server serves for this machine."""
        return [
            web.get("/machine", self._page),
            web.post("/machine/press/{item}", self._press),
            web.get("/machine/bus", self._bus),
            web.get("/machine/ledger", self._ledger),
        ]

    async def _page(self, _request: web.Request) -> web.Response:
        page = files("edge").joinpath("pages/face.html").read_text("utf-8")
        drinks = "".join(
            f'<button data-item="{item}"><b>{html.escape(self._products.get(item, item))}</b>'
            f"<span>{str(Money(price, None)).replace('.00', '')} ₽</span></button>"
            for item, price in self._machine.prices.items()
        )
        return web.Response(text=page.replace("{{drinks}}", drinks), content_type="text/html")

    async def _press(self, request: web.Request) -> web.Response:
        item, by = request.match_info["item"], request.query.get("by", "cashless")
        if item not in self._machine.prices or by not in {"cashless", "cash"}:
            return web.json_response({"error": f"no item {item} by {by}"}, status=404)
        self._machine.press(item, by)
        return web.Response(status=202)

    async def _bus(self, request: web.Request) -> web.StreamResponse:
        mine: asyncio.Queue[str] = asyncio.Queue()
        for line in self._said:
            mine.put_nowait(line)
        async with sse_response(request) as stream:
            self._watchers.add(mine)
            try:
                while stream.is_connected():
                    await stream.send(await mine.get())
            except ConnectionResetError:
                pass  # the page was closed
            finally:
                self._watchers.discard(mine)
        return stream

    async def _ledger(self, _request: web.Request) -> web.Response:
        return web.json_response([asdict(vend) for vend in self._machine.ledger])

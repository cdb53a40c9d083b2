"""The operator's cabinet: the latest sales, live, what needs a hand, and the gauges.

Not for the public address.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from aiohttp import web
from aiohttp_sse import sse_response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cloud import clock, metrics
from cloud.bell import Bell
from cloud.config import Config
from cloud.desk.attention import Attention, Event, Item, look
from cloud.store import BUSY, Store, journal
from cloud.store.journal import Counts
from cloud.web.pages import busy, language, page, render
from cloud.web.words import WORDS

log = structlog.get_logger(__name__)

LATEST: Final = 50
TROUBLES: Final = 5
ITEMS: Final = 8
"""So many that need a hand are listed, the oldest first; the rest are counted."""
LOOK_S: Final = 5.0
TOGETHER_S: Final = 0.3
"""Changes that follow so soon are told as one."""


class Cabinet:
    """Routes of the cabinet."""

    def __init__(self, config: Config, store: Store, news: Bell) -> None:
        self._config = config
        self._store = store
        self._news = news

    def routes(self) -> Sequence[web.RouteDef]:
        """Routes for people who may see everything."""
        return [
            web.get("/", self._page),
            web.get("/events", self._events),
            web.get("/metrics", self._metrics),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        try:
            return page(request, "cabinet.html", sales=await self._sales(request))
        except BUSY as error:
            log.warning("the store is busy", reason=str(error))
            return busy(request)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        async with sse_response(request) as stream:
            told = None
            with contextlib.suppress(ConnectionResetError):  # the page was closed
                while stream.is_connected():
                    ring = self._news.listen()
                    try:
                        now = await self._sales(request)
                    except BUSY as error:
                        log.warning("the store is busy", reason=str(error))
                    else:
                        if now != told:
                            await stream.send(now)
                            told = now
                            await asyncio.sleep(TOGETHER_S)
                    await self._news.wait(ring, LOOK_S)
        return stream

    async def _sales(self, request: web.Request) -> str:
        async with self._store.reading() as connection:
            entries = await journal.latest(connection, LATEST)
            counted = await journal.counts(connection)
            found = await look(connection, clock.now_ms())
        needs = _in_one_list(found, WORDS[language(request)]["duplicate"])
        return render(
            request,
            "sales.html",
            entries=entries,
            counts=counted,
            needs=needs,
            items=sorted(needs.items, key=lambda each: each.since)[:ITEMS],
            troubles=needs.incidents[:TROUBLES],
            local=_local,
            zone=_local(needs.at).tzname(),
            page_of=self._config.receipt_page,
        )

    async def _metrics(self, _request: web.Request) -> web.Response:
        async with self._store.reading() as connection:
            _gauge(await journal.counts(connection))
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _in_one_list(found: Attention, word: str) -> Attention:
    """With second documents among the items, so that the counter counts what the list shows."""
    twice = [_item(each, word) for each in found.duplicates]
    return msgspec.structs.replace(
        found, total=found.total + len(twice), items=[*found.items, *twice], duplicates=[]
    )


def _item(each: Event, word: str) -> Item:
    return Item(
        sale_id=each.sale_id or "",
        machine=each.machine or "",
        name=word,
        amount=None,
        cause=each.kind,
        reason=each.detail,
        since=each.at,
        next=each.next,
    )


def _local(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).astimezone()


def _gauge(counted: Counts) -> None:
    age = 0.0
    if counted.oldest_open_at is not None:
        age = max(0.0, time.time() - counted.oldest_open_at / 1000)
    metrics.OPEN_RECEIPTS.set(counted.open_receipts)
    metrics.OLDEST_OPEN_SECONDS.set(age)
    metrics.ATTENTION.set(counted.attention)
    metrics.UNTOLD.set(counted.untold)
    metrics.INCIDENTS.set(counted.incidents)
    metrics.MACHINES_ONLINE.set(counted.machines_online)

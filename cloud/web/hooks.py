"""Pushes from providers: ``POST /hook/<register>``. A push is merged with what polling finds."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from aiohttp import web

from cloud import metrics
from cloud.bell import Bell
from cloud.fleet import same_account
from cloud.providers import BadSignatureError, Notice
from cloud.registers import Opened
from cloud.store import BUSY, Store, receipts
from cloud.store.dialect import clock_of
from cloud.store.receipts import Told

log = structlog.get_logger(__name__)


BATCH: Final = 200


class Hooks:
    """Routes that providers call."""

    def __init__(self, store: Store, opened: Mapping[str, Opened], due: Bell, news: Bell) -> None:
        self._store = store
        self._opened = opened
        self._due = due
        self._news = news
        self._waiting: list[tuple[Sequence[Told], asyncio.Future[bool | None]]] = []
        self._turn = asyncio.Lock()

    def routes(self) -> Sequence[web.RouteDef]:
        """Public routes."""
        return [web.post("/hook/{register}", self._push)]

    async def _push(self, request: web.Request) -> web.Response:
        register = request.match_info["register"]
        opened = self._opened.get(register)
        if opened is None:
            return web.json_response({"error": "no such register"}, status=404)
        try:
            notice = opened.provider.notice(await request.read(), request.headers)
        except web.RequestPayloadError:
            return web.json_response({"error": "the body cannot be unpacked"}, status=400)
        except BadSignatureError:
            metrics.BAD_SIGNATURES.inc()
            log.warning("push with a wrong signature", register=register)
            return web.json_response({"error": "wrong signature"}, status=401)
        try:
            if notice is not None and not await self._heard(opened, notice):
                log.warning("push about a receipt that is not ours", key=notice.key)
        except BUSY as error:
            log.warning("the store is busy", reason=str(error))
            return web.json_response({"error": "busy: send it again"}, status=503)
        # Whatever it was about, it has been heard; without this answer it comes again.
        return web.json_response({"code": 0})

    async def _heard(self, opened: Opened, notice: Notice) -> bool:
        """Write down what it says, or have the provider asked because of it."""
        # An account has one address for its pushes, however many registers have the account.
        names = [
            name
            for name, each in self._opened.items()
            if same_account(each.register, opened.register)
        ]
        if notice.outcome is not None:
            outcome = notice.outcome
            return await self._told([Told(notice.key, outcome, name) for name in names])
        async with self._store.transaction() as connection:
            now = await clock_of(connection)
            hinted = [
                await receipts.hint(connection, notice.key, name, notice.provider_id, now)
                for name in names
            ]
        self._due.ring()
        return any(hinted)

    async def _told(self, told: Sequence[Told]) -> bool:
        """Write it down with all that came meanwhile: a push has no commit of its own."""
        mine: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((told, mine))
        async with self._turn:
            while not mine.done():
                await self._write_down()
        ours = mine.result()
        return (await self._record(told))[told[0].key] if ours is None else ours

    async def _write_down(self) -> None:
        """Everybody's who waits. Where it fails, each tries again alone: one may be at fault."""
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        ours: Mapping[str, bool] = {}
        busy: Exception | None = None
        try:
            ours = await self._record([each for told, _ in batch for each in told])
        except BUSY as error:
            busy = error  # nobody's fault: all of them come again
        except Exception as error:  # noqa: BLE001, whoever is at fault meets it again
            log.warning("pushes were not written together", reason=str(error))
        finally:
            for told, future in batch:
                if busy is None:
                    future.set_result(ours.get(told[0].key))
                else:
                    future.set_exception(busy)
                    future.exception()  # its request may be gone

    async def _record(self, told: Sequence[Told]) -> Mapping[str, bool]:
        """Which of their keys are ours."""
        async with self._store.transaction() as connection:
            now = await clock_of(connection)
            states = await receipts.record(connection, told, "push", now)
        self._news.ring()
        return {each.key: each.key in states for each in told}

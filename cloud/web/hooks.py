"""Pushes from providers: ``POST /hook/<register>``. A push is merged with what polling finds."""

from collections.abc import Mapping, Sequence

import structlog
from aiohttp import web

from cloud import metrics
from cloud.bell import Bell
from cloud.clock import now_ms
from cloud.providers import BadSignatureError, Notice
from cloud.registers import Opened
from cloud.store import Store, receipts
from cloud.store.receipts import Told

log = structlog.get_logger(__name__)


class Hooks:
    """Routes that providers call."""

    def __init__(self, store: Store, opened: Mapping[str, Opened], due: Bell, news: Bell) -> None:
        self._store = store
        self._opened = opened
        self._due = due
        self._news = news

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
        if notice is not None and not await self._heard(register, notice):
            log.warning("push about a receipt that is not ours", key=notice.key)
        # Whatever it was about, it has been heard; without this answer it comes again.
        return web.json_response({"code": 0})

    async def _heard(self, register: str, notice: Notice) -> bool:
        """Write down what it says, or ask the provider because of it."""
        now = now_ms()
        async with self._store.transaction() as connection:
            if notice.outcome is None:
                ours = await receipts.hint(
                    connection, notice.key, register, notice.provider_id, now
                )
            else:
                told = Told(notice.key, notice.outcome, register)
                ours = bool(await receipts.record(connection, [told], "push", now))
        (self._due if notice.outcome is None else self._news).ring()
        return ours

"""Pushes from providers: ``POST /hook/<register>``. A push is merged with what polling finds."""

from collections.abc import Mapping, Sequence

import structlog
from aiohttp import web

from cloud import metrics
from cloud.bell import Bell
from cloud.clock import now_ms
from cloud.providers import BadSignatureError, Provider
from cloud.store import Store, receipts

log = structlog.get_logger(__name__)


class Hooks:
    """Routes that providers call."""

    def __init__(self, store: Store, providers: Mapping[str, Provider], news: Bell) -> None:
        self._store = store
        self._providers = providers
        self._news = news

    def routes(self) -> Sequence[web.RouteDef]:
        """Public routes."""
        return [web.post("/hook/{register}", self._push)]

    async def _push(self, request: web.Request) -> web.Response:
        register = request.match_info["register"]
        provider = self._providers.get(register)
        if provider is None:
            return web.json_response({"error": "no such register"}, status=404)
        try:
            notice = provider.notice(await request.read(), request.headers)
        except web.RequestPayloadError:
            return web.json_response({"error": "the body cannot be unpacked"}, status=400)
        except BadSignatureError:
            metrics.BAD_SIGNATURES.inc()
            log.warning("push with a wrong signature", register=register)
            return web.json_response({"error": "wrong signature"}, status=401)
        if notice is not None:
            async with self._store.transaction() as connection:
                state = await receipts.record(
                    connection, notice.key, notice.outcome, now_ms(), None, register
                )
            if state is None:
                log.warning("push about a receipt that is not ours", key=notice.key)
            else:
                self._news.ring()
        # Whatever it was about, it has been heard; without this answer it comes again.
        return web.json_response({"code": 0})

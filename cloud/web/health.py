"""``/healthz``: is the store there, is the broker. 200 or 503, and what is wrong.

Of many processes one speaks to the broker. The others are well while another does: they have its seat
when it goes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from aiohttp import web

from cloud.seat import is_anothers
from cloud.store import Store
from edge.wire.link import Link


class Health:
    """One route, for whatever watches the process."""

    def __init__(self, store: Store, link: Link | None, owner: str) -> None:
        self._store = store
        self._link = link
        self._owner = owner

    def routes(self) -> Sequence[web.RouteDef]:
        """Public routes."""
        return [web.get("/healthz", self._healthz)]

    async def _healthz(self, _request: web.Request) -> web.Response:
        parts = {"store": await self._store_answers()}
        if self._link is not None:
            parts["broker"] = self._link.connected or (
                parts["store"] and await is_anothers(self._store, "link", self._owner)
            )
        status = 200 if all(parts.values()) else 503
        return web.json_response({"ok": status == web.HTTPOk.status_code, **parts}, status=status)

    async def _store_answers(self) -> bool:
        try:
            async with self._store.reading() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except sa.exc.SQLAlchemyError:
            return False
        return True

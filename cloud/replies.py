"""Replies: a machine is told of its receipt, again and again, until it says that it has it."""

from typing import Final

import msgspec
import structlog

from cloud.bell import Bell
from cloud.clock import now_ms
from cloud.config import Config
from cloud.retry import REPEAT_S
from cloud.store import BUSY, Store, replies
from cloud.store.replies import Reply
from edge.wire import Channel, encode
from edge.wire.link import Link

log = structlog.get_logger(__name__)

LOOK_S: Final = 5.0


class Replies:
    """Publishes receipts to machines."""

    def __init__(self, config: Config, store: Store, link: Link, news: Bell) -> None:
        self._config = config
        self._store = store
        self._link = link
        self._news = news

    async def run(self) -> None:
        """Tell what is untold, for ever."""
        while True:
            ring = self._news.listen()
            if self._link.connected:
                try:
                    await self._tell()
                except BUSY as error:
                    log.warning("the store is busy", reason=str(error))
            await self._news.wait(ring, LOOK_S)

    async def _tell(self) -> None:
        now = now_ms()
        async with self._store.reading() as connection:
            untold = await replies.untold(connection, now)
        if not untold:
            return
        for reply in untold:
            self._publish(reply)
        again = [
            (
                reply.receipt.sale_id,
                reply.receipt.rev,
                reply.times,
                now + 1000 * REPEAT_S[min(reply.times, len(REPEAT_S) - 1)],
            )
            for reply in untold
        ]
        async with self._store.transaction() as connection:
            await replies.said(connection, again)

    def _publish(self, reply: Reply) -> None:
        receipt = reply.receipt
        linked = receipt.status == "issued" and reply.linked
        told = msgspec.structs.replace(
            receipt, link=self._config.receipt_page(reply.token) if linked else None
        )
        channel = Channel.RECEIPT
        self._link.publish(channel.of(reply.machine), encode(told), channel.qos)
        log.info("machine told", machine=reply.machine, sale_id=told.sale_id, status=told.status)

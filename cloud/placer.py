"""The placer: sales that needed a hand go on, once the fleet or a person says what was missing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.bell import Bell
from cloud.clock import now_ms
from cloud.fleet import Answers, Site
from cloud.intake import SILENCE, Attention, Cause, Disposition, place
from cloud.sale_day import local_text, moment, zone_of
from cloud.store import BUSY, Store, fleet, placing, returns
from cloud.store.placing import Stuck
from cloud.store.sites import Sites
from edge.wire import Sale

log = structlog.get_logger(__name__)

LOOK_S: Final = 2.0
BATCH: Final = 200
RETURNS_EVERY: Final = 15
"""Goods may come back before their receipt is there: every so many looks they are tried again."""
WHO: Final = "intake"


class Placer:
    """Looks again at sales in attention."""

    def __init__(self, store: Store, due: Bell, stuck: Bell, look_s: float = LOOK_S) -> None:
        self._store = store
        self._sites = Sites()
        self._due = due
        self._stuck = stuck
        self._look_s = look_s
        self._version = -1

    async def run(self) -> None:
        """For ever: all of them when the fleet has changed, goods that came back now and then."""
        looks = 0
        while True:
            ring = self._stuck.listen()
            try:
                looks = (looks + 1) % RETURNS_EVERY
                await self._look(returns_too=looks == 0 or ring.is_set())
            except BUSY as error:
                log.warning("the store is busy", reason=str(error))
            except sa.exc.IntegrityError as error:
                # The fleet, or a sale, is another one by now: the next look sees it.
                log.warning("what was to be placed has changed", reason=str(error.orig))
            await self._stuck.wait(ring, self._look_s)
            if ring.is_set():
                looks = RETURNS_EVERY - 1

    async def _look(self, *, returns_too: bool) -> None:
        async with self._store.reading() as connection:
            version = await fleet.version(connection)
        if version != self._version:
            await self.sweep()
            self._version = version
        elif returns_too:
            await self.sweep(Cause.RETURN)

    async def sweep(self, cause: Cause | None = None) -> None:
        """Place again what can be placed, in transactions of a bearable size."""
        past = ""
        while True:
            async with self._store.transaction() as connection:
                batch = await placing.stuck(connection, cause, past=past, most=BATCH)
                await again(connection, self._sites, batch, WHO, now_ms())
            if not batch:
                return
            self._due.ring()
            past = batch[-1].sale.sale_id


async def again(
    connection: AsyncConnection, sites: Sites, batch: Sequence[Stuck], who: str, now: int
) -> list[Disposition]:
    """Place stuck sales again; where each goes now."""
    known = await sites.of_all(connection, {each.machine for each in batch})
    placed: list[Disposition] = []
    for each in batch:
        arrived = datetime.fromtimestamp(each.received_at / 1000, UTC)
        site = known.get(each.machine)
        goes = _sold(each, site) or where(each.machine, each.sale, site, arrived, each.answers)
        when = _local(each.sale, site, arrived)
        goes = await returns.settle(connection, each.sale, goes, when, who, now)
        await placing.place_again(connection, each, goes, who, now)
        placed.append(goes)
        if not isinstance(goes, Attention):
            log.info("sale placed at last", sale_id=each.sale.sale_id)
    return placed


def _local(sale: Sale, site: Site | None, arrived: datetime) -> str:
    """When it was, where the machine stands."""
    zone = (site and zone_of(site.machine.timezone)) or UTC
    when = moment(sale, zone, arrived) if isinstance(zone, ZoneInfo) else None
    return local_text((when or arrived).astimezone(zone))


def where(
    machine: str, sale: Sale, site: Site | None, arrived: datetime, answers: Answers = SILENCE
) -> Disposition:
    """Where a sale goes. One that our own code trips over is a person's, and stops no other."""
    try:
        return own(machine, sale) or place(sale, site, arrived, answers)
    except Exception as error:
        log.exception("a sale cannot be placed", sale_id=sale.sale_id)
        said = (
            f"it cannot be placed: {error!r}: python -m cloud resolve {sale.sale_id} --skip REASON"
        )
        return Attention(Cause.INVALID, said)


def _sold(each: Stuck, site: Site | None) -> Attention | None:
    """A machine may change hands; what it sold before is not the next owner's to fiscalise."""
    if site is None or each.operator in {None, site.operator.id}:
        return None
    said = (
        f"it was sold when {each.machine} was {each.operator}'s, and the machine is"
        f" {site.operator.id}'s now: python -m cloud resolve {each.sale.sale_id} --skip REASON"
    )
    return Attention(Cause.FOREIGN_MACHINE, said)


def own(machine: str, sale: Sale) -> Attention | None:
    """A machine speaks for itself alone: what came under another's name needs a person."""
    if sale.machine == machine:
        return None
    said = f"it says that {sale.machine} sold it, and it came from {machine}"
    return Attention(Cause.FOREIGN_MACHINE, said)

"""The day: read from the store, reckoned, and if wanted held against the providers."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import aiohttp
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.comparing import compare
from cloud.desk.reconciling import Day, Reckoning, registers
from cloud.desk.words import COMMAND, counted
from cloud.errors import DecisionError
from cloud.fleet import Operator, Register
from cloud.store import Store, attention, fleet
from cloud.store import day as days


async def the_day(
    store: Store,
    day: date,
    operator: str | None,
    http: aiohttp.ClientSession | None,
    note: Callable[[str], None],
    *,
    now_ms: int,
) -> Day:
    """A day of one operator's machines and registers, or of all; `http` to ask the providers.

    Raises:
        DecisionError: there is no such operator, or the day has not begun at any machine.
    """
    async with store.reading() as connection:
        if operator is not None and await fleet.get(connection, Operator, operator) is None:
            there = ", ".join(each.id for each in await fleet.every(connection, Operator))
            raise DecisionError(
                f"no operator is called {operator!r}: {there or 'there is none'};"
                f" {COMMAND}operator --help"
            )
        where = await days.places(connection)
        _has_begun(day, where, now_ms)
        reckoning = Reckoning(day, where, operator)
        async for page in days.sold(connection, day, reckoning.where):
            reckoning.take(page)
            note(f"{counted(len(reckoning.sale_ids), 'sale')} of {day}")
        await _miss(connection, reckoning)
        await _see_twice(connection, reckoning)
        found = Day(
            day=day,
            machines=[reckoning.machines[name] for name in sorted(reckoning.machines)],
            registers=registers(
                await days.recorded(connection, day),
                reckoning.sale_ids,
                await days.owners(connection),
                operator,
            ),
            elsewhere=reckoning.elsewhere,
        )
        if http is None:
            return found
        tried = await days.tried(connection, reckoning.sale_ids)
        known = {each.id: each for each in await fleet.every(connection, Register)}
    # Without the store: it may take hours, and nothing is written.
    found.provider_lines = await compare(http, known, tried, note)
    found.compared = len(tried)
    return found


def _has_begun(day: date, where: days.Places, now_ms: int) -> None:
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    zones = {days.UNKNOWN_ZONE, *(place.zone for place in where.known.values())}
    if day > max(now.astimezone(zone).date() for zone in zones):
        raise DecisionError(f"{day} is yet to come; there is nothing to reconcile")


async def _miss(connection: AsyncConnection, reckoning: Reckoning) -> None:
    """Find the gaps: beside the day's sales, and of streams that have none of that day."""
    gaps = []
    for (machine, epoch), seqs in sorted(reckoning.seqs.items()):
        gaps += await days.gaps_around(connection, machine, epoch, seqs)
    gaps += await days.gaps_on(connection, reckoning.day, reckoning.where, reckoning.seqs)
    for gap in gaps:
        if reckoning.concerns(gap.machine):
            reckoning.miss(gap, await days.conflicts(connection, gap.machine))


async def _see_twice(connection: AsyncConnection, reckoning: Reckoning) -> None:
    """Second documents of the day's sales that are still there."""
    ours = frozenset(reckoning.sale_ids)
    for each in await attention.duplicates(connection):
        if each.sale_id in ours and each.sale_id is not None and each.machine is not None:
            reckoning.see_twice(each.machine, each.sale_id, each.detail)

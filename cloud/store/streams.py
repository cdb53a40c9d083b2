"""Streams: how far each machine's sequence is here, as unbroken runs."""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.sequence import MOST_ALSO, MOST_MISSING, Received, Run, received
from cloud.store.dialect import Insert, alone_with, insert_on
from cloud.store.schema import run

# Made once: every sale goes through them.
_OURS: Final = (run.c.machine == sa.bindparam("machine"), run.c.epoch == sa.bindparam("epoch"))
_LOW: Final = sa.bindparam("low", type_=sa.BigInteger)
_HIGH: Final = sa.bindparam("high", type_=sa.BigInteger)
_BEFORE: Final = sa.select(sa.func.max(run.c.first)).where(*_OURS, run.c.first <= _LOW)
_TOUCHING: Final = sa.select(run.c.first, run.c.last).where(
    *_OURS,
    run.c.first >= sa.func.coalesce(_BEFORE.scalar_subquery(), 0),
    run.c.first <= _HIGH + 1,
    run.c.last >= _LOW - 1,
)


@cache
def _whole(dialect: str) -> Insert:
    new = insert_on(dialect, run)
    return new.on_conflict_do_update(
        index_elements=[run.c.machine, run.c.epoch, run.c.first], set_={"last": new.excluded.last}
    )


async def reach(
    connection: AsyncConnection, machine: str, epoch: str, first: int, last: int
) -> None:
    """All from `first` to `last` are here, or answered for; what touches becomes one run.

    A machine that is known anew goes from one inbox to another: for a moment two may store its sales.
    """
    await alone_with(connection, f"stream {machine}/{epoch}")
    place = {"machine": machine, "epoch": epoch}
    rows = await connection.execute(_TOUCHING, {**place, "low": first, "high": last})
    touched = [(start, end) for start, end in rows]
    if any(start <= first and last <= end for start, end in touched):
        return
    start = min([first, *(each for each, _ in touched)])
    end = max([last, *(each for _, each in touched)])
    if any(each > start for each, _ in touched):
        ours = (run.c.machine == machine, run.c.epoch == epoch)
        within = (run.c.first > start, run.c.first <= end)
        await connection.execute(sa.delete(run).where(*ours, *within))
    await connection.execute(
        _whole(connection.dialect.name), {**place, "first": start, "last": end}
    )


async def sequence(connection: AsyncConnection, machine: str, epoch: str) -> Received:
    """How far a machine's sequence is here."""
    ours = sa.select(run.c.first, run.c.last).where(run.c.machine == machine, run.c.epoch == epoch)
    most = MOST_MISSING + 1
    lowest = await _runs(connection, ours.order_by(run.c.first).limit(most))
    highest = list[Run]()
    if len(lowest) == most:
        highest = await _runs(connection, ours.order_by(run.c.first.desc()).limit(MOST_ALSO))
    return received(0, lowest, highest)


async def runs_up_to(connection: AsyncConnection, machine: str, epoch: str, seq: int) -> list[Run]:
    """The runs that begin there or before, ascending."""
    ours = (run.c.machine == machine, run.c.epoch == epoch, run.c.first <= seq)
    return await _runs(
        connection, sa.select(run.c.first, run.c.last).where(*ours).order_by(run.c.first)
    )


async def _runs(connection: AsyncConnection, query: sa.Select[Any]) -> list[Run]:
    return [(first, last) for first, last in await connection.execute(query)]

"""Births: what a machine says of its outbox on each connection, against what is here."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.sequence import Run, holes
from cloud.store import streams
from cloud.store.dialect import insert
from cloud.store.incidents import report
from cloud.store.schema import stream

MOST_NAMED = 20
"""An incident names at most so many holes, the lowest; it counts all that is in them."""


async def meet(connection: AsyncConnection, machine: str, epoch: str, now_ms: int) -> None:
    """A machine was born with this outbox; another than was known is an incident, once."""
    known = (
        await connection.scalars(sa.select(stream.c.epoch).where(stream.c.machine == machine))
    ).all()
    if epoch in known:
        return
    first = insert(connection, stream).values(machine=machine, epoch=epoch)
    await connection.execute(first.on_conflict_do_nothing())
    if known:
        detail = (
            f"epoch {epoch}: the machine counts its sales in a new outbox; was its card replaced,"
            " or the outbox damaged? Sales of the old one that never came are on the old card"
        )
        await report(connection, now_ms, "another outbox", detail, machine)


async def settle(  # noqa: PLR0917, a birth says what it says
    connection: AsyncConnection, machine: str, epoch: str, claimed: int, nonce: str, now_ms: int
) -> None:
    """A birth, of an outbox that was met, says that all up to `claimed` was acknowledged.

    What of it is not here is an incident at once, by its numbers. The ack counts it as here, so
    that it is asked for no more, as far as another birth before this one said the same: a single
    wrong word must not make a machine drop a sale that it still has. A birth that the broker
    repeats, known by its nonce, is no other.
    """
    stored = await streams.runs_up_to(connection, machine, epoch, claimed)
    missing = holes(stored, claimed)
    if missing:
        await report(connection, now_ms, "gap", _gap(epoch, missing), machine)
    ours = (stream.c.machine == machine, stream.c.epoch == epoch)
    known = sa.select(stream.c.nonce, stream.c.claimed).where(*ours).with_for_update()
    before = (await connection.execute(known)).one()
    if before.nonce == nonce != "":
        return
    believed = min(claimed, before.claimed)
    if missing and believed:
        await streams.reach(connection, machine, epoch, 1, believed)
    await connection.execute(sa.update(stream).where(*ours).values(nonce=nonce, claimed=claimed))


def _gap(epoch: str, missing: list[Run]) -> str:
    named = [f"{first} to {last}" if first < last else f"{first}" for first, last in missing]
    more = len(named) - MOST_NAMED
    listed = ", ".join(named[:MOST_NAMED]) + (f" and {more} gaps more" if more > 0 else "")
    count = sum(last - first + 1 for first, last in missing)
    return (
        f"epoch {epoch}: {count} sales that the machine knows as acknowledged are not here: seq"
        f" {listed}; was the database restored or replaced? Compare with the machine's outbox"
    )

"""Notes: what machines write down beside their sales, each kept once.

A note has a place, as a sale has: machine, epoch, number. It is repeated until it is noted.
"""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store.dialect import insert
from cloud.store.incidents import report
from cloud.store.replies import keep_showing
from cloud.store.sales import Kept
from cloud.store.schema import note
from cloud.troubles import in_words, kind_of
from edge.wire import Incident, Shown


async def keep_shown(
    connection: AsyncConnection, machine: str, shown: Shown, body: bytes, now_ms: int
) -> Kept:
    """Evidence of a picture; one without a number, from an older machine, has no place."""
    kept = Kept.NEW
    if shown.epoch is not None and shown.number:
        place = (machine, shown.epoch, shown.number)
        kept = await _place(connection, place, body, now_ms, shown.sale_id)
    if kept is not Kept.AGAIN:
        await keep_showing(connection, machine, shown)
    return kept


async def keep_incident(
    connection: AsyncConnection, machine: str, told: Incident, body: bytes, now_ms: int
) -> Kept:
    """An incident of the machine becomes one of the operator's."""
    place = (machine, told.epoch, told.number)
    kept = await _place(connection, place, body, now_ms, told.sale_id)
    if kept is not Kept.AGAIN:
        words = in_words(told)
        await report(connection, now_ms, kind_of(told), words, machine, told.sale_id, body)
    return kept


async def _place(
    connection: AsyncConnection,
    place: tuple[str, str, int],
    body: bytes,
    now_ms: int,
    sale_id: str | None,
) -> Kept:
    """Take a note's place.

    Another note at a place that is taken is an incident, and is kept as the note it is: a machine
    whose power failed may have given a number twice.
    """
    machine, epoch, number = place
    row = {"machine": machine, "epoch": epoch, "number": number, "body": body.decode()}
    taking = insert(connection, note).values(received_at=now_ms, **row).on_conflict_do_nothing()
    if (await connection.execute(taking.returning(note.c.number))).first() is not None:
        return Kept.NEW
    known = await connection.scalar(
        sa.select(note.c.body).where(
            note.c.machine == machine, note.c.epoch == epoch, note.c.number == number
        )
    )
    if known == row["body"]:
        return Kept.AGAIN
    detail = f"epoch {epoch} note {number} came with another body"
    await report(connection, now_ms, "conflict", detail, machine, sale_id, body)
    return Kept.CONFLICT

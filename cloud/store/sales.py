"""Sales: kept once, whatever repeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscalization import State
from cloud.intake import Attention, Disposition, Placed, Skipped
from cloud.store import streams
from cloud.store.schema import incident, receipt, sale
from edge.wire import Sale


class Kept(Enum):
    """What became of an arrival."""

    NEW = "new"
    AGAIN = "again"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sale as it came, from which machine, and what is to be done with it."""

    machine: str
    sale: Sale
    body: str
    disposition: Disposition


async def keep(connection: AsyncConnection, arrival: Arrival, now_ms: int) -> Kept:
    """Store a sale with its receipt or its reason; the same again is the same row.

    Another body under its id or its token is an incident, and is kept there. Another sale at its
    place in the sequence is one as well, and is kept as the sale it is. Either way its place in
    the machine's sequence is answered for, whatever row or incident keeps it: it is told as
    stored, or the machine would repeat it for ever.
    """
    told, placed = arrival.sale, arrival.disposition
    row = {
        "sale_id": told.sale_id,
        "machine": arrival.machine,
        "epoch": told.epoch,
        "seq": told.seq,
        "token": told.token,
        "body": arrival.body,
        "received_at": now_ms,
        **_columns(placed),
    }
    place = (
        sale.c.machine == arrival.machine,
        sale.c.epoch == told.epoch,
        sale.c.seq == told.seq,
        sale.c.sale_id != told.sale_id,
    )
    other = await connection.scalar(sa.select(sale.c.sale_id).where(*place).limit(1))
    stored = await connection.execute(insert(sale).values(row).on_conflict_do_nothing())
    await streams.reach(connection, arrival.machine, told.epoch, told.seq, told.seq)
    where = f"epoch {told.epoch} seq {told.seq}"
    if stored.rowcount == 0:
        known = await connection.scalar(
            sa.select(sale.c.body).where(sale.c.sale_id == told.sale_id)
        )
        if known == arrival.body:
            return Kept.AGAIN
        detail = f"{where} came with another body, or with another sale's token"
        await _report(connection, now_ms, "conflict", detail, arrival)
        return Kept.CONFLICT
    if other is not None:
        detail = f"{where} is the place of {other} too: did the machine's disk forget it?"
        await _report(connection, now_ms, "two sales at one place", detail, arrival)
    if isinstance(placed, Placed):
        await ask(connection, placed, now_ms)
    return Kept.NEW


async def ask(connection: AsyncConnection, placed: Placed, now_ms: int) -> None:
    """Put a receipt into its register's lane; its key is the sale's id."""
    await connection.execute(
        sa.insert(receipt).values(
            sale_id=placed.receipt.sale_id,
            purpose=placed.receipt.purpose.value,
            machine=placed.receipt.machine,
            register=placed.register,
            request=msgspec.json.encode(placed.receipt).decode(),
            state=State.WAITING.value,
            key=placed.receipt.sale_id,
            next_at=now_ms,
        )
    )


async def place_again(connection: AsyncConnection, placed: Placed, now_ms: int) -> None:
    """Somebody named what was missing: the sale goes its way."""
    await connection.execute(
        sa.update(sale)
        .where(sale.c.sale_id == placed.receipt.sale_id, sale.c.disposition == "attention")
        .values(disposition="receipt", reason=None)
    )
    await ask(connection, placed, now_ms)


async def in_attention(connection: AsyncConnection) -> Sequence[tuple[str, str, int]]:
    """(machine, body, received_at) of the sales that could not be placed."""
    rows = await connection.execute(
        sa.select(sale.c.machine, sale.c.body, sale.c.received_at).where(
            sale.c.disposition == "attention"
        )
    )
    return [(row.machine, row.body, row.received_at) for row in rows]


async def report(  # noqa: PLR0917, a row has as many columns as it has
    connection: AsyncConnection,
    now_ms: int,
    kind: str,
    detail: str,
    machine: str | None = None,
    sale_id: str | None = None,
    body: bytes | None = None,
) -> None:
    """Write an incident down; said again, it is the same."""
    told = "\0".join((kind, machine or "", sale_id or "", detail)).encode() + (body or b"")
    row = insert(incident).values(
        at=now_ms,
        kind=kind,
        machine=machine,
        sale_id=sale_id,
        detail=detail,
        body=body,
        digest=sha256(told).hexdigest(),
    )
    await connection.execute(row.on_conflict_do_nothing())


async def _report(
    connection: AsyncConnection, now_ms: int, kind: str, detail: str, arrival: Arrival
) -> None:
    body = arrival.body.encode()
    await report(connection, now_ms, kind, detail, arrival.machine, arrival.sale.sale_id, body)


def _columns(placed: Disposition) -> dict[str, str | None]:
    match placed:
        case Placed():
            return {"disposition": "receipt", "reason": None}
        case Skipped(reason):
            return {"disposition": "skipped", "reason": reason}
        case Attention(reason):
            return {"disposition": "attention", "reason": reason}

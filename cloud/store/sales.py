"""Sales: kept once, whatever repeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscalization import State
from cloud.intake import Attention, Disposition, Placed, Skipped
from cloud.sequence import Received, received
from cloud.store.schema import incident, receipt, sale, stream
from edge.wire import Sale, encode

MOST_BEYOND = 10_000


class Kept(Enum):
    """What became of an arrival."""

    NEW = "new"
    AGAIN = "again"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sale as it came, and what is to be done with it."""

    sale: Sale
    disposition: Disposition


async def keep(connection: AsyncConnection, arrival: Arrival, now_ms: int) -> Kept:
    """Store a sale with its receipt or its reason. Another body under its id is an incident."""
    told = arrival.sale
    body = encode(told).decode()
    placed = arrival.disposition
    row = {
        "machine": told.machine,
        "epoch": told.epoch,
        "seq": told.seq,
        "sale_id": told.sale_id,
        "token": told.token,
        "body": body,
        "received_at": now_ms,
        **_columns(placed),
    }
    stored = await connection.execute(insert(sale).values(row).on_conflict_do_nothing())
    if stored.rowcount == 0:
        return await _again(connection, told, body, now_ms)
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


async def in_attention(connection: AsyncConnection) -> Sequence[tuple[str, int]]:
    """(body, received_at) of the sales that could not be placed."""
    rows = await connection.execute(
        sa.select(sale.c.body, sale.c.received_at).where(sale.c.disposition == "attention")
    )
    return [(row.body, row.received_at) for row in rows]


async def sequence(connection: AsyncConnection, machine: str, epoch: str) -> Received:
    """How far a machine's sequence is stored; remembers how far it is without a gap."""
    where = (stream.c.machine == machine, stream.c.epoch == epoch)
    known = await connection.scalar(sa.select(stream.c.contiguous).where(*where)) or 0
    rows = await connection.execute(
        sa.select(sale.c.seq)
        .where(sale.c.machine == machine, sale.c.epoch == epoch, sale.c.seq > known)
        .order_by(sale.c.seq)
        .limit(MOST_BEYOND)
    )
    now = received(known, (row.seq for row in rows))
    if now.contiguous != known:
        moved = insert(stream).values(machine=machine, epoch=epoch, contiguous=now.contiguous)
        await connection.execute(
            moved.on_conflict_do_update(
                index_elements=[stream.c.machine, stream.c.epoch],
                set_={"contiguous": now.contiguous},
            )
        )
    return now


async def report(  # noqa: PLR0917, a row has as many columns as it has
    connection: AsyncConnection,
    now_ms: int,
    kind: str,
    detail: str,
    machine: str | None = None,
    sale_id: str | None = None,
    body: bytes | None = None,
) -> None:
    """Write an incident down."""
    await connection.execute(
        sa.insert(incident).values(
            at=now_ms, kind=kind, machine=machine, sale_id=sale_id, detail=detail, body=body
        )
    )


async def _again(connection: AsyncConnection, told: Sale, body: str, now_ms: int) -> Kept:
    same = await connection.scalar(
        sa.select(sale.c.body).where(
            sale.c.machine == told.machine, sale.c.epoch == told.epoch, sale.c.seq == told.seq
        )
    )
    if same == body:
        return Kept.AGAIN
    detail = f"epoch {told.epoch} seq {told.seq} came with another id, token or body"
    known = await connection.scalar(
        sa.select(incident.c.id).where(
            incident.c.kind == "conflict", incident.c.body == body.encode()
        )
    )
    if known is None:
        await report(
            connection, now_ms, "conflict", detail, told.machine, told.sale_id, body.encode()
        )
    return Kept.CONFLICT


def _columns(placed: Disposition) -> dict[str, str | None]:
    match placed:
        case Placed():
            return {"disposition": "receipt", "reason": None}
        case Skipped(reason):
            return {"disposition": "skipped", "reason": reason}
        case Attention(reason):
            return {"disposition": "attention", "reason": reason}

"""Replies: what machines have still to be told."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscal import FiscalDocument
from cloud.fiscalization import State
from cloud.receipt import Purpose
from cloud.store.schema import presence, receipt, sale, showing
from edge.wire import Fiscal, Receipt, Shown

MOST = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """A receipt's last revision, which is not on its machine's disk; `times` it was said."""

    machine: str
    token: str
    receipt: Receipt
    times: int


async def untold(connection: AsyncConnection, now_ms: int) -> Sequence[Reply]:
    """What is to be said now, longest overdue first."""
    rows = await connection.execute(
        sa.select(receipt, sale.c.token)
        .join(sale, sale.c.sale_id == receipt.c.sale_id)
        .where(receipt.c.rev > receipt.c.acked_rev, receipt.c.tell_at <= now_ms)
        .order_by(receipt.c.tell_at)
        .limit(MOST)
    )
    return [Reply(row.machine, row.token, _message(row), row.told_times) for row in rows]


async def said(connection: AsyncConnection, reply: Reply, again_at_ms: int) -> None:
    """It was said; say it again then, unless the machine answers."""
    await connection.execute(
        sa.update(receipt)
        .where(receipt.c.sale_id == reply.receipt.sale_id, receipt.c.rev == reply.receipt.rev)
        .values(tell_at=again_at_ms, told_times=reply.times + 1)
    )


async def hurry(connection: AsyncConnection, machine: str) -> None:
    """The machine is back: what it was told while it was away may be lost."""
    await connection.execute(
        sa.update(receipt)
        .where(receipt.c.machine == machine, receipt.c.rev > receipt.c.acked_rev)
        .values(tell_at=0)
    )


async def told(connection: AsyncConnection, machine: str, sale_id: str, rev: int) -> None:
    """A machine has this revision; a machine speaks for its own sales alone."""
    await connection.execute(
        sa.update(receipt)
        .where(
            receipt.c.machine == machine,
            receipt.c.sale_id == sale_id,
            receipt.c.acked_rev < rev,
            receipt.c.rev >= rev,
        )
        .values(acked_rev=rev)
    )


async def keep_showing(connection: AsyncConnection, machine: str, shown: Shown) -> None:
    """Evidence of a picture; repeated, it is the same."""
    row = {
        "sale_id": shown.sale_id,
        "rev": shown.rev,
        "medium": shown.on,
        "shown_at": shown.shown_at,
        "machine": machine,
        "hidden_at": shown.hidden_at,
        "reason": shown.reason,
        "frame_sha256": shown.frame_sha256,
        "display": shown.display,
        "clock": shown.clock,
    }
    await connection.execute(insert(showing).values(row).on_conflict_do_nothing())


async def note_presence(
    connection: AsyncConnection, machine: str, now_ms: int, *, online: bool
) -> None:
    """A machine's birth or death."""
    row = insert(presence).values(machine=machine, online=online, at=now_ms)
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[presence.c.machine], set_={"online": online, "at": now_ms}
        )
    )


def document_of(row: sa.Row[tuple[object, ...]]) -> FiscalDocument:
    """The document of an issued receipt's row."""
    return FiscalDocument(
        row.fn, row.fd, row.fp, row.registered_at, row.total, Purpose(row.purpose)
    )


def _message(row: sa.Row[tuple[object, ...]]) -> Receipt:
    if row.state != State.ISSUED.value:
        return Receipt(sale_id=row.sale_id, rev=row.rev, status="refused")
    document = document_of(row)
    fiscal = Fiscal(
        fn=document.fn, fd=document.fd, fp=document.fp, at=document.at, total=document.total
    )
    return Receipt(sale_id=row.sale_id, rev=row.rev, status="issued", qr=document.qr, fiscal=fiscal)

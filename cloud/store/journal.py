"""The journal: what people look at. Reads alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscal import FiscalDocument
from cloud.fiscalization import OPEN, State
from cloud.receipt import Receipt
from cloud.store.replies import document_of
from cloud.store.schema import incident, presence, receipt, sale
from edge.wire import Sale, decode


@dataclass(frozen=True, slots=True)
class Entry:
    """A sale and how far it is; `state` is a receipt's state, or the sale's disposition."""

    sale: Sale
    received_at: int
    state: str
    reason: str | None
    receipt: Receipt | None
    document: FiscalDocument | None
    link: str | None
    issued_at: int | None
    on_machine: bool


_JOINED: Final = (
    sa.select(sale, receipt, sale.c.reason.label("why"))
    .select_from(sale.outerjoin(receipt, sale.c.sale_id == receipt.c.sale_id))
    .set_label_style(sa.LABEL_STYLE_DISAMBIGUATE_ONLY)
)


async def latest(connection: AsyncConnection, most: int) -> Sequence[Entry]:
    """The newest sales, newest first."""
    rows = await connection.execute(_JOINED.order_by(sale.c.received_at.desc()).limit(most))
    return [_entry(row) for row in rows]


async def by_token(connection: AsyncConnection, token: str) -> Entry | None:
    """The sale that a receipt page's key opens."""
    row = (await connection.execute(_JOINED.where(sale.c.token == token))).first()
    return _entry(row) if row else None


@dataclass(frozen=True, slots=True)
class Trouble:
    """An incident, as the operator reads it; `at` is Unix milliseconds."""

    machine: str | None
    at: int
    kind: str
    detail: str


async def troubles(connection: AsyncConnection, most: int) -> Sequence[Trouble]:
    """The newest incidents, newest first."""
    columns = (incident.c.machine, incident.c.at, incident.c.kind, incident.c.detail)
    rows = await connection.execute(sa.select(*columns).order_by(incident.c.id.desc()).limit(most))
    return [Trouble(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """Gauges of the whole store."""

    open_receipts: int
    oldest_open_at: int | None
    attention: int
    untold: int
    incidents: int
    machines_online: int


async def counts(connection: AsyncConnection) -> Counts:
    """What needs a hand, and what is on its way."""
    is_open = receipt.c.state.in_([state.value for state in OPEN])
    opened = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.min(sale.c.received_at))
            .select_from(receipt.join(sale, sale.c.sale_id == receipt.c.sale_id))
            .where(is_open)
        )
    ).one()
    unplaced = await _count(connection, sale, sale.c.disposition == "attention")
    refused = await _count(connection, receipt, receipt.c.state == State.ATTENTION.value)
    return Counts(
        open_receipts=opened[0],
        oldest_open_at=opened[1],
        attention=unplaced + refused,
        untold=await _count(connection, receipt, receipt.c.rev > receipt.c.acked_rev),
        incidents=await _count(connection, incident, sa.true()),
        machines_online=await _count(connection, presence, presence.c.online),
    )


async def _count(
    connection: AsyncConnection, table: sa.Table, where: sa.ColumnElement[bool]
) -> int:
    return await connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


def _entry(row: sa.Row[tuple[object, ...]]) -> Entry:
    issued = row.state == State.ISSUED.value
    return Entry(
        sale=decode(row.body.encode(), Sale),
        received_at=row.received_at,
        state=row.state or row.disposition,
        reason=row.error or row.why,
        receipt=msgspec.json.decode(row.request, type=Receipt) if row.request else None,
        document=document_of(row) if issued else None,
        link=row.link,
        issued_at=row.issued_at,
        on_machine=bool(row.rev) and row.rev == row.acked_rev,
    )

"""The journal: what people look at. Reads alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscal import FiscalDocument
from cloud.fiscalization import OPEN, State
from cloud.receipt import Purpose, Receipt
from cloud.store.recording import SETTLES
from cloud.store.replies import document_of
from cloud.store.schema import incident, machine, operator, presence, receipt, reply, sale
from edge.wire import Sale, decode

_DOCUMENT: Final = ("fn", "fd", "fp", "registered_at", "total", "rnm", "ofd_inn")
_INCOME: Final = Purpose.INCOME.value
_OTHER: Final = receipt.alias("other")
_other: Final = sa.exists().where(
    _OTHER.c.sale_id == receipt.c.sale_id,
    _OTHER.c.purpose.in_(SETTLES),
    _OTHER.c.purpose != receipt.c.purpose,
)
_settling: Final = receipt.c.purpose.in_(SETTLES) & (
    (receipt.c.state != State.CLOSED.value)
    # Of two that are closed, the correction is the later one.
    | ~_other.where((_OTHER.c.state != State.CLOSED.value) | (receipt.c.purpose == _INCOME))
)
"""A sale whose receipt was closed and that got a correction instead is one line all the same."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A sale and how far it is; `state` is a receipt's state, or the sale's disposition.

    `sale.token` is the key of its page, whatever the machine said. `receipt` and `document` are
    those of what settles the sale: its income, or the correction that stands for it; `returned` is
    the document of its return.
    """

    sale: Sale
    received_at: int
    state: str
    reason: str | None
    receipt: Receipt | None
    document: FiscalDocument | None
    link: str | None
    issued_at: int | None
    on_machine: bool
    operator: str | None
    """Its name, if the machine is known."""
    returned: FiscalDocument | None = None


_BACK: Final = receipt.alias("back")
_LATEST: Final = sa.select(
    sale.c.sale_id,
    sale.c.body,
    sale.c.token,
    sale.c.received_at,
    sale.c.disposition,
    sale.c.reason.label("why"),
    receipt.c.state,
    receipt.c.purpose,
    receipt.c.error,
    receipt.c.request,
    *(receipt.c[name] for name in _DOCUMENT),
    receipt.c.link,
    receipt.c.issued_at,
    reply.c.rev,
    reply.c.acked_rev,
    operator.c.name.label("operator_name"),
    *(_BACK.c[name].label(f"back_{name}") for name in ("request", *_DOCUMENT)),
).select_from(
    sale.outerjoin(
        receipt,
        (receipt.c.sale_id == sale.c.sale_id) & _settling,
    )
    .outerjoin(
        _BACK,
        (_BACK.c.sale_id == sale.c.sale_id)
        & (_BACK.c.purpose == Purpose.INCOME_RETURN.value)
        & (_BACK.c.state == State.ISSUED.value),
    )
    .outerjoin(reply, reply.c.sale_id == sale.c.sale_id)
    .outerjoin(machine, machine.c.id == sale.c.machine)
    .outerjoin(operator, operator.c.id == machine.c.operator)
)


async def latest(connection: AsyncConnection, most: int) -> Sequence[Entry]:
    """The newest sales, newest first."""
    newest = _LATEST.order_by(sale.c.received_at.desc(), sale.c.sale_id.desc()).limit(most)
    return [_entry(row) for row in await connection.execute(newest)]


async def by_token(connection: AsyncConnection, token: str) -> Entry | None:
    """The sale that a receipt page's key opens."""
    row = (await connection.execute(_LATEST.where(sale.c.token == token))).first()
    return _entry(row) if row else None


async def by_id(connection: AsyncConnection, sale_id: str) -> Entry | None:
    """A sale by its id."""
    row = (await connection.execute(_LATEST.where(sale.c.sale_id == sale_id))).first()
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
    opened = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.min(receipt.c.born_at)).where(
                receipt.c.state.in_([state.value for state in OPEN])
            )
        )
    ).one()
    unplaced = await _count(connection, sale, sale.c.disposition == "attention")
    refused = await _count(connection, receipt, receipt.c.state == "attention")
    return Counts(
        open_receipts=opened[0],
        oldest_open_at=opened[1],
        attention=unplaced + refused,
        untold=await _count(connection, reply, reply.c.rev > reply.c.acked_rev),
        incidents=await _count(connection, incident, sa.true()),
        machines_online=await _count(connection, presence, presence.c.online),
    )


async def _count(
    connection: AsyncConnection, table: sa.Table, where: sa.ColumnElement[bool]
) -> int:
    return await connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


def _entry(row: sa.Row[*tuple[Any, ...]]) -> Entry:
    issued = row.state == State.ISSUED.value
    told = decode(row.body.encode(), Sale)
    if told.token != row.token:
        told = msgspec.structs.replace(told, token=row.token)
    return Entry(
        sale=told,
        received_at=row.received_at,
        state=row.state or row.disposition,
        reason=row.error or row.why,
        receipt=msgspec.json.decode(row.request, type=Receipt) if row.request else None,
        document=document_of(row) if issued else None,
        link=row.link,
        issued_at=row.issued_at,
        on_machine=bool(row.rev) and row.rev == row.acked_rev,
        operator=row.operator_name,
        returned=_returned(row),
    )


def _returned(row: sa.Row[*tuple[Any, ...]]) -> FiscalDocument | None:
    if row.back_fd is None or msgspec.json.decode(row.back_request, type=Receipt).duplicate:
        return None  # a second document was undone; the sale stands
    return FiscalDocument(
        fn=row.back_fn,
        fd=row.back_fd,
        fp=row.back_fp,
        at=row.back_registered_at,
        total=row.back_total,
        sign=Purpose.INCOME_RETURN.sign,
        rnm=row.back_rnm or "",
        ofd_inn=row.back_ofd_inn or "",
    )

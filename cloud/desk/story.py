"""The story of a sale: all that is known of it, read together."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import ItsReceipt, known
from cloud.fiscal import FiscalDocument
from cloud.fleet import Answers
from cloud.keys import key_of
from cloud.receipt import Receipt
from cloud.store import history
from cloud.store.schema import attempt, incident, machine, receipt, reply, sale, showing
from edge.wire import Sale


class AttemptTold(msgspec.Struct, frozen=True, kw_only=True):
    """One key's way. `verdict` is None while it is open; times are Unix milliseconds."""

    key: str
    register: str
    first_sent_at: int | None
    """None: it surely never left."""
    provider_id: str | None
    verdict: str | None
    reason: str | None
    ended_at: int | None


class ReceiptTold(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that was asked for, and what became of it."""

    purpose: str
    state: str
    register: str
    key: str
    """In use, or to be used next."""
    error: str | None
    next_at: int
    born_at: int
    issued_at: int | None
    request: Receipt
    attempts: list[AttemptTold]
    document: FiscalDocument | None
    qr: str | None
    """Tag 1196."""
    link: str | None


class ReplyTold(msgspec.Struct, frozen=True, kw_only=True):
    """How much of it the machine has: all, once `acked_rev` is `rev`."""

    rev: int
    acked_rev: int
    told_times: int


class ChangeTold(msgspec.Struct, frozen=True, kw_only=True):
    """One change, by whom and why. Without a purpose it is the sale that changed."""

    at: int
    who: str
    purpose: str | None
    state: str
    detail: str | None


class ShownTold(msgspec.Struct, frozen=True, kw_only=True):
    """When the machine showed it, and on what."""

    on: str
    rev: int
    shown_at: str
    hidden_at: str
    reason: str


class IncidentTold(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that names the sale."""

    at: int
    kind: str
    detail: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as `--json` and the API give it."""

    sale_id: str
    machine: str
    timezone: str | None
    """Of the machine; None if nobody knows it."""
    token: str
    received_at: int
    sale: Sale
    """As the machine told it."""
    disposition: str
    cause: str | None
    reason: str | None
    answers: Answers
    receipts: list[ReceiptTold]
    reply: ReplyTold | None
    history: list[ChangeTold]
    shown: list[ShownTold]
    incidents: list[IncidentTold]


async def story(connection: AsyncConnection, sale_id: str) -> Story:
    """What happened to a sale.

    Raises:
        NoSuchSaleError: there is none.
    """
    it = await known(connection, sale_id, deciding=False)
    of_sale = sa.select(sale.c.token, machine.c.timezone).select_from(
        sale.outerjoin(machine, machine.c.id == sale.c.machine)
    )
    row = (await connection.execute(of_sale.where(sale.c.sale_id == sale_id))).one()
    return Story(
        sale_id=sale_id,
        machine=it.machine,
        timezone=row.timezone,
        token=row.token,
        received_at=it.received_at,
        sale=it.told,
        disposition=it.disposition,
        cause=it.cause or None,
        reason=it.reason or None,
        answers=it.answers,
        receipts=await _receipts(connection, it.sale_id, it.receipts),
        reply=await _reply(connection, sale_id),
        history=[
            ChangeTold(
                at=each.at,
                who=each.who,
                purpose=each.purpose,
                state=each.state,
                detail=each.detail,
            )
            for each in await history.of(connection, sale_id)
        ],
        shown=await _shown(connection, sale_id, it.machine),
        incidents=await _incidents(connection, sale_id, it.machine),
    )


async def _receipts(
    connection: AsyncConnection, sale_id: str, asked: tuple[ItsReceipt, ...]
) -> list[ReceiptTold]:
    rows = await connection.execute(
        sa.select(attempt).where(attempt.c.sale_id == sale_id).order_by(attempt.c.number)
    )
    attempts: dict[str, list[AttemptTold]] = {}
    for row in rows:
        told = {name: getattr(row, name) for name in AttemptTold.__struct_fields__}
        attempts.setdefault(row.purpose, []).append(AttemptTold(**told))
    times = (receipt.c.purpose, receipt.c.next_at, receipt.c.born_at, receipt.c.issued_at)
    found = await connection.execute(
        sa.select(*times, receipt.c.link).where(receipt.c.sale_id == sale_id)
    )
    rest = {row.purpose: row for row in found}
    return [
        ReceiptTold(
            purpose=each.purpose.value,
            state=each.state.value,
            register=each.register,
            key=key_of(sale_id, each.purpose, each.number),
            error=each.error,
            next_at=rest[each.purpose.value].next_at,
            born_at=rest[each.purpose.value].born_at,
            issued_at=rest[each.purpose.value].issued_at,
            request=each.request,
            attempts=attempts.get(each.purpose.value, []),
            document=each.document,
            qr=each.document.qr if each.document else None,
            link=rest[each.purpose.value].link,
        )
        for each in asked
    ]


async def _reply(connection: AsyncConnection, sale_id: str) -> ReplyTold | None:
    columns = [reply.c[name] for name in ReplyTold.__struct_fields__]
    row = (await connection.execute(sa.select(*columns).where(reply.c.sale_id == sale_id))).first()
    return None if row is None else ReplyTold(**row._asdict())


async def _shown(connection: AsyncConnection, sale_id: str, machine: str) -> list[ShownTold]:
    """As the machine that sold it tells it: what another one says of it is no evidence."""
    names = ("rev", "shown_at", "hidden_at", "reason")
    columns = [showing.c.medium.label("on"), *(showing.c[name] for name in names)]
    ours = (showing.c.sale_id == sale_id, showing.c.machine == machine)
    query = sa.select(*columns).where(*ours)
    rows = await connection.execute(query.order_by(showing.c.rev, showing.c.shown_at))
    return [ShownTold(**row._asdict()) for row in rows]


async def _incidents(connection: AsyncConnection, sale_id: str, machine: str) -> list[IncidentTold]:
    columns = [incident.c[name] for name in IncidentTold.__struct_fields__]
    ours = (incident.c.sale_id == sale_id, incident.c.machine == machine)
    query = sa.select(*columns).where(*ours).order_by(incident.c.id)
    return [IncidentTold(**row._asdict()) for row in await connection.execute(query)]

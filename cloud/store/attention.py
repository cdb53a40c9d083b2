"""Attention: sales and receipts that need a hand, and queues that stand still. Reads alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscalization import SENT, State
from cloud.intake import Cause
from cloud.keys import key_of
from cloud.receipt import Purpose, Receipt
from cloud.store.doubt import IN_DOUBT
from cloud.store.quarantine import MALFORMED
from cloud.store.schema import attempt, history, incident, receipt, sale
from edge.wire import Sale, decode

REFUSED: Final = "refused"
"""The cause of a receipt that was surely not recorded."""
UNKNOWN: Final = "unknown"
"""The cause of a receipt that may have been recorded: a person has to look."""
OVERDUE: Final = "overdue"
"""The cause of a receipt that left long ago, and goes its way: its provider says nothing more."""
CAUSES: Final = (*(each.value for each in Cause), REFUSED, UNKNOWN, OVERDUE)
UNDONE: Final = "undone"
"""The state of a line of history: what was said of a second document settles it."""
UNDO: Final = (
    "return {0} --duplicate; or, once it is undone in the provider's cabinet, or was a mistake:"
    " resolve {0} --undone REASON"
)
"""What to do about a second document; its sale's id is filled in."""
NOISE: Final = (MALFORMED, "printer", "display_failed")
"""Kinds of incidents that may be many, and that cost no receipt: what else happened goes first."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A sale that could not be placed. Times are Unix milliseconds, amounts kopecks."""

    sale_id: str
    machine: str
    item: str | None
    amount: int | None
    cause: str
    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class Unissued:
    """A receipt that a person has to decide about."""

    sale_id: str
    purpose: Purpose
    key: str
    """What the provider knows it by."""
    machine: str
    register: str
    name: str
    amount: int
    cause: str
    """`REFUSED` or `UNKNOWN`."""
    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """A receipt that left at `since`, and that nobody knows the end of. `error` is the last word."""

    sale_id: str
    purpose: Purpose
    machine: str
    register: str
    name: str
    amount: int
    state: State
    error: str | None
    since: int


@dataclass(frozen=True, slots=True)
class Sum:
    """How many of one cause, and since when the oldest."""

    cause: str
    count: int
    since: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a register."""

    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Happened:
    """An incident of one sale, or of a machine."""

    at: int
    kind: str
    machine: str | None
    sale_id: str | None
    detail: str


_UNPLACED: Final = sale.c.disposition == "attention"
_WHY: Final = sa.case((IN_DOUBT, UNKNOWN), else_=REFUSED)
_SINCE: Final = sa.func.coalesce(
    sa.select(sa.func.max(history.c.at))
    .where(
        history.c.sale_id == receipt.c.sale_id,
        history.c.purpose == receipt.c.purpose,
        history.c.state == State.ATTENTION.value,
    )
    .correlate(receipt)
    .scalar_subquery(),
    receipt.c.born_at,
)
_UNISSUED: Final = receipt.c.state == State.ATTENTION.value
_IN_USE: Final = (
    (attempt.c.sale_id == receipt.c.sale_id)
    & (attempt.c.purpose == receipt.c.purpose)
    & (attempt.c.number == receipt.c.attempt)
)
_SENT: Final = [state.value for state in SENT]


async def unplaced(
    connection: AsyncConnection,
    *,
    machine: str | None = None,
    cause: str | None = None,
    most: int | None = None,
) -> Sequence[Unplaced]:
    """Sales that could not be placed, oldest first."""
    query = sa.select(sale).where(_UNPLACED, *_of(sale, machine))
    if cause is not None:
        query = query.where(sale.c.cause == cause)
    rows = await connection.execute(query.order_by(sale.c.received_at, sale.c.sale_id).limit(most))
    return [_unplaced(row) for row in rows]


async def unissued(
    connection: AsyncConnection,
    *,
    machine: str | None = None,
    cause: str | None = None,
    past: tuple[str, str] | None = None,
    most: int | None = None,
) -> Sequence[Unissued]:
    """Receipts in attention, oldest first; with `past`, by sale and purpose from there on."""
    query = sa.select(receipt, _WHY.label("why"), _SINCE.label("since")).where(
        _UNISSUED, *_of(receipt, machine)
    )
    if cause is not None:
        query = query.where(_WHY.in_([cause]))
    place = (receipt.c.sale_id, receipt.c.purpose)
    if past is None:
        query = query.order_by(receipt.c.born_at, *place)
    else:
        query = query.where(sa.tuple_(*place) > past).order_by(*place)
    return [_unissued(row) for row in await connection.execute(query.limit(most))]


async def overdue(
    connection: AsyncConnection,
    before_ms: int,
    *,
    machine: str | None = None,
    most: int | None = None,
) -> Sequence[Overdue]:
    """Receipts that left before then and are neither recorded nor refused, oldest first."""
    query = sa.select(receipt, attempt.c.first_sent_at.label("since")).join(attempt, _IN_USE)
    wanted = query.where(*_overdue(before_ms), *_of(receipt, machine))
    order = (attempt.c.first_sent_at, receipt.c.sale_id, receipt.c.purpose)
    rows = await connection.execute(wanted.order_by(*order).limit(most))
    return [_an_overdue(row) for row in rows]


async def overdue_sum(
    connection: AsyncConnection, before_ms: int, *, machine: str | None = None
) -> Sum | None:
    """How many they are; None if there are none."""
    query = sa.select(sa.func.count(), sa.func.min(attempt.c.first_sent_at)).select_from(
        receipt.join(attempt, _IN_USE)
    )
    wanted = query.where(*_overdue(before_ms), *_of(receipt, machine))
    count, since = (await connection.execute(wanted)).one()
    return Sum(OVERDUE, count, since) if count else None


async def sums(
    connection: AsyncConnection, *, machine: str | None = None, cause: str | None = None
) -> Sequence[Sum]:
    """How many of each cause, the most first; sales and receipts together."""
    oldest = sa.func.min(sale.c.received_at)
    sales = sa.select(sale.c.cause, sa.func.count(), oldest).where(_UNPLACED, *_of(sale, machine))
    why = sa.select(_WHY.label("why"), receipt.c.born_at).where(_UNISSUED, *_of(receipt, machine))
    those = why.subquery()
    receipts = sa.select(those.c.why, sa.func.count(), sa.func.min(those.c.born_at))
    rows = [
        *(await connection.execute(sales.group_by(sale.c.cause))).all(),
        *(await connection.execute(receipts.group_by(those.c.why))).all(),
    ]
    told = [Sum(*row) for row in rows if cause in {None, row[0]}]
    return sorted(told, key=lambda each: (-each.count, each.cause))


async def queues(connection: AsyncConnection) -> Mapping[str, Queue]:
    """What waits to be sent, by register."""
    query = sa.select(receipt.c.register, sa.func.count(), sa.func.min(receipt.c.born_at))
    rows = await connection.execute(
        query.where(receipt.c.state == State.WAITING.value).group_by(receipt.c.register)
    )
    return {register: Queue(count, oldest) for register, count, oldest in rows}


async def duplicates(
    connection: AsyncConnection, *, machine: str | None = None, sale_id: str | None = None
) -> Sequence[Happened]:
    """Second documents that nobody has undone yet, oldest first; of one sale or of all."""
    undone = sa.exists().where(
        receipt.c.sale_id == incident.c.sale_id,
        receipt.c.purpose == Purpose.INCOME_RETURN.value,
        # A quotation mark within a text is escaped: only the field itself reads so.
        receipt.c.request.contains('"duplicate":true'),
    )
    said_so = sa.exists().where(
        history.c.sale_id == incident.c.sale_id,
        history.c.state == UNDONE,
        # One that is found later is another one.
        history.c.at >= incident.c.at,
    )
    query = _HAPPENED.where(
        incident.c.kind == "duplicate receipt", ~undone, ~said_so, *_of(incident, machine)
    )
    if sale_id is not None:
        query = query.where(incident.c.sale_id == sale_id)
    return [Happened(*row) for row in await connection.execute(query.order_by(incident.c.id))]


async def has_sold(connection: AsyncConnection, machine: str) -> bool:
    """Whether any sale came from a machine of this name."""
    found = sa.select(sa.exists().where(sale.c.machine == machine))
    return bool(await connection.scalar(found))


async def incidents(
    connection: AsyncConnection, since_ms: int, *, machine: str | None = None, most: int
) -> Sequence[Happened]:
    """What else happened since then, newest first; `NOISE` after all the rest."""
    query = _HAPPENED.where(incident.c.at >= since_ms, *_of(incident, machine))
    noise = sa.case((incident.c.kind.in_(NOISE), 1), else_=0)
    first = query.order_by(noise, incident.c.id.desc()).limit(most)
    return [Happened(*row) for row in await connection.execute(first)]


_HAPPENED: Final = sa.select(
    incident.c.at, incident.c.kind, incident.c.machine, incident.c.sale_id, incident.c.detail
)


def _of(table: sa.Table, machine: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if machine is None else (table.c.machine == machine,)


def _overdue(before_ms: int) -> tuple[sa.ColumnElement[bool], ...]:
    # By the moment at which it left: a state that comes and goes would begin anew for ever.
    return receipt.c.state.in_(_SENT), attempt.c.first_sent_at <= before_ms


def _unplaced(row: sa.Row[Any]) -> Unplaced:
    told = decode(row.body.encode(), Sale)
    return Unplaced(
        sale_id=row.sale_id,
        machine=row.machine,
        item=told.item,
        amount=told.amount,
        cause=row.cause,
        reason=row.reason,
        since=row.received_at,
    )


def _unissued(row: sa.Row[Any]) -> Unissued:
    asked = msgspec.json.decode(row.request, type=Receipt)
    return Unissued(
        sale_id=row.sale_id,
        purpose=Purpose(row.purpose),
        key=key_of(row.sale_id, Purpose(row.purpose), row.attempt),
        machine=row.machine,
        register=row.register,
        name=asked.name,
        amount=asked.amount,
        cause=row.why,
        reason=row.error,
        since=row.since,
    )


def _an_overdue(row: sa.Row[Any]) -> Overdue:
    asked = msgspec.json.decode(row.request, type=Receipt)
    return Overdue(
        sale_id=row.sale_id,
        purpose=Purpose(row.purpose),
        machine=row.machine,
        register=row.register,
        name=asked.name,
        amount=asked.amount,
        state=State(row.state),
        error=row.error,
        since=row.since,
    )

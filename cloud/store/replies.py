"""Replies: what machines have still to be told of their sales' receipts.

A reply counts: each time that there is something new to tell, its `rev` grows. What that is follows
from the sale's receipts at the moment at which it is said.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscal import FiscalDocument
from cloud.fiscalization import OPEN, State
from cloud.fleet import OURS, Policies
from cloud.receipt import Purpose
from cloud.receipt import Receipt as Request
from cloud.retry import REPEAT_S
from cloud.store.dialect import Insert, insert, insert_on
from cloud.store.doubt import IN_DOUBT
from cloud.store.schema import machine, operator, presence, receipt, reply, sale, showing
from edge.wire import Fiscal, Receipt, Shown

MOST: Final = 500
_TOLD: Final = tuple(state.value for state in (State.ISSUED, State.ATTENTION, State.CLOSED))
"""Of a receipt in another state nothing is said."""
_SETTLES: Final = (Purpose.INCOME.value, Purpose.CORRECTION.value)
_OPEN: Final = tuple(state.value for state in OPEN)
_IS_UNTOLD: Final = reply.c.rev > reply.c.acked_rev


@dataclass(frozen=True, slots=True)
class Reply:
    """A sale's last revision, which is not on its machine's disk; `times` it was said."""

    machine: str
    token: str
    receipt: Receipt
    times: int
    linked: bool = True
    """Whether our own link goes along, by the policy of today."""


@cache
def _revised(dialect: str) -> Insert:
    new = insert_on(dialect, reply)
    return new.on_conflict_do_update(
        index_elements=[reply.c.sale_id],
        set_={"rev": reply.c.rev + 1, "tell_at": 0, "told_times": 0},
    )


async def revise(connection: AsyncConnection, sale_id: str, machine: str) -> None:
    """There is something new to tell the machine of this sale, now."""
    await revise_all(connection, [(sale_id, machine)])


async def revise_all(connection: AsyncConnection, pairs: Iterable[tuple[str, str]]) -> None:
    """The same of many, as (sale_id, machine)."""
    # In one order, so that no two wait for each other.
    rows = [
        {"sale_id": sale_id, "machine": machine, "rev": 1} for sale_id, machine in sorted(pairs)
    ]
    if rows:
        await connection.execute(_revised(connection.dialect.name), rows)


async def untold(connection: AsyncConnection, now_ms: int) -> Sequence[Reply]:
    """What is to be said now, longest overdue first."""
    # Nothing is put off for longer: the clock was set back since.
    far = now_ms + 1000 * max(REPEAT_S)
    rows = await _untold_when(connection, reply.c.tell_at <= now_ms)
    rows = rows or await _untold_when(connection, reply.c.tell_at > far)
    if not rows:
        return []
    ids = [row.sale_id for row in rows]
    known = defaultdict[str, list[sa.Row[Any]]](list)
    wanted = sa.select(receipt, IN_DOUBT.label("in_doubt")).where(receipt.c.sale_id.in_(ids))
    for row in await connection.execute(wanted):
        known[row.sale_id].append(row)
    return [
        Reply(
            machine=row.machine,
            token=row.token,
            receipt=_message(row.sale_id, row.rev, known[row.sale_id]),
            times=row.told_times,
            linked=_linked(row.its, row.owners),
        )
        for row in rows
        # On PostgreSQL another may have changed it since.
        if any(each.state in _TOLD for each in known[row.sale_id])
    ]


async def _untold_when(
    connection: AsyncConnection, when: sa.ColumnElement[bool]
) -> Sequence[sa.Row[Any]]:
    speaks = sa.exists().where(receipt.c.sale_id == reply.c.sale_id, receipt.c.state.in_(_TOLD))
    found = await connection.execute(
        sa.select(
            reply,
            sale.c.token,
            machine.c.policies.label("its"),
            operator.c.policies.label("owners"),
        )
        .join(sale, sale.c.sale_id == reply.c.sale_id)
        .outerjoin(machine, machine.c.id == reply.c.machine)
        .outerjoin(operator, operator.c.id == machine.c.operator)
        .where(_IS_UNTOLD, when, speaks)
        .order_by(reply.c.tell_at)
        .limit(MOST)
    )
    return found.all()


@lru_cache(1024)
def _linked(its: str | None, owners: str | None) -> bool:
    """By the policies of a machine and of its operator; there are few different ones."""
    said = [msgspec.json.decode(each or "{}", type=Policies) for each in (its, owners)]
    return said[0].over(said[1].over(OURS)).qr == "link_then_fiscal"


_SAID: Final = (
    sa.update(reply)
    .where(reply.c.sale_id == sa.bindparam("of"), reply.c.rev == sa.bindparam("at_rev"))
    .values(tell_at=sa.bindparam("again"), told_times=sa.bindparam("times"))
)


_FREE: Final = (
    sa.select(reply.c.sale_id)
    .where(reply.c.sale_id.in_(sa.bindparam("them", expanding=True)))
    .with_for_update(skip_locked=True)
)


async def said(connection: AsyncConnection, them: Iterable[tuple[str, int, int, int]]) -> None:
    """They were said, as (sale_id, rev, times, again_at_ms).

    `times` as the reply had it, before this one. Say it again then, unless the machine answers; of
    an older revision than the last it changes nothing. What another is changing at this moment it
    leaves alone: it is said once more, and no two wait for each other.
    """
    told = sorted(them)
    free = set(await connection.scalars(_FREE, {"them": [sale_id for sale_id, *_ in told]}))
    rows = [
        {"of": sale_id, "at_rev": rev, "times": times + 1, "again": again}
        for sale_id, rev, times, again in told
        if sale_id in free
    ]
    if rows:
        await connection.execute(_SAID, rows)


async def hurry(connection: AsyncConnection, machine: str) -> None:
    """The machine is back: what it was told while it was away may be lost."""
    ours = (reply.c.machine == machine, _IS_UNTOLD)
    # In the order in which others change several.
    them = sa.select(reply.c.sale_id).where(*ours).order_by(reply.c.sale_id).with_for_update()
    await connection.execute(
        sa.update(reply).where(reply.c.sale_id.in_(them), *ours).values(tell_at=0)
    )


_HEARD: Final = (
    sa.update(reply)
    .where(
        reply.c.machine == sa.bindparam("by"),
        reply.c.sale_id == sa.bindparam("of"),
        reply.c.acked_rev < sa.bindparam("heard", type_=sa.Integer),
        reply.c.rev >= sa.bindparam("heard", type_=sa.Integer),
    )
    .values(acked_rev=sa.bindparam("heard", type_=sa.Integer))
)


async def told(connection: AsyncConnection, machine: str, sale_id: str, rev: int) -> None:
    """A machine has this revision; a machine speaks for its own sales alone."""
    await told_all(connection, [(machine, sale_id, rev)])


async def told_all(connection: AsyncConnection, them: Iterable[tuple[str, str, int]]) -> None:
    """The same of many, as (machine, sale_id, rev)."""
    rows = [
        {"by": machine, "of": sale_id, "heard": rev}
        for machine, sale_id, rev in sorted(them, key=lambda each: each[1:])
    ]
    if rows:
        await connection.execute(_HEARD, rows)


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
    await connection.execute(insert(connection, showing).values(row).on_conflict_do_nothing())


async def note_presence(
    connection: AsyncConnection, machine: str, now_ms: int, *, online: bool
) -> None:
    """A machine's birth or death."""
    row = insert(connection, presence).values(machine=machine, online=online, at=now_ms)
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[presence.c.machine], set_={"online": online, "at": now_ms}
        )
    )


def document_of(row: sa.Row[Any]) -> FiscalDocument:
    """The document of an issued receipt's row."""
    return FiscalDocument(
        fn=row.fn,
        fd=row.fd,
        fp=row.fp,
        at=row.registered_at,
        total=row.total,
        sign=Purpose(row.purpose).sign,
        rnm=row.rnm or "",
        ofd_inn=row.ofd_inn or "",
    )


def _message(sale_id: str, rev: int, receipts: Sequence[sa.Row[Any]]) -> Receipt:
    """What a sale's receipts come to, for its buyer: refused if none will be without a person."""
    issued = {Purpose(row.purpose): row for row in receipts if row.state == State.ISSUED.value}
    returned = issued.get(Purpose.INCOME_RETURN)
    if returned is not None and not msgspec.json.decode(returned.request, type=Request).duplicate:
        return Receipt(sale_id=sale_id, rev=rev, status="returned")
    row = issued.get(Purpose.INCOME) or issued.get(Purpose.CORRECTION)
    if row is None:
        still = any(
            each.purpose in _SETTLES and (each.in_doubt or each.state in _OPEN) for each in receipts
        )
        return Receipt(sale_id=sale_id, rev=rev, status="pending" if still else "refused")
    document = document_of(row)
    fiscal = Fiscal(
        fn=document.fn, fd=document.fd, fp=document.fp, at=document.at, total=document.total
    )
    return Receipt(sale_id=sale_id, rev=rev, status="issued", qr=document.qr, fiscal=fiscal)

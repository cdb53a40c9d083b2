"""Placing: sales that need a hand go on once somebody has said what was missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.fiscal import FiscalDocument
from cloud.fiscalization import State
from cloud.fleet import Answers
from cloud.intake import Attention, Cause, Disposition, Placed
from cloud.receipt import Purpose, Receipt
from cloud.store import history, receipts, streams
from cloud.store.dialect import insert
from cloud.store.history import Change
from cloud.store.receipts import Asked
from cloud.store.replies import document_of
from cloud.store.sales import columns_of
from cloud.store.schema import answer, receipt, sale
from edge.wire import Sale, decode


@dataclass(frozen=True, slots=True)
class Stuck:
    """A sale that could not be placed, and what was said of it since."""

    machine: str
    sale: Sale
    received_at: int
    cause: str
    reason: str
    answers: Answers
    operator: str | None = None
    """Whose the machine was when it came, if that was known."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A sale's receipt of income, or the correction that stands for it, with its document."""

    receipt: Receipt
    machine: str
    register: str
    document: FiscalDocument


_ANSWERS: Final = sa.select(answer.c.sale_id, answer.c.body)
_STUCK: Final = (
    sa.select(sale)
    .where(sale.c.disposition == "attention")
    .order_by(sale.c.sale_id)
    .with_for_update()
)


async def stuck(
    connection: AsyncConnection, cause: Cause | None = None, *, past: str = "", most: int
) -> Sequence[Stuck]:
    """Sales that need a hand, for this cause or for any, in the order of their ids from `past` on."""
    query = _STUCK.where(sale.c.sale_id > past)
    if cause is not None:
        query = query.where(sale.c.cause == cause.value)
    return await _stuck(connection, query.limit(most))


async def the_stuck(connection: AsyncConnection, sale_id: str) -> Stuck | None:
    """A sale that needs a hand; None if it does not."""
    found = await _stuck(connection, _STUCK.where(sale.c.sale_id == sale_id))
    return found[0] if found else None


async def _stuck(connection: AsyncConnection, query: sa.Select[Any]) -> list[Stuck]:
    """With what was said of them, read once they are ours: who had one before may have answered."""
    rows = (await connection.execute(query)).all()
    said = await connection.execute(
        _ANSWERS.where(answer.c.sale_id.in_([row.sale_id for row in rows]))
    )
    bodies = {row.sale_id: row.body for row in said}
    return [
        Stuck(
            machine=row.machine,
            sale=decode(row.body.encode(), Sale),
            received_at=row.received_at,
            cause=row.cause,
            reason=row.reason,
            answers=_answers(bodies.get(row.sale_id)),
            operator=row.operator,
        )
        for row in rows
    ]


async def answers(connection: AsyncConnection, sale_id: str) -> Answers:
    """What people have said of a sale."""
    return _answers(
        await connection.scalar(sa.select(answer.c.body).where(answer.c.sale_id == sale_id))
    )


async def say(connection: AsyncConnection, sale_id: str, said: Answers) -> Answers:
    """Keep what a person says of a sale, beside what was said before; all of it, then."""
    before = await answers(connection, sale_id)
    told = msgspec.json.decode(msgspec.json.encode(said), type=dict[str, Any])
    joined = msgspec.structs.replace(before, **told)
    body = msgspec.json.encode(joined).decode()
    row = insert(connection, answer).values(sale_id=sale_id, body=body)
    await connection.execute(
        row.on_conflict_do_update(index_elements=[answer.c.sale_id], set_={"body": body})
    )
    return joined


async def place_again(
    connection: AsyncConnection, each: Stuck, placed: Disposition, who: str, now_ms: int
) -> None:
    """Write down where a stuck sale goes now; if it is stuck for another reason, that one."""
    columns = columns_of(placed)
    if isinstance(placed, Attention) and placed.reason == each.reason:
        return
    await connection.execute(
        sa.update(sale).where(sale.c.sale_id == each.sale.sale_id).values(**columns)
    )
    if isinstance(placed, Placed):
        asked = Asked(placed.receipt, each.machine, placed.register, each.received_at)
        await receipts.ask(connection, [asked], who, now_ms)
    change = (each.sale.sale_id, None, columns["disposition"], columns["reason"])
    await history.add(connection, [Change(now_ms, who, *change)])


async def issued(connection: AsyncConnection, sale_id: str) -> Issued | None:
    """What settled a sale; None if nothing has, or it was returned."""
    rows = (await connection.execute(_of_sale(sale_id))).all()
    if any(row.purpose == Purpose.INCOME_RETURN.value for row in rows):
        return None
    found = [row for row in rows if row.state == State.ISSUED.value]
    return _issued(found[0]) if found else None


async def sold_before(connection: AsyncConnection, back: Sale) -> Issued | None:
    """The sale that came back: the machine's last one of that slot and price, if it was settled.

    A machine says that goods came back, and not which sale it was: the last one of the same slot
    before it in its sequence, of the same amount if it tells one. Where a place between them is not
    here yet, that may be the one.
    """
    if back.item is None:
        return None
    query = (
        sa.select(sale.c.sale_id, sale.c.body)
        .where(
            sale.c.machine == back.machine,
            sale.c.epoch == back.epoch,
            sale.c.seq < back.seq,
            sale.c.seq >= back.seq - _NEAR,
        )
        .order_by(sale.c.seq.desc(), sale.c.sale_id.desc())
    )
    for row in await connection.execute(query):
        told = decode(row.body.encode(), Sale)
        if told.kind != "paid" or told.item != back.item:
            continue
        if back.amount not in {None, told.amount}:
            continue
        if not await _all_here(connection, back, told.seq):
            return None
        return await issued(connection, row.sale_id)
    return None


async def _all_here(connection: AsyncConnection, back: Sale, seq: int) -> bool:
    """Whether every place from there to the return is stored, or answered for."""
    runs = await streams.runs_up_to(connection, back.machine, back.epoch, seq)
    return bool(runs) and runs[-1][1] >= back.seq


_NEAR: Final = 50
"""Goods come back soon, or by a person's hand."""


def _of_sale(sale_id: str) -> sa.Select[Any]:
    return sa.select(receipt).where(receipt.c.sale_id == sale_id).with_for_update()


def _issued(row: sa.Row[Any]) -> Issued:
    return Issued(
        receipt=msgspec.json.decode(row.request, type=Receipt),
        machine=row.machine,
        register=row.register,
        document=document_of(row),
    )


def _answers(body: str | None) -> Answers:
    return msgspec.json.decode(body, type=Answers) if body else Answers()

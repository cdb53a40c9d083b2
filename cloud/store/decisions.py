"""Decisions: what a person settles about a receipt. Each is refused where it could make two."""

from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument
from cloud.fiscalization import State
from cloud.keys import key_of
from cloud.outcome import Done
from cloud.receipt import Purpose, Receipt
from cloud.store import history, receipts, replies
from cloud.store.history import Change
from cloud.store.receipts import AT_ONCE, Told, key_in_use
from cloud.store.schema import attempt, receipt, sale

_BY_HAND: Final = (State.ATTENTION.value, State.WAITING.value)


async def requeue(
    connection: AsyncConnection,
    sale_id: str,
    purpose: Purpose,
    who: str,
    now_ms: int,
    *,
    request: Receipt | None = None,
    register: str | None = None,
) -> str:
    """Let a receipt be sent anew; the key it goes under.

    Its next attempt may say something else (`request`) or go elsewhere (`register`): only what
    surely was not, and will not be, recorded may.

    Raises:
        DecisionError: no such receipt, or an attempt may have been recorded: it has to be resolved
            first.
    """
    row = await _row(connection, sale_id, purpose)
    if row.state not in _BY_HAND:
        raise DecisionError(f"{sale_id}: the receipt is {row.state}, and goes its way by itself")
    used = await _attempt(connection, row)
    number = row.attempt
    if used is not None:
        if used.first_sent_at is not None:
            raise DecisionError(
                f"{sale_id}: {used.key} was sent, and what became of it is not known. Look for it in"
                f" the provider's cabinet, then: python -m cloud resolve {used.key} --not-issued, or"
                " --issued with the text of its QR code"
            )
        if request is not None or register is not None:
            # It never left: its key is given up, not its receipt.
            await connection.execute(
                sa.update(attempt)
                .where(attempt.c.key == used.key)
                .values(verdict="withdrawn", ended_at=now_ms)
            )
            number += 1
    changed: dict[str, Any] = {
        "state": State.WAITING.value,
        "attempt": number,
        "tries": 0,
        "next_at": AT_ONCE,
        "error": None,
    }
    if request is not None:
        await receipts.remember(connection, sale_id, purpose, row.request)
        changed["request"] = msgspec.json.encode(request).decode()
    if register is not None:
        changed["register"] = register
    await connection.execute(sa.update(receipt).where(*_place(row)).values(**changed))
    told = "requeued" + (f" to {register}" if register else "") + (" anew" if request else "")
    await _write(connection, row, State.WAITING.value, told, who, now_ms)
    return key_of(sale_id, purpose, number)


async def not_issued(  # noqa: PLR0917, a decision says all it says
    connection: AsyncConnection,
    sale_id: str,
    purpose: Purpose,
    who: str,
    now_ms: int,
    looked_for: str | None = None,
) -> None:
    """A person has looked, and the provider did not record it: its key is dead.

    `looked_for` is the key that was looked for; none said is the one that is in doubt.

    Raises:
        DecisionError: no such receipt, or nothing of it is in doubt, or another key is.
    """
    row = await _row(connection, sale_id, purpose)
    used = await _attempt(connection, row)
    if row.state != State.ATTENTION.value or used is None or used.first_sent_at is None:
        raise DecisionError(f"{sale_id}: nothing is in doubt, the receipt is {row.state}")
    if looked_for not in {None, used.key}:
        raise DecisionError(
            f"{sale_id}: what is in doubt is {used.key}, and not {looked_for}: look for that one in"
            " the provider's cabinet; if it is not there: python -m cloud resolve"
            f" {used.key} --not-issued"
        )
    await connection.execute(
        sa.update(attempt)
        .where(attempt.c.key == used.key)
        .values(verdict="dead", reason=f"not recorded, says {who}", ended_at=now_ms)
    )
    said = f"{used.key} was not recorded; python -m cloud requeue {sale_id} sends it anew"
    await connection.execute(
        sa.update(receipt).where(*_place(row)).values(attempt=row.attempt + 1, error=said)
    )
    # Until now its machine could not be told that there is no receipt.
    await replies.revise_all(connection, [(sale_id, row.machine)])
    await _write(connection, row, row.state, said, who, now_ms)


async def found(  # noqa: PLR0917, a decision says all it says
    connection: AsyncConnection,
    sale_id: str,
    purpose: Purpose,
    document: FiscalDocument,
    who: str,
    now_ms: int,
) -> State:
    """A person has found its document; the state then.

    Raises:
        DecisionError: no such receipt, or it was never sent.
    """
    row = await _row(connection, sale_id, purpose)
    ours = (attempt.c.sale_id == row.sale_id, attempt.c.purpose == row.purpose)
    query = sa.select(attempt.c.key, attempt.c.register).where(
        *ours, attempt.c.verdict.is_distinct_from("withdrawn")
    )
    # What left last, or what we took for unsent.
    order = (attempt.c.first_sent_at.is_(None), attempt.c.number.desc())
    sent = (await connection.execute(query.order_by(*order))).first()
    if sent is None:
        raise DecisionError(f"{sale_id}: nothing was sent for it, so no document can be its own")
    told = Told(sent.key, Done(document), sent.register)
    return (await receipts.record(connection, [told], who, now_ms))[sent.key]


async def close(  # noqa: PLR0917, a decision says all it says
    connection: AsyncConnection, sale_id: str, purpose: Purpose, reason: str, who: str, now_ms: int
) -> None:
    """There will be no such receipt, for this reason.

    Raises:
        DecisionError: no such receipt, or it has a document, or may have one.
    """
    row = await _row(connection, sale_id, purpose)
    if row.state not in _BY_HAND:
        raise DecisionError(f"{sale_id}: the receipt is {row.state}; it cannot be closed")
    used = await _attempt(connection, row)
    if used is not None and used.first_sent_at is not None:
        raise DecisionError(
            f"{sale_id}: {used.key} was sent, and what became of it is not known: first"
            f" python -m cloud resolve {used.key} --not-issued"
        )
    if used is not None:
        await connection.execute(
            sa.update(attempt)
            .where(attempt.c.key == used.key)
            .values(verdict="withdrawn", ended_at=now_ms)
        )
    await connection.execute(
        sa.update(receipt).where(*_place(row)).values(state=State.CLOSED.value, error=reason)
    )
    await replies.revise_all(connection, [(sale_id, row.machine)])
    await _write(connection, row, State.CLOSED.value, reason, who, now_ms)


async def skip(
    connection: AsyncConnection, sale_id: str, reason: str, who: str, now_ms: int
) -> None:
    """A sale that needs a hand gets no receipt, for this reason.

    Raises:
        DecisionError: it needs none, or there is no such sale.
    """
    changed = await connection.execute(
        sa.update(sale)
        .where(sale.c.sale_id == sale_id, sale.c.disposition == "attention")
        .values(disposition="skipped", cause="by_hand", reason=reason)
    )
    if changed.rowcount == 0:
        raise DecisionError(f"{sale_id}: no sale of this id needs a hand")
    await history.add(connection, [Change(now_ms, who, sale_id, None, "skipped", reason)])


def _place(row: sa.Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    return receipt.c.sale_id == row.sale_id, receipt.c.purpose == row.purpose


async def _row(connection: AsyncConnection, sale_id: str, purpose: Purpose) -> sa.Row[Any]:
    where = (receipt.c.sale_id == sale_id, receipt.c.purpose == purpose.value)
    row = (await connection.execute(sa.select(receipt).where(*where).with_for_update())).first()
    if row is None:
        raise DecisionError(f"{sale_id}: it has no receipt of {purpose.value}")
    return row


async def _attempt(connection: AsyncConnection, row: sa.Row[Any]) -> sa.Row[Any] | None:
    """The attempt that is not ended, if there is one."""
    query = sa.select(attempt).where(attempt.c.key == key_in_use(row), attempt.c.verdict.is_(None))
    return (await connection.execute(query)).first()


async def _write(  # noqa: PLR0917, a change has as many columns as it has
    connection: AsyncConnection,
    row: sa.Row[Any],
    state: str,
    said: str,
    who: str,
    now_ms: int,
) -> None:
    change = Change(now_ms, who, row.sale_id, row.purpose, state, said)
    await history.add(connection, [change])

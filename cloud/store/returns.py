"""Returns and corrections: receipts that follow another, and say what it said."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.intake import Attention, Cause, Disposition, ReturnOf, Skipped, return_of
from cloud.store import history, placing, receipts
from cloud.store.history import Change
from cloud.store.placing import Issued
from cloud.store.receipts import AT_ONCE, Asked
from cloud.store.schema import attempt, receipt
from edge.wire import Sale


async def settle(  # noqa: PLR0917, what came back, when, and who says so
    connection: AsyncConnection,
    back: Sale,
    placed: Disposition,
    when: str,
    who: str,
    now_ms: int,
) -> Disposition:
    """Goods came back: ask for the return of their receipt, if it can be told which it was.

    `placed` is what intake says; it comes back as it is where there is nothing to return yet.
    `when` is the local time of the machine.
    """
    if isinstance(placed, ReturnOf):
        found = await placing.issued(connection, placed.sale_id)
        if found is None:
            said = f"sale {placed.sale_id} has no receipt that could be returned"
            return Attention(Cause.RETURN, said)
    elif isinstance(placed, Attention) and placed.cause is Cause.RETURN:
        found = await placing.sold_before(connection, back)
        if found is None:
            return placed
    else:
        return placed
    sale_id = found.receipt.sale_id
    try:
        await ask(connection, found, when, who, now_ms)
    except DecisionError as error:
        return Attention(Cause.RETURN, str(error))
    return Skipped(Cause.RETURN, f"goods came back: the receipt of {sale_id} is returned")


async def ask(
    connection: AsyncConnection, found: Issued, sold_at: str, who: str, now_ms: int
) -> None:
    """Ask for the return of a sale's receipt, whole, at the register that issued it.

    `sold_at` is when it came back, local time of the machine. VAT and payment stay as they were.

    Raises:
        DecisionError: it has been asked for already.
    """
    back = return_of(found.receipt, found.document, sold_at)
    await put(connection, Asked(back, found.machine, found.register, now_ms), who, now_ms)


async def put(connection: AsyncConnection, asked: Asked, who: str, now_ms: int) -> None:
    """Put a sale's one return into its lane; one that a person closed begins again.

    Raises:
        DecisionError: it has been asked for already.
    """
    sale_id = asked.receipt.sale_id
    its = (receipt.c.sale_id == sale_id, receipt.c.purpose == asked.receipt.purpose.value)
    query = sa.select(receipt).where(*its).with_for_update()
    before = (await connection.execute(query)).first()
    if before is None:
        await receipts.ask(connection, [asked], who, now_ms)
    elif before.state == State.CLOSED.value:
        await receipts.remember(connection, sale_id, asked.receipt.purpose, before.request)
        await _reopen(connection, asked, before.attempt, who, now_ms)
    else:
        issued = before.state == State.ISSUED.value
        said = "returned already" if issued else f"being returned: {before.state}"
        raise DecisionError(f"{sale_id}: it is {said}")


async def _reopen(
    connection: AsyncConnection, asked: Asked, number: int, who: str, now_ms: int
) -> None:
    """A return that was closed is asked for again, under a key that no attempt had."""
    place = (asked.receipt.sale_id, asked.receipt.purpose.value)
    used = sa.select(sa.func.max(attempt.c.number)).where(
        attempt.c.sale_id == place[0], attempt.c.purpose == place[1]
    )
    last = await connection.scalar(used)
    await connection.execute(
        sa.update(receipt)
        .where(receipt.c.sale_id == place[0], receipt.c.purpose == place[1])
        .values(
            register=asked.register,
            request=msgspec.json.encode(asked.receipt).decode(),
            state=State.WAITING.value,
            attempt=number if last is None else max(number, last + 1),
            tries=0,
            born_at=asked.born_at,
            next_at=AT_ONCE,
            error=None,
        )
    )
    said = f"it was closed, and is asked for again; it waits for register {asked.register}"
    await history.add(connection, [Change(now_ms, who, *place, State.WAITING.value, said)])

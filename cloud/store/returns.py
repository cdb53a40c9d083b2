"""Returns and corrections: receipts that follow another, and say what it said."""

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.intake import Attention, Cause, Disposition, ReturnOf, Skipped, return_of
from cloud.receipt import Purpose
from cloud.store import claims, placing, receipts
from cloud.store.placing import Issued
from cloud.store.receipts import Asked
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
    known = await claims.purposes(connection, found.receipt.sale_id)
    before = known.get(Purpose.INCOME_RETURN)
    if before is not None:
        said = "returned already" if before is State.ISSUED else f"being returned: {before.value}"
        raise DecisionError(f"{found.receipt.sale_id}: it is {said}")
    back = return_of(found.receipt, found.document, sold_at)
    asked = Asked(back, found.machine, found.register, now_ms)
    await receipts.ask(connection, [asked], who, now_ms)

"""Returns and corrections: receipts that follow another, and say what it said."""

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.intake import Attention, Cause, Disposition, ReturnOf, Skipped, return_of
from cloud.receipt import Purpose
from cloud.store import claims, placing, receipts
from cloud.store.placing import Issued
from edge.wire import Sale


async def settle(
    connection: AsyncConnection, back: Sale, placed: Disposition, who: str, now_ms: int
) -> Disposition:
    """Goods came back: ask for the return of their receipt, if it can be told which it was.

    `placed` is what intake says; it comes back as it is where there is nothing to return yet.
    """
    if isinstance(placed, ReturnOf):
        found = await placing.issued(connection, placed.sale_id)
        wanted, sold_at = placed.sale_id, placed.sold_at
    elif isinstance(placed, Attention) and placed.cause is Cause.RETURN:
        found = await placing.sold_before(connection, back)
        wanted, sold_at = found.receipt.sale_id if found else "", ""
    else:
        return placed
    if found is None:
        said = f"sale {wanted} has no receipt that could be returned" if wanted else ""
        return Attention(Cause.RETURN, said) if said else placed
    await ask(connection, found, sold_at or found.receipt.sold_at, who, now_ms)
    return Skipped(Cause.RETURN, f"goods came back: the receipt of {wanted} is returned")


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
    await receipts.ask(connection, [(back, found.register, now_ms)], who, now_ms)

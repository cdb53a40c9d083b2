"""Resolving: what a person has found out about a receipt, or has decided of it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import ItsReceipt, Known, the_receipt
from cloud.desk.settled import By, Settled
from cloud.desk.words import COMMAND, roubles
from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument, read_qr
from cloud.fiscalization import State
from cloud.receipt import Purpose
from cloud.store import decisions

SIGNS = {1: "income", 2: "a return of income"}


async def issued(
    connection: AsyncConnection,
    it: Known,
    qr: str,
    by: By,
    *,
    purpose: Purpose | None = None,
    other_sum: bool = False,
) -> Settled:
    """A person has its document; `other_sum` says that it is its own though the sum differs.

    Raises:
        DecisionError: the text is none of a fiscal QR code, or the document cannot be this
            receipt's.
    """
    document = read_qr(qr.strip())
    if document is None:
        raise DecisionError(
            f"{qr!r} is no text of a fiscal QR code; expected"
            " t=20261125T1542&s=120.00&fn=9999078900000000&i=12345&fp=1234567890&n=1"
        )
    asked = the_receipt(it, purpose)
    _check(it, asked, document, other_sum=other_sum)
    if asked.state is State.ISSUED:
        return await _second(connection, it, asked, document, by)
    state = await decisions.found(connection, it.sale_id, asked.purpose, document, by.who, by.at)
    if state is not State.ISSUED:
        raise DecisionError(f"{it.sale_id}: {document.qr} is the document of another sale")
    return Settled(
        sale_id=it.sale_id,
        purpose=asked.purpose.value,
        state=state.value,
        told=f"its document is {document.qr}",
    )


def _check(it: Known, asked: ItsReceipt, document: FiscalDocument, *, other_sum: bool) -> None:
    if document.sign != asked.purpose.sign:
        raise DecisionError(
            f"{it.sale_id}: {document.qr} is {SIGNS[document.sign]} (n={document.sign}), the receipt"
            f" is {SIGNS[asked.purpose.sign]}: is it --purpose"
            f" {'income_return' if document.sign == Purpose.INCOME_RETURN.sign else 'income'}?"
        )
    if document.total != asked.request.amount and not other_sum:
        raise DecisionError(
            f"{it.sale_id}: the receipt is of {roubles(asked.request.amount)}, that document of"
            f" {roubles(document.total)}; if it is its document all the same, add --other-sum"
        )


async def _second(
    connection: AsyncConnection,
    it: Known,
    asked: ItsReceipt,
    document: FiscalDocument,
    by: By,
) -> Settled:
    """Of an issued receipt: the same document is no news, another one is a second receipt."""
    has = asked.document
    told = f"it is issued already, as {has.qr if has else ''}"
    if has is not None and (has.fn, has.fd) != (document.fn, document.fd):
        await decisions.found(connection, it.sale_id, asked.purpose, document, by.who, by.at)
        told = (
            f"a second document of it is written down; the first is {has.qr}. Undo it:"
            f" {COMMAND}return {it.sale_id} --duplicate"
        )
    return Settled(
        sale_id=it.sale_id, purpose=asked.purpose.value, state=asked.state.value, told=told
    )


async def not_issued(
    connection: AsyncConnection, it: Known, by: By, *, purpose: Purpose | None = None
) -> Settled:
    """A person has looked: the provider did not record it.

    Raises:
        DecisionError: nothing of it is in doubt.
    """
    asked = the_receipt(it, purpose)
    await decisions.not_issued(connection, it.sale_id, asked.purpose, by.who, by.at)
    return Settled(
        sale_id=it.sale_id,
        purpose=asked.purpose.value,
        state=State.ATTENTION.value,
        told=f"its key is dead; send it anew: {COMMAND}requeue {it.sale_id}",
    )


async def skip(
    connection: AsyncConnection,
    it: Known,
    reason: str,
    by: By,
    *,
    purpose: Purpose | None = None,
) -> Settled:
    """There will be no receipt, for this reason.

    Raises:
        DecisionError: no reason is given, or there is a document, or may be one.
    """
    reason = reason.strip()
    if not reason:
        raise DecisionError("--skip: why? The reason is kept, and is what an inspector reads")
    if it.disposition != "receipt":
        await decisions.skip(connection, it.sale_id, reason, by.who, by.at)
        return Settled(sale_id=it.sale_id, state="skipped", told=f"no receipt: {reason}")
    asked = the_receipt(it, purpose)
    await decisions.close(connection, it.sale_id, asked.purpose, reason, by.who, by.at)
    return Settled(
        sale_id=it.sale_id,
        purpose=asked.purpose.value,
        state=State.CLOSED.value,
        told=f"no receipt: {reason}",
    )

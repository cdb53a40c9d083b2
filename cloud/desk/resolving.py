"""Resolving: what a person has found out about a receipt, or has decided of it."""

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import ItsReceipt, Known, the_receipt
from cloud.desk.settled import By, Settled
from cloud.desk.words import COMMAND, roubles
from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument, read_qr
from cloud.fiscalization import State
from cloud.keys import key_of
from cloud.receipt import Purpose
from cloud.sale_day import sale_day, zone_of
from cloud.store import attention, decisions, history
from cloud.store.day import UNKNOWN_ZONE
from cloud.store.history import Change
from cloud.store.recording import SETTLES
from cloud.store.schema import attempt, receipt
from cloud.store.sites import Sites

SIGNS = {1: "income", 2: "a return of income"}


async def issued(
    connection: AsyncConnection,
    sites: Sites,
    it: Known,
    qr: str,
    by: By,
    *,
    purpose: Purpose | None = None,
    other_sum: bool = False,
    second: bool = False,
    insist: bool = False,
) -> Settled:
    """A person has its document.

    `other_sum` says that it is its own though the sum differs, `insist` that it is though its day
    or its drive speak against it, `second` that it was recorded beside the one on record.

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
    first = _on_record(it, asked)
    if first is not None and (first.fn, first.fd) == (document.fn, document.fd):
        return _settled(it, asked, f"it is issued already, as {first.qr}")
    if first is not None and not second:
        raise DecisionError(
            f"{it.sale_id}: it is issued already, as {first.qr}; if {document.qr} was recorded"
            " beside it, add --second"
        )
    if not insist:
        await _doubt(connection, sites, it, asked, document)
    if first is not None:
        return await _second(connection, it, asked, (first, document), by)
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


def _on_record(it: Known, asked: ItsReceipt) -> FiscalDocument | None:
    """What is issued already: the receipt itself, or of a closed one what settles its sale."""
    if asked.document is not None or asked.purpose.value not in SETTLES:
        return asked.document
    those = (each for each in it.receipts if each.purpose.value in SETTLES)
    return next((each.document for each in those if each.document is not None), None)


async def _doubt(
    connection: AsyncConnection,
    sites: Sites,
    it: Known,
    asked: ItsReceipt,
    document: FiscalDocument,
) -> None:
    """Refuse a document that is older than the sale, or of a drive that others record on."""
    insisting = "if it is its document all the same, add --insist"
    site = await sites.of(connection, it.machine)
    zone = (zone_of(site.machine.timezone) if site else None) or UNKNOWN_ZONE
    sold = sale_day(it.told, zone, datetime.fromtimestamp(it.received_at / 1000, UTC))
    # A day is left for clocks and zones that differ.
    if date.fromisoformat(document.at[:8]) < sold - timedelta(days=1):
        raise DecisionError(
            f"{it.sale_id}: it was sold on {sold}, {document.qr} was recorded before; {insisting}"
        )
    drive = sa.select(receipt.c.register).where(receipt.c.fn == document.fn).distinct()
    theirs = set((await connection.scalars(drive)).all())
    tried = sa.select(attempt.c.register).where(
        attempt.c.sale_id == it.sale_id, attempt.c.purpose == asked.purpose.value
    )
    ours = {asked.register, *(await connection.scalars(tried)).all()}
    if theirs and not theirs & ours:
        raise DecisionError(
            f"{it.sale_id}: it was sent to register {', '.join(sorted(ours))}, and the drive"
            f" {document.fn} is that of {', '.join(sorted(theirs))}; {insisting}"
        )


async def _second(
    connection: AsyncConnection,
    it: Known,
    asked: ItsReceipt,
    documents: tuple[FiscalDocument, FiscalDocument],
    by: By,
) -> Settled:
    """Write down the second of two documents of one sale."""
    first, second = documents
    whose = sa.select(receipt.c.sale_id).where(receipt.c.fn == second.fn, receipt.c.fd == second.fd)
    if await connection.scalar(whose) is not None:
        raise DecisionError(f"{it.sale_id}: {second.qr} is the document of another receipt")
    await decisions.found(connection, it.sale_id, asked.purpose, second, by.who, by.at)
    return _settled(
        it,
        asked,
        f"a second document of it is written down; the first is {first.qr}. Undo it:"
        f" {COMMAND}{attention.UNDO.format(it.sale_id)}",
    )


def _settled(it: Known, asked: ItsReceipt, told: str) -> Settled:
    return Settled(
        sale_id=it.sale_id, purpose=asked.purpose.value, state=asked.state.value, told=told
    )


async def undone(connection: AsyncConnection, it: Known, reason: str, by: By) -> Settled:
    """The second document needs no hand any more: undone elsewhere, or never there.

    Raises:
        DecisionError: no reason is given, or no second document is left to undo.
    """
    reason = reason.strip()
    if not reason:
        raise DecisionError("--undone: how? The reason is kept, and is what an inspector reads")
    if not await attention.duplicates(connection, sale_id=it.sale_id):
        raise DecisionError(f"{it.sale_id}: no second document of it is left to undo")
    await history.add(
        connection, [Change(by.at, by.who, it.sale_id, None, attention.UNDONE, reason)]
    )
    return Settled(
        sale_id=it.sale_id,
        state=it.disposition,
        told=f"its second document needs no hand any more: {reason}",
    )


async def not_issued(
    connection: AsyncConnection,
    it: Known,
    by: By,
    *,
    purpose: Purpose | None = None,
    looked_for: str | None = None,
) -> Settled:
    """A person has looked: the provider did not record it.

    `looked_for` is the key that was looked for; it need not be said of a receipt's first.

    Raises:
        DecisionError: nothing of it is in doubt, another key is, or it is still asked for.
    """
    asked = the_receipt(it, purpose)
    if asked.state is State.UNKNOWN:
        raise DecisionError(
            f"{it.sale_id}: it is still asked for; look in the provider's cabinet. If its document"
            f" is there: {COMMAND}resolve {it.sale_id} --issued QR_TEXT. If not: once it stands in"
            " attention, say --not-issued again"
        )
    # A sale's name alone is its receipt's first key. What was found out about one that is past, by
    # who had an old page or list before them, must not end the one that followed it.
    looked_for = looked_for or key_of(it.sale_id, asked.purpose, 0)
    await decisions.not_issued(
        connection, it.sale_id, asked.purpose, by.who, by.at, looked_for=looked_for
    )
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

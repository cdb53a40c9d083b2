"""Returning: the return of a sale's receipt, whole; or of a second document of it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import ItsReceipt, Known
from cloud.desk.settled import By, Settled
from cloud.desk.words import COMMAND, roubles
from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument, read_qr
from cloud.fiscalization import State
from cloud.intake import return_of
from cloud.receipt import Purpose, Receipt
from cloud.sale_day import local_text, zone_of
from cloud.store import returns
from cloud.store.placing import Issued
from cloud.store.receipts import Asked
from cloud.store.schema import incident
from cloud.store.sites import Sites

DUPLICATE: Final = "duplicate receipt"
"""The kind of incident that a second document of one sale is."""
_SECOND: Final = re.compile(r"second document (\S+);")


async def send_back(
    connection: AsyncConnection,
    sites: Sites,
    it: Known,
    by: By,
    *,
    duplicate: bool = False,
) -> Settled:
    """Ask for the return of what was issued for a sale; with `duplicate`, of what was too much.

    A duplicate's return leaves the sale settled, and its machine is told nothing. A return that was
    closed is asked for again.

    Raises:
        DecisionError: nothing is issued, it is returned already, or no second document is known.
    """
    found = _to_return(it)
    if found is None:
        raise DecisionError(f"{it.sale_id}: {_nothing_to_return(it, duplicate=duplicate)}")
    when = await _here(connection, sites, it, found.receipt, by.at)
    if duplicate:
        document = await _second(connection, it.sale_id)
        back = _undone(found, document, when)
        asked = Asked(back, found.machine, found.register, by.at)
        await returns.put(connection, asked, by.who, by.at)
    else:
        document = found.document
        await returns.ask(connection, found, when, by.who, by.at)
    return Settled(
        sale_id=it.sale_id,
        purpose=Purpose.INCOME_RETURN.value,
        state=State.WAITING.value,
        told=(
            f"the return of {found.receipt.name}, {roubles(document.total)}, waits for register"
            f" {found.register}; it undoes {document.qr}"
        ),
    )


def _to_return(it: Known) -> Issued | None:
    """What settled the sale; None if nothing has, or its return was asked for and stands."""
    back = it.of(Purpose.INCOME_RETURN)
    if back is not None and back.state is not State.CLOSED:
        return None
    for purpose in (Purpose.INCOME, Purpose.CORRECTION):
        asked = it.of(purpose)
        if asked is not None and asked.document is not None:
            return Issued(asked.request, it.machine, asked.register, asked.document)
    return None


def _nothing_to_return(it: Known, *, duplicate: bool) -> str:
    """Why, and what to do instead."""
    back = it.of(Purpose.INCOME_RETURN)
    if back is not None and back.state is not State.CLOSED:
        return _returned(it, back, duplicate=duplicate)
    if not it.receipts:
        return f"it has no receipt that could be returned: {it.reason or it.disposition}"
    asked = it.of(Purpose.CORRECTION) or it.receipts[0]
    if asked.state in {State.ATTENTION, State.CLOSED}:
        return f"its receipt is not issued, there is nothing to return: {asked.error}"
    return f"its receipt is {asked.state.value}; wait until it is issued, then return it"


def _returned(it: Known, back: ItsReceipt, *, duplicate: bool) -> str:
    """A sale has one return here. Whatever else there is to undo is undone at the provider."""
    if back.request.duplicate == duplicate:
        said = {State.ISSUED: f"it is returned: {back.document.qr if back.document else ''}"}
        return said.get(back.state, f"its return is {back.state.value}: {back.error or 'wait'}")
    undid, other = "a second document of it", "the sale's own receipt"
    if duplicate:
        undid, other = "the sale itself", "the second document"
    asked = it.of(Purpose.CORRECTION) or it.of(Purpose.INCOME)
    qr = "" if duplicate or asked is None or asked.document is None else f", {asked.document.qr}"
    then = f"; then {COMMAND}resolve {back.request.sale_id} --undone REASON" if duplicate else ""
    return (
        f"its one return is of {undid}; return {other}{qr}, in the provider's cabinet, as a return"
        f" of income. It is not recorded here{then}"
    )


async def _here(
    connection: AsyncConnection, sites: Sites, it: Known, receipt: Receipt, now_ms: int
) -> str:
    """Now, where the machine stands; where nobody knows it any more, as its receipt had it."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    site = await sites.of(connection, it.machine)
    zone = zone_of(site.machine.timezone) if site else None
    if zone is not None:
        return local_text(now.astimezone(zone))
    hours = 3 if receipt.zone is None else receipt.zone + 1
    return local_text(now.astimezone(timezone(timedelta(hours=hours))))


async def _second(connection: AsyncConnection, sale_id: str) -> FiscalDocument:
    """The document that is one too many, as the incident has it."""
    query = sa.select(incident.c.detail).where(
        incident.c.sale_id == sale_id, incident.c.kind == DUPLICATE
    )
    told = (await connection.scalars(query.order_by(incident.c.id))).all()
    read = [read_qr(match[1]) for each in told if (match := _SECOND.search(each))]
    found = [each for each in read if each is not None]
    if not found:
        raise DecisionError(
            f"{sale_id}: no second document of it is known; if you have one:"
            f" {COMMAND}resolve {sale_id} --purpose income --second --issued with the text of its"
            " QR code"
        )
    return found[0]


def _undone(found: Issued, second: FiscalDocument, when: str) -> Receipt:
    if second.total != found.receipt.amount:
        raise DecisionError(
            f"{found.receipt.sale_id}: the second document is of {roubles(second.total)}, the"
            f" receipt of {roubles(found.receipt.amount)}; undo it in the provider's cabinet, then:"
            f" {COMMAND}resolve {found.receipt.sale_id} --undone REASON"
        )
    return msgspec.structs.replace(return_of(found.receipt, second, when), duplicate=True)

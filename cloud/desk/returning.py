"""Returning: the return of a sale's receipt, whole; or of a second document of it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import Known
from cloud.desk.settled import By, Settled
from cloud.desk.words import COMMAND, roubles
from cloud.errors import DecisionError
from cloud.fiscal import FiscalDocument, read_qr
from cloud.fiscalization import State
from cloud.intake import return_of
from cloud.receipt import Purpose, Receipt
from cloud.sale_day import local_text, zone_of
from cloud.store import placing, receipts, returns
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

    A duplicate's return leaves the sale settled, and its machine is told nothing.

    Raises:
        DecisionError: nothing is issued, it is returned already, or no second document is known.
    """
    found = await placing.issued(connection, it.sale_id)
    if found is None:
        raise DecisionError(f"{it.sale_id}: {_nothing_to_return(it, duplicate=duplicate)}")
    when = await _here(connection, sites, it, found.receipt, by.at)
    if duplicate:
        second = await _second(connection, it.sale_id)
        back = _undone(found, second, when)
        await receipts.ask(
            connection, [Asked(back, found.machine, found.register, by.at)], by.who, by.at
        )
        document = second
    else:
        await returns.ask(connection, found, when, by.who, by.at)
        document = found.document
    return Settled(
        sale_id=it.sale_id,
        purpose=Purpose.INCOME_RETURN.value,
        state=State.WAITING.value,
        told=(
            f"the return of {found.receipt.name}, {roubles(document.total)}, waits for register"
            f" {found.register}; it undoes {document.qr}"
        ),
    )


def _nothing_to_return(it: Known, *, duplicate: bool) -> str:
    """Why, and what to do instead."""
    back = it.of(Purpose.INCOME_RETURN)
    if back is not None and back.request.duplicate != duplicate:
        undid = "the sale itself" if duplicate else "a second document of it"
        return f"its one return is of {undid}; return this one in the provider's cabinet"
    if back is not None:
        said = {State.ISSUED: f"it is returned: {back.document.qr if back.document else ''}"}
        return said.get(back.state, f"its return is {back.state.value}: {back.error or 'wait'}")
    if not it.receipts:
        return f"it has no receipt that could be returned: {it.reason or it.disposition}"
    asked = it.of(Purpose.CORRECTION) or it.receipts[0]
    if asked.state in {State.ATTENTION, State.CLOSED}:
        return f"its receipt is not issued, there is nothing to return: {asked.error}"
    return f"its receipt is {asked.state.value}; wait until it is issued, then return it"


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
            f" {COMMAND}resolve {sale_id} --purpose income --issued with the text of its QR code"
        )
    return found[0]


def _undone(found: Issued, second: FiscalDocument, when: str) -> Receipt:
    if second.total != found.receipt.amount:
        raise DecisionError(
            f"{found.receipt.sale_id}: the second document is of {roubles(second.total)}, the"
            f" receipt of {roubles(found.receipt.amount)}; undo it in the provider's cabinet"
        )
    return msgspec.structs.replace(return_of(found.receipt, second, when), duplicate=True)

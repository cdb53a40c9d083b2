"""Correcting: a correction receipt for a sale that has none."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import Known
from cloud.desk.remaking import made_anew
from cloud.desk.requeueing import stays_whose_it_is
from cloud.desk.settled import By, Settled
from cloud.desk.words import COMMAND
from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.intake import Placed, correction_of
from cloud.receipt import Purpose, Receipt
from cloud.store import decisions, placing, receipts
from cloud.store.receipts import Asked
from cloud.store.sites import Sites
from cloud.validator import problems

IN_ITS_PLACE = "a correction receipt takes its place"


@dataclass(frozen=True, slots=True)
class Why:
    """Why it is made. By order of the tax service it names the order's number (tag 1179).

    `day` is that of the settlement (tag 1178); None: as the machine's clock had it.
    """

    by_order: str | None = None
    day: date | None = None


async def correct(
    connection: AsyncConnection, sites: Sites, it: Known, why: Why, by: By
) -> Settled:
    """Ask for a correction receipt; an income receipt that was refused is closed for it.

    Raises:
        DecisionError: the sale has a receipt, or may have one, or there was nothing to settle.
    """
    _check(it)
    site = await sites.of(connection, it.machine)
    income = it.of(Purpose.INCOME)
    if site is not None and income is not None:
        await stays_whose_it_is(connection, site, income)
    goes = made_anew(it.as_stuck(it.answers), site, Purpose.CORRECTION)
    receipt = _for_this(it, goes.receipt, why)
    if income is not None:
        if income.state is not State.CLOSED:
            of = (it.sale_id, Purpose.INCOME)
            await decisions.close(connection, *of, IN_ITS_PLACE, by.who, by.at)
        await receipts.ask(
            connection, [Asked(receipt, it.machine, goes.register, by.at)], by.who, by.at
        )
    else:
        stuck, placed = it.as_stuck(it.answers), Placed(receipt, goes.register)
        await placing.place_again(connection, stuck, placed, by.who, by.at)
    return Settled(
        sale_id=it.sale_id,
        purpose=Purpose.CORRECTION.value,
        state=State.WAITING.value,
        told=f"its correction receipt waits for register {goes.register}",
    )


def _check(it: Known) -> None:
    correction, income = it.of(Purpose.CORRECTION), it.of(Purpose.INCOME)
    if correction is not None:
        said = f": {correction.error}" if correction.error else ""
        raise DecisionError(
            f"{it.sale_id}: it has a correction receipt, which is {correction.state.value}{said}"
        )
    if it.told.kind != "paid":
        raise DecisionError(
            f"{it.sale_id}: there was nothing to settle, its kind is {it.told.kind}"
        )
    if income is None or income.state in {State.CLOSED, State.ATTENTION}:
        return
    if income.document is not None:
        raise DecisionError(
            f"{it.sale_id}: it has its receipt: {income.document.qr}; what is wrong with it is"
            f" amended by its return: {COMMAND}return {it.sale_id}"
        )
    raise DecisionError(
        f"{it.sale_id}: its receipt is {income.state.value}, and goes its way by itself"
    )


def _for_this(it: Known, receipt: Receipt, why: Why) -> Receipt:
    """With the reason that a person gives."""
    if receipt.cause is None or why == Why():
        return receipt
    of_sale = date.fromisoformat(receipt.cause.day)
    made = correction_of(
        receipt,
        why.day or of_sale,
        by_order=why.by_order is not None,
        number=why.by_order or "",
    )
    wrong = problems(made, of_sale)
    if wrong:
        told = "; ".join(f"tag {each.tag}: {each.reason}" for each in wrong)
        raise DecisionError(f"{it.sale_id}: {told}")
    return made

"""Requeueing: what a person says of a sale, and a receipt that is sent anew."""

from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import ItsReceipt, Known, the_receipt
from cloud.desk.remaking import at_register, made_anew, still_for
from cloud.desk.settled import By, Settled
from cloud.desk.words import COMMAND
from cloud.disposition import Placed, Skipped
from cloud.errors import DecisionError
from cloud.fiscalization import State
from cloud.fleet import Answers, Operator, Register, Site
from cloud.intake import Cause
from cloud.placer import again
from cloud.receipt import Purpose
from cloud.registers import account_of
from cloud.store import decisions, fleet, history, placing
from cloud.store.history import Change
from cloud.store.placing import Stuck
from cloud.store.sites import Sites

NOTHING: Final = Answers()
AGAIN: Final = {Cause.POLICY.value, "by_hand"}
"""Why a sale was skipped that may go on after all."""


async def requeue(
    connection: AsyncConnection,
    sites: Sites,
    it: Known,
    said: Answers,
    by: By,
    *,
    purpose: Purpose | None = None,
    register: str | None = None,
) -> Settled:
    """Let a sale go on with what was said, or its receipt be sent anew.

    Raises:
        DecisionError: it goes its way by itself, it is settled, or something else has to be done
            first.
    """
    if it.disposition != "receipt":
        if register is not None or purpose is not None:
            raise DecisionError(
                f"{it.sale_id}: it has no receipt yet; it goes to the register of its machine:"
                f" {COMMAND}machine add {it.machine} …"
            )
        return await _place(connection, sites, it, said, by)
    asked = the_receipt(it, purpose)
    if asked.purpose is Purpose.INCOME and said.late == "correction":
        raise DecisionError(
            f"{it.sale_id}: its receipt stands already; in its place: {COMMAND}correct {it.sale_id}"
        )
    _check(it, asked)
    answers = await say(connection, it.as_stuck(it.answers), said, by)
    goes = await _anew(connection, sites, it, asked, answers, register)
    moved = None if goes.register == asked.register else goes.register
    key = await decisions.requeue(
        connection, it.sale_id, asked.purpose, by.who, by.at, request=goes.receipt, register=moved
    )
    return Settled(
        sale_id=it.sale_id,
        purpose=asked.purpose.value,
        state=State.WAITING.value,
        told=f"it is sent to register {goes.register} as {key}",
    )


async def say(connection: AsyncConnection, it: Stuck, said: Answers, by: By) -> Answers:
    """Keep what a person says of a sale, and that they did; all that was said of it, then."""
    if said == NOTHING:
        return it.answers
    sale_id = it.sale.sale_id
    told = ", ".join(f"{name} {value}" for name, value in msgspec.to_builtins(said).items())
    await history.add(connection, [Change(by.at, by.who, sale_id, None, "answered", told)])
    return await placing.say(connection, sale_id, said)


async def _place(
    connection: AsyncConnection, sites: Sites, it: Known, said: Answers, by: By
) -> Settled:
    """A sale without a receipt goes on, or says what is missing now."""
    if it.disposition == "skipped" and it.cause not in AGAIN:
        raise DecisionError(f"{it.sale_id}: it needs no receipt: {it.reason}")
    answers = await say(connection, it.as_stuck(it.answers), said, by)
    (goes,) = await again(connection, sites, [it.as_stuck(answers)], by.who, by.at)
    match goes:
        case Placed(receipt, register):
            purpose, told = receipt.purpose.value, f"its receipt waits for register {register}"
            return Settled(
                sale_id=it.sale_id, purpose=purpose, state=State.WAITING.value, told=told
            )
        case Skipped(_, reason):
            if it.disposition == "skipped":
                raise DecisionError(f"{it.sale_id}: it stays without a receipt: {reason}")
            return Settled(sale_id=it.sale_id, state="skipped", told=f"no receipt: {reason}")
        case _:
            reason = getattr(goes, "reason", "")
            told = f"it still needs a hand: {reason}"
            return Settled(sale_id=it.sale_id, state="attention", told=told)


def _check(it: Known, asked: ItsReceipt) -> None:
    """Only what surely was not recorded may be sent anew."""
    match asked.state:
        case State.ATTENTION | State.WAITING:
            return
        case State.ISSUED:
            qr = asked.document.qr if asked.document else ""
            raise DecisionError(f"{it.sale_id}: it is issued: {qr}")
        case State.CLOSED:
            again = {Purpose.INCOME: "correct", Purpose.INCOME_RETURN: "return"}.get(asked.purpose)
            words = "in its place" if asked.purpose is Purpose.INCOME else "ask for it again"
            raise DecisionError(
                f"{it.sale_id}: it was closed: {asked.error}"
                f"{f'; {words}: {COMMAND}{again} {it.sale_id}' if again else ''}"
            )
        case _:
            raise DecisionError(
                f"{it.sale_id}: the receipt is {asked.state.value}, and goes its way by itself"
            )


async def _anew(  # noqa: PLR0917, all that a receipt is made of
    connection: AsyncConnection,
    sites: Sites,
    it: Known,
    asked: ItsReceipt,
    answers: Answers,
    register: str | None,
) -> Placed:
    """What its next attempt says, and where it goes."""
    other = await _register(connection, register)
    if asked.purpose is Purpose.INCOME_RETURN:
        # It says what the returned receipt said, at the register that issued that, or at another.
        return await _return_anew(connection, asked, other)
    site = await sites.of(connection, it.machine)
    if site is not None:
        await stays_whose_it_is(connection, site, asked)
        if other is not None:
            site = at_register(site, other)
    goes = made_anew(it.as_stuck(answers), site, asked.purpose)
    if asked.purpose is Purpose.CORRECTION:
        return Placed(still_for(goes.receipt, asked.request), goes.register)
    return goes


async def stays_whose_it_is(connection: AsyncConnection, site: Site, asked: ItsReceipt) -> None:
    """A sale is that of whoever had the machine then. A mistake in their own INN may be mended.

    Raises:
        DecisionError: the machine is another operator's by now.
    """
    register = await fleet.get(connection, Register, asked.register)
    inn, now = asked.request.inn, site.operator
    if now.inn == inn or (register is not None and register.operator == now.id):
        return
    sale_id = asked.request.sale_id
    raise DecisionError(
        f"{sale_id}: it was sold for INN {inn}, and machine {site.machine.id} is {now.id}'s by now,"
        f" INN {now.inn}: it cannot be made anew from what is known of the machine today. Issue it in"
        f" the provider's cabinet, then: {COMMAND}resolve {sale_id} --issued QR_TEXT"
    )


async def _return_anew(
    connection: AsyncConnection, asked: ItsReceipt, other: Register | None
) -> Placed:
    receipt = asked.request
    if other is None:
        return Placed(receipt, asked.register)
    owner = await fleet.get(connection, Operator, other.operator)
    if owner is None or owner.inn != receipt.inn:
        raise DecisionError(
            f"{receipt.sale_id}: register {other.id} is {other.operator}'s, and the receipt that is"
            f" returned is of INN {receipt.inn}: name a register of that operator"
        )
    ffd = account_of(other).ffd
    if ffd != receipt.ffd:
        raise DecisionError(
            f"{receipt.sale_id}: register {other.id} is registered for FFD {ffd}, the receipt that"
            f" is returned was of {receipt.ffd}"
        )
    return Placed(receipt, other.id)


async def _register(connection: AsyncConnection, name: str | None) -> Register | None:
    if name is None:
        return None
    found = await fleet.get(connection, Register, name)
    if found is None:
        raise DecisionError(f"there is no register {name}: {COMMAND}register list")
    return found

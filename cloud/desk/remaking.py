"""Remaking: a receipt made anew from today's fleet, for the sale of its day. Pure."""

from datetime import UTC, date, datetime

import msgspec

from cloud.errors import DecisionError
from cloud.fleet import Register, Site
from cloud.intake import Placed, Skipped, place
from cloud.placer import own
from cloud.receipt import Purpose, Receipt
from cloud.registers import account_of
from cloud.store.placing import Stuck
from cloud.vat import as_of


def made_anew(it: Stuck, site: Site | None, purpose: Purpose) -> Placed:
    """The sale's receipt of income, or its correction, as it would be made now.

    Names, addresses and the register are today's; VAT and day are those of the sale. What had been
    settled before it was placed (late, price, not confirmed, kept back) is not asked again.

    Raises:
        DecisionError: something has to be mended or said first.
    """
    answers = msgspec.structs.replace(
        it.answers,
        price=True,
        presumed=True,
        late="correction" if purpose is Purpose.CORRECTION else "receipt",
    )
    arrived = datetime.fromtimestamp(it.received_at / 1000, UTC)
    goes = own(it.machine, it.sale) or place(it.sale, site and _all_kept(site), arrived, answers)
    match goes:
        case Placed():
            return goes
        case Skipped():
            raise DecisionError(f"{it.sale.sale_id}: there is nothing to settle: {goes.reason}")
        case _:
            raise DecisionError(f"{it.sale.sale_id}: {getattr(goes, 'reason', 'goods came back')}")


def _all_kept(site: Site) -> Site:
    policies = msgspec.structs.replace(
        site.machine.policies, fiscalise_cash=True, fiscalise_cashless=True
    )
    machine = msgspec.structs.replace(site.machine, policies=policies)
    return msgspec.structs.replace(site, machine=machine)


def at_register(site: Site, register: Register) -> Site:
    """The machine as if that register served it.

    Raises:
        DecisionError: it is another operator's.
    """
    if register.operator != site.operator.id:
        raise DecisionError(
            f"register {register.id} is {register.operator}'s, and machine {site.machine.id} is"
            f" {site.operator.id}'s: name a register of {site.operator.id}"
        )
    machine = msgspec.structs.replace(site.machine, register=register.id)
    return msgspec.structs.replace(site, machine=machine, ffd=account_of(register).ffd)


def still_for(request: Receipt, cause_of: Receipt) -> Receipt:
    """A correction made anew keeps why it is made (tags 1173, 1178, 1179), and the VAT of that day."""
    cause = cause_of.cause
    vat = request.vat if cause is None else as_of(request.vat, date.fromisoformat(cause.day))
    return msgspec.structs.replace(request, cause=cause, vat=vat)

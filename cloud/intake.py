"""Intake: a sale becomes a receipt to ask for, or says why not. Pure.

Machine to operator to register, slot to product, VAT of that day: all decided here, once, and
frozen. A sale that cannot be placed is kept with its cause and its reason, which ends with the
command that lets it go on; what a person answers to it comes before everything else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cloud.amends import correction_of, return_of
from cloud.cp866 import normalised
from cloud.disposition import Attention, Cause, Disposition, Placed, ReturnOf, Skipped
from cloud.fleet import Answers, Policies, Site
from cloud.marking import NAMED
from cloud.questions import QUESTIONS, Case, came_back, command, nothing_known, requeue
from cloud.receipt import Marking, MarkingMode, Purpose, Receipt, Subject
from cloud.sale_day import local_text, moment, zone_number, zone_of
from cloud.validator import problems
from cloud.vat import VatRate
from edge.wire import Sale, Tender

__all__ = [
    "Attention",
    "Cause",
    "Disposition",
    "Placed",
    "ReturnOf",
    "Skipped",
    "correction_of",
    "place",
    "return_of",
]

SILENCE: Final = Answers()
"""Nobody has said anything yet."""


def place(
    sale: Sale, site: Site | None, received_at: datetime, answers: Answers = SILENCE
) -> Disposition:
    """What to do with a sale. `site` is its machine's, None if nobody knows the machine."""
    amount = sale.amount if answers.amount is None else answers.amount
    if skipped := _nothing_due(sale, amount):
        return skipped
    if site is None:
        return Attention(
            Cause.UNKNOWN_MACHINE,
            f"unknown machine {sale.machine}: {command(f'machine add {sale.machine} …')}",
        )
    zone = zone_of(site.machine.timezone)
    if zone is None:
        return Attention(
            Cause.INVALID,
            f"there is no time zone {site.machine.timezone}:"
            f" {command(f'machine add {sale.machine} …')}",
        )
    known = moment(sale, zone, received_at)
    local = known or received_at.astimezone(zone)
    if sale.kind == "return":
        return came_back(sale, local, answers)
    if amount is None:
        return Attention(
            Cause.AMOUNT,
            f"the bus did not say the amount: {requeue(sale, '--amount 120.00')}",
        )
    cash = _in_cash(sale.tenders, amount, by_hand=answers.amount is not None)
    if skipped := _kept_back(site.policies, cash, amount - cash):
        return skipped
    shelf = None if answers.product else site.shelf(sale.item, local.date())
    product = site.products.get(answers.product or (shelf.product if shelf else ""))
    if product is None:
        return nothing_known(sale, site, local.date(), shelf, answers)
    age = None if known is None else received_at - known
    case = Case(sale, site, answers, amount, cash, local, age, shelf, product)
    told = (said for rule in QUESTIONS if (said := rule(case)))
    return next(told, None) or _placed(case)


def _nothing_due(sale: Sale, amount: int | None) -> Skipped | None:
    match sale.kind:
        case "free":
            return Skipped(Cause.FREE, "free vend")
        case "test":
            return Skipped(Cause.TEST, "test vend")
    return Skipped(Cause.UNPAID, "nothing was paid") if amount == 0 else None


def _in_cash(tenders: Sequence[Tender], amount: int, *, by_hand: bool) -> int:
    """What of the amount was paid in cash; what is not surely so was paid otherwise.

    Where the bus did not say the sums, or a person says another amount than the bus, cash is what
    the readers did not charge: it stays cash, whatever it comes to.
    """
    cash = [part.amount for part in tenders if part.by == "cash"]
    charged = [part.amount for part in tenders if part.by != "cash"]
    if cash and (by_hand or None in cash) and None not in charged:
        return max(0, amount - sum(each or 0 for each in charged))
    return min(amount, sum(each or 0 for each in cash))


def _kept_back(policies: Policies, cash: int, cashless: int) -> Skipped | None:
    """A sale is fiscalised if any part of its money is."""
    parts = {
        "fiscalise_cash": (cash, policies.fiscalise_cash),
        "fiscalise_cashless": (cashless, policies.fiscalise_cashless),
    }
    if any(paid and wanted for paid, wanted in parts.values()):
        return None
    off = " and ".join(name for name, (paid, _) in parts.items() if paid)
    return Skipped(Cause.POLICY, f"the operator does not want it: {off} off")


_MARKED: Final = {Subject.GOODS: Subject.GOODS_MARKED, Subject.EXCISABLE: Subject.EXCISABLE_MARKED}
"""What tag 1212 of goods becomes in FFD 1.2 when the receipt names their mark."""

_MENDED_BY: Final = {
    1018: "operator add {operator} …",
    1055: "operator add {operator} …",
    1117: "operator add {operator} …",
    1009: "machine add {machine} …",
    1187: "machine add {machine} …",
    1036: "machine add {machine} …",
    1030: "product add {product} …",
    1199: "requeue {sale} --product PRODUCT",
    1212: "product add {product} …",
    1162: "product add {product} …",
    2000: "product add {product} …",
    1020: "requeue {sale} --amount 120.00",
}
"""Where what a tag says comes from."""


def _placed(case: Case) -> Placed | Attention:
    receipt = _receipt(case)
    found = problems(receipt, case.day)
    if not found:
        return Placed(receipt, case.site.machine.register)
    mend = _MENDED_BY.get(found[0].tag, "resolve {sale} --skip REASON").format(
        operator=case.site.operator.id,
        machine=case.sale.machine,
        product=case.product.id,
        sale=case.sale.sale_id,
    )
    told = "; ".join(f"tag {each.tag}: {each.reason}" for each in found)
    return Attention(Cause.INVALID, f"{told}: {command(mend)}")


def _receipt(case: Case) -> Receipt:
    machine, operator, product = case.site.machine, case.site.operator, case.product
    mode = product.marking_mode
    subject = product.settlement_subject
    if mode in NAMED and case.site.ffd == "1.2":
        subject = _MARKED.get(subject, subject)
    receipt = Receipt(
        sale_id=case.sale.sale_id,
        purpose=Purpose.INCOME,
        ffd=case.site.ffd,
        inn=operator.inn,
        taxation=operator.taxation_system,
        machine=machine.number or machine.id,
        address=normalised(machine.address),
        place=normalised(machine.place),
        name=normalised(product.name),
        subject=subject,
        vat=case.vat or VatRate.NONE,
        amount=case.amount,
        cash=case.cash,
        cashless=case.amount - case.cash,
        marking=Marking(
            mode=mode,
            gtin=product.gtin if mode is MarkingMode.GTIN_VEND else "",
            code=case.answers.code if mode is MarkingMode.FULL_CODE else "",
        ),
        sold_at=local_text(case.local),
        zone=zone_number(case.local),
        sender=operator.email,
        internet=machine.internet,
    )
    if case.late == "correction":
        return correction_of(receipt, case.day, by_order=False)
    return receipt

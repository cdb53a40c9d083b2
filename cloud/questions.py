"""Questions: what a person is asked before a sale may go, and how it is answered. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cloud.disposition import Attention, Cause, ReturnOf
from cloud.fleet import Answers, Product, Shelf, Site
from cloud.marking import read_code
from cloud.receipt import MarkingMode
from cloud.sale_day import local_text
from cloud.vat import VatRate, rate_on
from edge.wire import Sale

ROUBLES: Final = "RUB"


@dataclass(frozen=True, slots=True)
class Case:
    """A sale of which all is known but whether it may go."""

    sale: Sale
    site: Site
    answers: Answers
    amount: int
    cash: int
    local: datetime
    age: timedelta | None
    """At its arrival; None if the machine did not know the time of day."""
    shelf: Shelf | None
    """None where a person said what it was."""
    product: Product

    @property
    def day(self) -> date:
        """Of the sale, where the machine stands."""
        return self.local.date()

    @property
    def vat(self) -> VatRate | None:
        """What the product had on that day; None if it was not law."""
        return rate_on(self.product.vat, self.day)

    @property
    def late(self) -> str:
        """What it gets for its age; a person's word is taken, late or not."""
        policies = self.site.policies
        hours = policies.late_after_h
        if self.answers.late:
            return self.answers.late
        if self.age is None or hours is None or self.age < timedelta(hours=hours):
            return "receipt"
        return policies.late or "by_hand"


def came_back(sale: Sale, local: datetime, answers: Answers) -> ReturnOf | Attention:
    """Goods came back; a person knows of which sale."""
    if answers.of:
        return ReturnOf(answers.of, local_text(local))
    return Attention(Cause.RETURN, f"goods came back, of which sale? {requeue(sale, '--of SALE')}")


def nothing_known(
    sale: Sale, site: Site, day: date, shelf: Shelf | None, answers: Answers
) -> Attention:
    """It is not known what was sold."""
    planogram = site.machine.planogram
    name = answers.product or (shelf.product if shelf else None)
    if name is not None:
        return Attention(
            Cause.UNKNOWN_PRODUCT,
            f"unknown product {name} of operator {site.operator.id}:"
            f" {requeue(sale, '--product PRODUCT')}",
        )
    if sale.item is None:
        reason = f"the bus did not say the slot: {requeue(sale, '--product PRODUCT')}"
    else:
        reason = (
            f"unknown slot {sale.item} of planogram {planogram} on {day}:"
            f" {command(f'planogram set {planogram} {sale.item} PRODUCT')}"
        )
    return Attention(Cause.UNKNOWN_SLOT, reason)


def _currency(case: Case) -> Attention | None:
    """An amount that a person said is in roubles."""
    if case.sale.currency in {ROUBLES, None} or case.answers.amount is not None:
        return None
    return Attention(
        Cause.CURRENCY,
        f"the currency is {case.sale.currency}, a receipt is in roubles:"
        f" {requeue(case.sale, '--amount 120.00')}",
    )


def _price(case: Case) -> Attention | None:
    if case.answers.price:
        return None
    shelf, most = case.shelf, case.site.policies.most
    if shelf and shelf.price_min is not None and case.amount < shelf.price_min:
        beyond = f"under {_roubles(shelf.price_min)}, the least of slot {shelf.slot}"
    elif shelf and shelf.price_max is not None and case.amount > shelf.price_max:
        beyond = f"over {_roubles(shelf.price_max)}, the most of slot {shelf.slot}"
    elif most is not None and case.amount > most:
        beyond = f"over {_roubles(most)}, the most of any sale at {case.sale.machine}"
    else:
        return None
    return Attention(
        Cause.PRICE,
        f"the price {_roubles(case.amount)} is {beyond}: {requeue(case.sale, '--price')}",
    )


def _vat(case: Case) -> Attention | None:
    if case.vat is not None:
        return None
    return Attention(
        Cause.VAT,
        f"VAT {case.product.vat} % of product {case.product.id} was not law on {case.day}:"
        f" {requeue(case.sale, '--product PRODUCT')}",
    )


def _marking(case: Case) -> Attention | None:
    """Whether the piece, or its kind, can be named."""
    product = case.product
    match product.marking_mode:
        case MarkingMode.GTIN_VEND if not product.gtin:
            return Attention(
                Cause.MARKING,
                f"product {product.id} has no GTIN: {command(f'product add {product.id} …')}",
            )
        case MarkingMode.FULL_CODE:
            return _code(case)
    return None


def _code(case: Case) -> Attention | None:
    product = case.product
    code = read_code(case.answers.code)
    if not case.answers.code:
        wrong = "is not known"
    elif code is None:
        wrong = "is none: 01, a GTIN, 21, a serial number, each next part after a separator 1D"
    elif product.gtin and code.gtin != product.gtin:
        wrong = f"is of GTIN {code.gtin}, the product is {product.gtin}"
    else:
        return None
    return Attention(
        Cause.MARKING,
        f"the marking code of the sold {product.id} {wrong}: {requeue(case.sale, '--code CODE')}",
    )


def _presumed(case: Case) -> Attention | None:
    by_hand = case.site.policies.presumed == "by_hand"
    if case.sale.confidence == "confirmed" or not by_hand or case.answers.presumed:
        return None
    return Attention(
        Cause.PRESUMED,
        f"the bus did not confirm the sale: {requeue(case.sale, '--presumed')},"
        f" or {command(f'resolve {case.sale.sale_id} --skip REASON')}",
    )


def _late(case: Case) -> Attention | None:
    if case.late != "by_hand" or case.age is None:
        return None
    hours = case.age / timedelta(hours=1)
    return Attention(
        Cause.LATE,
        f"sold at {local_text(case.local)}, arrived {hours:.0f} h later:"
        f" {requeue(case.sale, '--late receipt')}, or --late correction",
    )


QUESTIONS: Final[tuple[Callable[[Case], Attention | None], ...]] = (
    _currency,
    _price,
    _vat,
    _marking,
    _presumed,
    _late,
)
"""What is asked of a sale before it may go, in this order."""


def _roubles(kopecks: int) -> str:
    return f"{kopecks // 100}.{kopecks % 100:02d}"


def command(words: str) -> str:
    """The next step, as it is typed."""
    return f"python -m cloud {words}"


def requeue(sale: Sale, option: str) -> str:
    """The answer to a question about one sale, as it is typed."""
    return command(f"requeue {sale.sale_id} {option}")

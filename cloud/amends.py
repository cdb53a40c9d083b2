"""Amends: the receipts that are made from other receipts. Pure."""

from datetime import date

import msgspec

from cloud.fiscal import FiscalDocument
from cloud.receipt import Cause, Purpose, Receipt
from cloud.vat import as_of


def return_of(receipt: Receipt, document: FiscalDocument, sold_at: str) -> Receipt:
    """The receipt that returns one: the same goods, VAT and money, whatever the law is by now.

    It keeps the sale's id, of which there is one return. `document` is what the receipt became; its
    fiscal sign is tag 1192, and what it recorded is returned, should that be another sum than was
    asked for. `sold_at` is when the goods came back, local time of the machine.
    """
    cashless = min(receipt.cashless, document.total) if receipt.cash else document.total
    return msgspec.structs.replace(
        receipt,
        purpose=Purpose.INCOME_RETURN,
        sold_at=sold_at,
        amount=document.total,
        cash=document.total - cashless,
        cashless=cashless,
        basis=str(document.fp),
        cause=None,
    )


def correction_of(receipt: Receipt, day: date, *, by_order: bool, number: str = "") -> Receipt:
    """A correction in the place of a receipt that was never issued.

    `day` is the day of the settlement (tag 1178), whose VAT it has; `number` that of the order (tag
    1179).
    """
    return msgspec.structs.replace(
        receipt,
        purpose=Purpose.CORRECTION,
        basis="",
        vat=as_of(receipt.vat, day),
        cause=Cause(by_order=by_order, day=day.isoformat(), number=number),
    )

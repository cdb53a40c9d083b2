"""Vend: what was heard of one vend, and the events it becomes.

Knows how money, kind and tenders follow from the bus's numbers; not when a vend is completed
(`session`), nor that others may tell of the same vend (`vend_cycle`).
"""

from dataclasses import dataclass, replace
from typing import Final

from mdb import event
from mdb.block import Address
from mdb.context import Context
from mdb.event import Confidence, Kind, Raw, Tender
from mdb.vocabulary.cashless import BeginSession, CashSale
from mdb.vocabulary.cashless_layout import NO_ITEM

CASH_FLAGS: Final = ((0x80, Kind.FREE), (0x40, Kind.TEST), (0x10, Kind.TOKEN))
"""CASH SALE's flags in the item's first byte (7.4.10), the negative vend (20h) apart."""
NEGATIVE: Final = 0x20
FLAG_BITS: Final = 0xF0


@dataclass(frozen=True, slots=True)
class Vend:
    """One vend so far; None for what was not heard. Money in scaled units."""

    price: int | None = None
    item: bytes | None = None
    approved: int | None = None
    tail: bytes = b""

    @property
    def name(self) -> str | None:
        """The item as events name it."""
        return None if self.item is None or self.item == NO_ITEM else self.item.hex()


@dataclass(frozen=True, slots=True)
class Purse:
    """What a device's money is worth at the moment: its context, and the session's own currency."""

    address: int
    context: Context
    currency: bytes | None = None

    @property
    def by(self) -> str:
        """Who pays, as tenders name it."""
        return "cashless-2" if self.address == Address.CASHLESS_2 else "cashless-1"

    def worth(self, units: int | None) -> tuple[int | None, str | None]:
        """Minor units and currency; the amount is None where it is not told or not known."""
        scaling = self.context.scaling
        if scaling is None:
            return None, None
        scaling = scaling.with_currency(self.currency)
        told = units is not None and not self.context.unknown(units)
        money = scaling.money(units) if told and units is not None else None
        return (money.minor if money else None), scaling.currency

    def raw(self, vend: Vend) -> Raw:
        """The bus's own numbers."""
        scaling = self.context.scaling
        if scaling is not None:
            scaling = scaling.with_currency(self.currency)
        return {
            "price": vend.price,
            "approved": vend.approved,
            "item": vend.item.hex() if vend.item else None,
            "scale": scaling.scale if scaling else None,
            "decimals": scaling.decimals if scaling else None,
            "currency": scaling.code if scaling else None,
            **({"tail": vend.tail.hex()} if vend.tail else {}),
        }


def media_of(begun: BeginSession) -> Kind:
    """What vends of this session are, by its media (7.4.4, 03)."""
    if begun.free:
        return Kind.FREE
    return Kind.TEST if begun.test else Kind.PAID


def sale(vend: Vend, at: float, purse: Purse, media: Kind, confidence: Confidence) -> event.Sale:
    """A vend paid at the reader.

    Only what was approved is charged: an approval not heard leaves the amount unknown.
    """
    kind = media
    if kind is Kind.PAID and vend.approved is not None and purse.context.unknown(vend.approved):
        kind = Kind.TOKEN
    amount, currency = purse.worth(vend.approved)
    tenders: tuple[Tender, ...] = (Tender(purse.by, amount),)
    if kind in {Kind.FREE, Kind.TEST}:
        amount, tenders = 0, ()
    return event.Sale(
        at,
        purse.address,
        vend.name,
        kind,
        amount,
        currency,
        tenders,
        confidence,
        raw=purse.raw(vend),
    )


def returned(vend: Vend, at: float, purse: Purse) -> event.Return:
    """Goods that came back to the machine, their value to the media."""
    amount, currency = purse.worth(vend.approved)
    tenders = (Tender(purse.by, amount),)
    return event.Return(
        at, purse.address, vend.name, amount, currency, tenders, raw=purse.raw(vend)
    )


def cash_sale(
    told: CashSale, at: float, purse: Purse, confidence: Confidence
) -> event.Sale | event.Return:
    """A vend paid in cash, told to the reader for its audit (7.4.10); FFFF is no item, no flags."""
    kind, item, negative = Kind.PAID, told.item, False
    if item is not None and item != NO_ITEM:
        flags = item[0] & FLAG_BITS
        negative = bool(flags & NEGATIVE)
        kind = next((kind for bit, kind in CASH_FLAGS if flags & bit), Kind.PAID)
        item = bytes([item[0] & ~FLAG_BITS & 0xFF, item[1]])
    purse = replace(purse, currency=told.currency)
    amount, currency = purse.worth(None if kind is Kind.TOKEN else told.price)
    tenders: tuple[Tender, ...] = (Tender("cash", amount),)
    if kind in {Kind.FREE, Kind.TEST}:
        amount, tenders = 0, ()
    raw = purse.raw(Vend(told.price, told.item, tail=told.tail))
    name = Vend(item=item).name
    if negative:
        return event.Return(at, purse.address, name, amount, currency, tenders, confidence, raw)
    return event.Sale(at, purse.address, name, kind, amount, currency, tenders, confidence, raw)

"""Gateway reports: what the VMC reports to a communications gateway becomes events.

A report is the best that a bus can tell: item, list price, each tender, change, discount. It is of
a vend that readers may have been told of as well; `vend_cycle` sees to it that it counts once.
"""

from dataclasses import replace
from typing import Final

from mdb import event
from mdb.block import Address
from mdb.context import UNHEARD, Context
from mdb.event import Confidence, Event, Kind, Raw, Tender, TransactionReported
from mdb.exchange import TOOK_EFFECT, Exchange, Fate
from mdb.scaling import Scaling
from mdb.vend import Vend
from mdb.vocabulary import gateway
from mdb.vocabulary.message import JustReset, Message

KINDS: Final = {
    0x01: "paid",
    0x02: "token",
    0x03: "free",
    0x04: "test",
    0x05: "revalue",
    0x06: "return",
    0x07: "vendless",
    0x08: "service",
}
NEGATIVE: Final = 0x06
GOODS: Final = {each.value: each for each in Kind}


class GatewayReports:
    """One gateway, 18h. `currency` is the machine's as its other peripherals tell it."""

    def __init__(self, context: Context = UNHEARD) -> None:
        self.address = Address.GATEWAY
        self.context = context

    def feed(
        self, exchange: Exchange, currency: str | None = None
    ) -> tuple[list[Message], list[Event]]:
        """Take a settled exchange; return the messages in it and what they conclude."""
        said: list[Message] = []
        events: list[Event] = []
        if not exchange.repeated:
            command = gateway.decode_command(exchange.command)
            said.append(command)
            if exchange.fate in {*TOOK_EFFECT, Fate.GIVEN_UP}:
                events += self._take(command, exchange, currency)
        if exchange.reply is not None:
            for message in gateway.decode_reply(exchange.command, exchange.reply):
                said.append(message)
                if isinstance(message, JustReset):
                    events.append(event.PeripheralReset(exchange.reply_at, self.address))
        return said, events

    def _take(self, command: Message, exchange: Exchange, currency: str | None) -> list[Event]:
        match command:
            case gateway.GatewaySetup():
                known = self.context.scaling
                self.context = replace(
                    self.context,
                    vmc_level=command.level,
                    scaling=Scaling(
                        command.scale,
                        command.decimals,
                        known.currency if known else None,
                        known.code if known else None,
                    ),
                )
            case gateway.MoneyReport():
                scaling = Scaling.of(command.currency, command.scale, command.decimals)
                self.context = replace(self.context, scaling=scaling)
            case gateway.Transaction():
                sure = Confidence.CONFIRMED
                if exchange.fate is not Fate.HEARD:
                    sure = Confidence.PRESUMED
                return [self._transaction(command, exchange.at, currency, sure)]
        return []

    def _transaction(
        self, told: gateway.Transaction, at: float, currency: str | None, sure: Confidence
    ) -> Event:
        scaling = self.context.scaling
        if scaling is not None and scaling.currency is None and currency is not None:
            scaling = replace(scaling, currency=currency)
        worth = replace(self.context, scaling=scaling).units  # the currency knows its decimals
        amount = worth(_charged(told))
        tenders = tuple(
            Tender(by, worth(units))
            for by, units in (
                ("cashless-1", told.cashless_1),
                ("cashless-2", told.cashless_2),
                ("cash", _in_cash(told)),
            )
            if units > 0
        )
        kind = KINDS.get(told.kind, f"{told.kind:02x}")
        if kind in {"free", "test"}:
            amount, tenders = 0, ()
        raw: Raw = {
            "price": told.price,
            "item": told.item.hex(),
            "scale": scaling.scale if scaling else None,
            "decimals": scaling.decimals if scaling else None,
            "to_tubes": told.to_tubes,
            "to_cashbox": told.to_cashbox,
            "bills": told.bills,
            "cash_out": told.cash_out,
            "cashless_1": told.cashless_1,
            "cashless_2": told.cashless_2,
            "discount": told.discount,
            "surcharge": told.surcharge,
            "when": told.when,
        }
        name = Vend(item=told.item).name
        money = scaling.currency if scaling else None
        return TransactionReported(
            at, self.address, name, kind, amount, money, tenders, sure, raw=raw
        )


def _in_cash(told: gateway.Transaction) -> int:
    """What is left of the price for cash, if any moved."""
    moved = told.cash_in or told.cash_out
    return _charged(told) - told.cashless_1 - told.cashless_2 if moved else 0


def _charged(told: gateway.Transaction) -> int:
    """What the buyer paid: the price as adjusted, or where none is told, what came in."""
    if told.price:
        return max(0, told.price - told.discount + told.surcharge)
    cash = told.cash_out if told.kind == NEGATIVE else told.cash_in - told.cash_out
    return max(0, cash) + told.cashless_1 + told.cashless_2


def paid_somehow(vend: event.Sale | event.Return) -> event.Sale | event.Return:
    """A vend that nobody else was told of, and whose payment was not reported: it was cash."""
    paid = isinstance(vend, event.Return) or vend.kind in {Kind.PAID, Kind.TOKEN}
    return replace(vend, tenders=(Tender("cash", vend.amount),)) if paid else vend


def as_vend(told: TransactionReported) -> event.Sale | event.Return | None:
    """The vend that was reported; None if no goods moved."""
    where = (told.at, told.address)
    if told.kind == "return":
        return event.Return(
            *where, told.item, told.amount, told.currency, told.tenders, told.confidence, told.raw
        )
    kind = GOODS.get(told.kind)
    if kind is None:
        return None
    amount, tenders = told.amount, told.tenders
    if kind is Kind.TOKEN:
        amount, tenders = None, tuple(replace(each, amount=None) for each in told.tenders)
    return event.Sale(
        *where, told.item, kind, amount, told.currency, tenders, told.confidence, told.raw
    )

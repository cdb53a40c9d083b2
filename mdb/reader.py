"""Reader: follows one cashless device and concludes its vends.

Joins the three things a conclusion needs: the messages (`cashless`), where the session stands
(`session`) and what money is worth (`vend`, `context`). One `Reader` an address.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from mdb import event, vend
from mdb.context import UNHEARD, WIDE_MONEY, Context
from mdb.event import Confidence, Event, Kind
from mdb.exchange import Exchange, Fate
from mdb.scaling import UNKNOWN_CURRENCY, Scaling
from mdb.session import Conclusion, State, step
from mdb.vend import Purse, Vend
from mdb.vocabulary import cashless
from mdb.vocabulary.cashless_layout import (
    NO_ITEM,
    decode_command,
    decode_reply,
    may_approve,
)
from mdb.vocabulary.message import EnableOptions, JustReset, Message, Reset

AT_ONCE: Final = (
    Reset,
    cashless.VendRequest,
    cashless.VendCancel,
    cashless.NegativeVendRequest,
    cashless.RevalueRequest,
)
"""Commands that take effect though nobody was heard to answer them: saying them twice is saying
them once, and an answer heard later proves they arrived."""

NO_VEND: Final = (State.IDLE, State.SOLD, State.ENABLED, State.INACTIVE, State.PRESUMED)
NO_SESSION: Final = (State.ENABLED, State.INACTIVE, State.PRESUMED)

SALES: Final = {
    Conclusion.SALE: Confidence.CONFIRMED,
    Conclusion.SALE_UNHEARD: Confidence.CONFIRMED,
    Conclusion.SALE_PRESUMED: Confidence.PRESUMED,
}
PRICED: Final = {
    Conclusion.REQUESTED: event.VendRequested,
    Conclusion.APPROVED: event.VendApproved,
    Conclusion.FAILED: event.VendFailed,
    Conclusion.UNCERTAIN: event.VendUncertain,
}
NAMED: Final = {
    Conclusion.DENIED: event.VendDenied,
    Conclusion.CANCELLED: event.VendCancelled,
}
BARE: Final = {
    Conclusion.SESSION_BEGAN: event.SessionBegan,
    Conclusion.SESSION_ENDED: event.SessionEnded,
}


REMEMBERED: Final = 4096
command_of = lru_cache(REMEMBERED)(decode_command)
replies_of = lru_cache(REMEMBERED)(decode_reply)
"""Readings are remembered: a bus says little that it has not said before."""


class Reader:
    """One cashless device, 10h or 60h."""

    def __init__(self, address: int, context: Context = UNHEARD) -> None:
        self.address = address
        self.context = context
        self.state = State.INACTIVE
        self._vend = Vend()
        self._media = Kind.PAID
        self._currency: bytes | None = None
        self._sold = NO_ITEM
        """What the last VEND SUCCESS named."""

    def pays_for(self, item: str | None) -> bool:
        """Whether a vend is approved and not out yet that may be this item's."""
        known = self._vend.item is not None and item is not None
        return self.state is State.APPROVED and (self._vend.name == item or not known)

    def feed(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """Take a settled exchange; return the messages in it and what they conclude."""
        said: list[Message] = []
        events: list[Event] = []
        known = self.context
        command, expanded = command_of(
            exchange.command,
            expanded=known.expanded,
            longer=known.longer,
            currency=self._code,
        )
        if expanded is not known.expanded:
            self.context = replace(known, expanded=expanded)
        if not exchange.repeated:
            said.append(command)
            if _counts(command, exchange.fate):
                events += self._take(command, exchange.at, exchange.fate)
            elif isinstance(command, cashless.VendSuccess) and self.state is State.APPROVED:
                self._vend = self._note(command)  # not acknowledged; a reset may follow
        if exchange.reply is not None:
            for message in self._answers(exchange.reply):
                said.append(message)
                events += self._take(message, exchange.reply_at, exchange.fate)
        return said, events

    def _answers(self, reply: bytes) -> list[Message]:
        """The messages in an answer; an amount that noise explains better is not believed."""
        known = self.context
        messages = replies_of(reply, known.level, known.display, expanded=known.expanded)
        price = self._vend.price
        match messages[0]:
            case cashless.VendApproved(amount=amount) if (
                self.state is State.REQUESTED
                and price not in {None, amount}
                and not known.unknown(amount or 0)
                and may_approve(price or 0, reply, known.level, expanded=known.expanded)
            ):
                return [cashless.VendApproved(None), *messages[1:]]
        return messages

    def reset_by_bus(self, at: float) -> list[Event]:
        """The VMC broke the line: the same to a vend as a RESET."""
        return self._take(Reset(), at, Fate.HEARD)

    def _take(self, message: Message, at: float, fate: Fate) -> list[Event]:
        match message:
            case Reset() | JustReset():
                concluded = self._conclude(message, at)
                self.context = self.context.after_reset()
                return concluded
            case EnableOptions():
                wide = bool(message.options & WIDE_MONEY)
                self.context = replace(self.context, options=message.options, expanded=wide)
            case cashless.SetupConfig():
                display = message.columns * message.rows
                self.context = replace(self.context, vmc_level=message.level, display=display)
            case cashless.ReaderConfig():
                return self._configure(message, at)
            case cashless.CashSale():
                confidence = Confidence.CONFIRMED if fate is Fate.HEARD else Confidence.PRESUMED
                return [vend.cash_sale(message, at, self._purse, confidence)]
            case cashless.Malfunction():
                return [event.ReaderMalfunction(at, self.address, f"{message.code:02x}")]
            case cashless.BeginSession():
                self._begin(message)
            case cashless.SessionComplete() if fate is not Fate.MOVED_ON:
                concluded = self._conclude(message, at)
                self._media, self._currency = Kind.PAID, None  # END SESSION may come unheard
                return concluded
        return self._conclude(message, at)

    def _begin(self, begun: cashless.BeginSession) -> None:
        self._media = vend.media_of(begun)
        self._currency = begun.currency
        if begun.currency is not None and not self.context.expanded:
            self.context = replace(self.context, expanded=True)

    def _conclude(self, message: Message, at: float) -> list[Event]:
        told = self._note(message)
        if isinstance(message, cashless.VendSuccess):
            self._mind_another(message.item)
        self.state, conclusion = step(self.state, message)
        if conclusion is Conclusion.SALE_PRESUMED:
            self._sold = NO_ITEM  # a success that comes after all may name what it likes
        if self.state in NO_VEND:
            self._vend = Vend()
        if conclusion is Conclusion.REQUESTED:
            told = self._vend
        events = self._events(conclusion, told, at)
        if conclusion is Conclusion.UNCERTAIN and isinstance(message, cashless.VendRequest):
            events += self._events(Conclusion.REQUESTED, self._vend, at)
        if isinstance(message, JustReset):
            events.append(event.PeripheralReset(at, self.address))
        if self.state in NO_SESSION:
            self._media, self._currency = Kind.PAID, None
        return events

    def _note(self, message: Message) -> Vend:
        """Keep what a message tells of a vend; return the vend that it may conclude."""
        told = self._vend
        match message:
            case cashless.VendRequest():
                self._vend = Vend(message.price, message.item)
            case cashless.NegativeVendRequest():
                self._vend = Vend(message.value, message.item)
            case cashless.RevalueRequest():
                self._vend = Vend(approved=message.amount)
            case cashless.VendApproved():
                self._vend = told = replace(told, approved=message.amount)
            case cashless.VendSuccess():
                if self.state is State.REVALUE:
                    told = Vend()  # what was loaded is no price
                item = told.item if message.item == NO_ITEM else message.item
                told = replace(told, item=item, tail=message.tail)
        return told

    def _mind_another(self, item: bytes) -> None:
        """One that names another item than the last is no repetition: its vend was not heard."""
        known = NO_ITEM not in {item, self._sold}
        if self.state in {State.SOLD, State.PRESUMED} and known and item != self._sold:
            self.state = State.IDLE
        self._sold = item

    def _events(self, conclusion: Conclusion, told: Vend, at: float) -> list[Event]:
        if conclusion is Conclusion.NOTHING:
            return []
        if conclusion in SALES:
            return [vend.sale(told, at, self._purse, self._media, SALES[conclusion])]
        if conclusion is Conclusion.RETURN:
            return [vend.returned(told, at, self._purse)]
        if conclusion in BARE:
            return [BARE[conclusion](at, self.address)]
        if conclusion in NAMED:
            return [NAMED[conclusion](at, self.address, told.name)]
        amount, currency = self._purse.worth(
            told.approved if told.approved is not None else told.price
        )
        if conclusion in PRICED:
            return [PRICED[conclusion](at, self.address, told.name, amount, currency)]
        return [event.Revalue(at, self.address, amount, currency, self._purse.raw(told))]

    def _configure(self, config: cashless.ReaderConfig, at: float) -> list[Event]:
        scaling = Scaling.of(config.currency, config.scale, config.decimals)
        self.context = replace(
            self.context, reader_level=config.level, scaling=scaling, features=config.features
        )
        return [
            event.ReaderConfigured(
                at, self.address, scaling.currency, config.scale, config.decimals, config.level
            )
        ]

    @property
    def _code(self) -> str | None:
        """The code of the currency in use, as it was told, hex."""
        if self._currency is not None and self._currency != UNKNOWN_CURRENCY:
            return self._currency.hex()
        return self.context.scaling.code if self.context.scaling else None

    @property
    def _purse(self) -> Purse:
        return Purse(self.address, self.context, self._currency)


def _counts(command: Message, fate: Fate) -> bool:
    match fate:
        case Fate.HEARD | Fate.UNSEEN:
            return True
        case Fate.SILENT:
            return isinstance(command, AT_ONCE)
        case Fate.MOVED_ON:
            return not isinstance(command, AT_ONCE)
        case Fate.GIVEN_UP:
            return isinstance(command, cashless.CashSale)

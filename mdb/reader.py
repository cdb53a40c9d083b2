"""Reader: follows one cashless device and concludes its vends.

Joins the three things a conclusion needs: the messages (`cashless`), where the session stands
(`session`) and what money is worth (`scaling`). One `Reader` an address.
"""

from dataclasses import dataclass, replace
from typing import Final

from mdb import cashless, event
from mdb.block import Address
from mdb.cashless import Message
from mdb.event import Confidence, Event, Kind, Raw, Tender
from mdb.exchange import Exchange, Fate
from mdb.scaling import UNKNOWN_MONEY, Scaling, currency_of
from mdb.session import Conclusion, State, step

NO_ITEM: Final = b"\xff\xff"
AT_ONCE: Final = (
    cashless.Reset,
    cashless.VendRequest,
    cashless.VendCancel,
    cashless.NegativeVendRequest,
    cashless.RevalueRequest,
)
"""Commands that take effect though nobody was heard to answer them: saying them twice is saying
them once, and an answer heard later proves they arrived."""

CASH_FLAGS: Final = ((0x80, Kind.FREE), (0x40, Kind.TEST), (0x10, Kind.TOKEN))
"""CASH SALE's flags in the item's first byte (7.4.10), the negative vend (20h) apart."""
NEGATIVE: Final = 0x20
FLAG_BITS: Final = 0xF0

NO_VEND: Final = {State.IDLE, State.SOLD, State.ENABLED, State.INACTIVE, State.PRESUMED}

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


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader tells once, when the machine starts; it outlives a restart of the listener."""

    vmc_level: int | None = None
    reader_level: int | None = None
    scaling: Scaling | None = None
    display: int | None = None

    @property
    def level(self) -> int | None:
        """The level both speak (2.4.4)."""
        if self.vmc_level is None or self.reader_level is None:
            return None
        return min(self.vmc_level, self.reader_level)


@dataclass(frozen=True, slots=True)
class _Vend:
    """The vend under way; None for what was not heard."""

    price: int | None = None
    item: bytes | None = None
    approved: int | None = None


class Reader:
    """One cashless device, 10h or 60h."""

    def __init__(self, address: int, context: Context = Context()) -> None:
        self.address = address
        self.context = context
        self.state = State.INACTIVE
        self._vend = _Vend()
        self._media = Kind.PAID

    def feed(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """Take a settled exchange; return the messages in it and what they conclude."""
        said: list[Message] = []
        events: list[Event] = []
        command = cashless.decode_command(exchange.command)
        if not exchange.repeated:
            said.append(command)
            if _counts(command, exchange.fate):
                events += self._take(command, exchange.at, exchange.fate)
        if exchange.reply is not None:
            known = self.context
            for message in cashless.decode_reply(exchange.reply, known.level, known.display):
                said.append(message)
                events += self._take(message, exchange.reply_at, exchange.fate)
        return said, events

    def reset_by_bus(self, at: float) -> list[Event]:
        """The VMC broke the line: the same to a vend as a RESET."""
        return self._conclude(cashless.Reset(), at)

    def _take(self, message: Message, at: float, fate: Fate) -> list[Event]:
        match message:
            case cashless.SetupConfig():
                display = message.columns * message.rows
                self.context = replace(self.context, vmc_level=message.level, display=display)
            case cashless.ReaderConfig():
                return self._configure(message, at)
            case cashless.CashSale():
                return self._cash_sale(message, at, fate)
            case cashless.Malfunction():
                return [event.ReaderMalfunction(at, self.address, f"{message.code:02x}")]
            case cashless.BeginSession():
                self._media = _media(message)
            case cashless.RevalueRequest():
                self._vend = _Vend(approved=message.amount)
            case cashless.NegativeVendRequest():
                self._vend = _Vend(message.value, message.item)
        return self._conclude(message, at)

    def _conclude(self, message: Message, at: float) -> list[Event]:
        before = self._vend
        self.state, conclusion = step(self.state, message)
        match message:
            case cashless.VendRequest():
                self._vend = _Vend(message.price, message.item)
            case cashless.VendApproved():
                self._vend = before = replace(before, approved=message.amount)
            case cashless.VendSuccess() if message.item != NO_ITEM:
                before = replace(before, item=message.item)
        if self.state in NO_VEND:
            self._vend = _Vend()
        events = self._events(conclusion, before, at)
        if conclusion is Conclusion.UNCERTAIN and isinstance(message, cashless.VendRequest):
            events += self._events(Conclusion.REQUESTED, self._vend, at)
        elif conclusion is Conclusion.REQUESTED:
            events = self._events(conclusion, self._vend, at)
        if isinstance(message, cashless.JustReset):
            events.append(event.PeripheralReset(at, self.address))
        if self.state in {State.ENABLED, State.INACTIVE, State.PRESUMED}:
            self._media = Kind.PAID
        return events

    def _events(self, conclusion: Conclusion, vend: _Vend, at: float) -> list[Event]:
        item = _item(vend.item)
        amount, currency = self._worth(vend.approved if vend.approved is not None else vend.price)
        if conclusion in SALES:
            return [self._sale(vend, at, SALES[conclusion])]
        if conclusion in PRICED:
            return [PRICED[conclusion](at, self.address, item, amount, currency)]
        if conclusion in NAMED:
            return [NAMED[conclusion](at, self.address, item)]
        if conclusion in BARE:
            return [BARE[conclusion](at, self.address)]
        if conclusion is Conclusion.RETURN:
            amount, currency = self._worth(vend.approved)
            tenders, raw = (Tender(self._by, amount),), self._raw(vend)
            return [event.Return(at, self.address, item, amount, currency, tenders, raw=raw)]
        if conclusion is Conclusion.REVALUED:
            return [event.Revalue(at, self.address, amount, currency, self._raw(vend))]
        return []  # Conclusion.NOTHING

    def _sale(self, vend: _Vend, at: float, confidence: Confidence) -> Event:
        """Only what was approved is charged: an approval not heard leaves the amount unknown."""
        kind = self._media
        if kind is Kind.PAID and vend.approved == UNKNOWN_MONEY:
            kind = Kind.TOKEN
        amount, currency = self._worth(vend.approved)
        tenders: tuple[Tender, ...] = (Tender(self._by, amount),)
        if kind in {Kind.FREE, Kind.TEST}:
            amount, tenders = 0, ()
        raw = self._raw(vend)
        item = _item(vend.item)
        return event.Sale(
            at, self.address, item, kind, amount, currency, tenders, confidence, raw=raw
        )

    def _cash_sale(self, told: cashless.CashSale, at: float, fate: Fate) -> list[Event]:
        """A completed sale for cash, told to the reader for its audit (7.4.10)."""
        kind, item, negative = Kind.PAID, told.item, False
        if item != NO_ITEM:
            flags = item[0] & FLAG_BITS
            negative = bool(flags & NEGATIVE)
            kind = next((kind for bit, kind in CASH_FLAGS if flags & bit), Kind.PAID)
            item = bytes([item[0] & ~FLAG_BITS & 0xFF, item[1]])
        confidence = Confidence.CONFIRMED if fate is Fate.HEARD else Confidence.PRESUMED
        amount, currency = self._worth(None if kind is Kind.TOKEN else told.price)
        tenders: tuple[Tender, ...] = (Tender("cash", amount),)
        if kind in {Kind.FREE, Kind.TEST}:
            amount, tenders = 0, ()
        where, raw = (at, self.address), self._raw(_Vend(told.price, told.item))
        name = _item(item)
        if negative:
            return [event.Return(*where, name, amount, currency, tenders, confidence, raw)]
        return [event.Sale(*where, name, kind, amount, currency, tenders, confidence, raw)]

    def _configure(self, config: cashless.ReaderConfig, at: float) -> list[Event]:
        scaling = Scaling(config.scale, config.decimals, currency_of(config.currency))
        self.context = replace(self.context, reader_level=config.level, scaling=scaling)
        return [
            event.ReaderConfigured(
                at, self.address, scaling.currency, config.scale, config.decimals, config.level
            )
        ]

    def _worth(self, units: int | None) -> tuple[int | None, str | None]:
        scaling = self.context.scaling
        if scaling is None:
            return None, None
        money = None if units is None or units == UNKNOWN_MONEY else scaling.money(units)
        return (money.minor if money else None), scaling.currency

    def _raw(self, vend: _Vend) -> Raw:
        scaling = self.context.scaling
        return {
            "price": vend.price,
            "approved": vend.approved,
            "item": vend.item.hex() if vend.item else None,
            "scale": scaling.scale if scaling else None,
            "decimals": scaling.decimals if scaling else None,
        }

    @property
    def _by(self) -> str:
        return "cashless-1" if self.address == Address.CASHLESS_1 else "cashless-2"


def _counts(command: Message, fate: Fate) -> bool:
    match fate:
        case Fate.HEARD:
            return True
        case Fate.SILENT:
            return isinstance(command, AT_ONCE)
        case Fate.MOVED_ON:
            return not isinstance(command, AT_ONCE)
        case Fate.GIVEN_UP:
            return isinstance(command, cashless.CashSale)


def _media(begun: cashless.BeginSession) -> Kind:
    if begun.free:
        return Kind.FREE
    return Kind.TEST if begun.test else Kind.PAID


def _item(item: bytes | None) -> str | None:
    return None if item is None or item == NO_ITEM else item.hex()

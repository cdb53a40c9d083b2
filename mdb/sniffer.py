"""Sniffer: signals in, events out. Joins framer, exchanges and readers; has no rules of its own.

Signal -> Framer -> Block -> Joiner -> Exchange -> Reader, Till -> Event
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mdb.block import Address, Fault
from mdb.byte import Break, Signal
from mdb.cash import Changer, Ledger, Validator
from mdb.cashless import Message
from mdb.event import BusFault, BusReset, Event, Return, Sale
from mdb.exchange import Exchange, Joined, Joiner
from mdb.framing import Framed, Framer
from mdb.reader import Context, Reader

READERS: Final = (Address.CASHLESS_1, Address.CASHLESS_2)
CASH_SALE: Final = b"\x05"
SAME_CASH_SALE_S: Final = 1.5
"""Bus time within which a CASH SALE told to the other reader too is the same one. Without it two
equal purchases, each told to one reader in turn, would be taken for one."""
CASH_SALES_KEPT: Final = 16
"""A reader that does not answer is given up seconds later, and other sales may come between."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One settled piece of the conversation: who was addressed, what was said, what it means."""

    exchange: Exchange | None
    said: tuple[Message, ...]
    events: tuple[Event, ...]


class Sniffer:
    """A passive listener to a whole bus. Never raises on what it hears."""

    def __init__(self, context: Mapping[int, Context] | None = None) -> None:
        known = context or {}
        self._framer = Framer()
        self._joiner = Joiner()
        self._readers: dict[int, Reader] = {
            each: Reader(each, known.get(each, Context())) for each in READERS
        }
        self._cash_sales: deque[Sale | Return] = deque(maxlen=CASH_SALES_KEPT)
        self._changer = Changer()
        self._validator = Validator()
        self._ledger = Ledger()
        self._at = 0.0

    @property
    def context(self) -> Mapping[int, Context]:
        """What the readers told when the machine started: keep it, and give it to the next."""
        return {address: reader.context for address, reader in self._readers.items()}

    def feed(self, signal: Signal) -> list[Event]:
        """Take the next signal; return what it lets us conclude."""
        return [event for heard in self.listen(signal) for event in heard.events]

    def listen(self, signal: Signal) -> list[Heard]:
        """As `feed`, with the conversation that led there."""
        return self._follow(self._framer.feed(signal))

    def flush(self) -> list[Heard]:
        """The capture ended: what the last block still settles, and what cash is left."""
        heard = self._follow(self._framer.flush())
        heard += [self._hear(each) for each in self._joiner.flush()]
        at = max((each.exchange.at for each in heard if each.exchange), default=self._at)
        till = self._changer.till
        events = self._ledger.add(self._changer.settle(), till, at, Address.CHANGER)
        events += self._ledger.flush(till, at)
        return [*heard, Heard(None, (), tuple(events))] if events else heard

    def _follow(self, framed: Iterable[Framed]) -> list[Heard]:
        return [self._hear(joined) for each in framed for joined in self._joiner.feed(each)]

    def _hear(self, joined: Joined) -> Heard:
        match joined:
            case Fault():
                fault = BusFault(joined.at, 0, joined.reason, {"bytes": joined.raw.hex()})
                return Heard(None, (), (fault,))
            case Break():
                events: list[Event] = [BusReset(joined.at, 0)]
                for reader in self._readers.values():
                    events += reader.reset_by_bus(joined.at)
                return Heard(None, (), tuple(events))
            case Exchange():
                self._at = joined.at
                follower = self._readers.get(joined.address)
                if follower is None:
                    return Heard(joined, (), tuple(self._cash_moved(joined)))
                said, concluded = follower.feed(joined)
                if joined.command[1:2] == CASH_SALE:
                    concluded = [event for event in concluded if not self._told_before(event)]
                    concluded += self._cash_spent(concluded)
                return Heard(joined, tuple(said), tuple(concluded))

    def _cash_moved(self, exchange: Exchange) -> list[Event]:
        """Coins and bills, in and out."""
        match exchange.address:
            case Address.CHANGER:
                moved, till = self._changer.feed(exchange), self._changer.till
                if moved.deposited:
                    moved = self._changer.settle() + moved
                return self._ledger.add(moved, till, exchange.at, Address.CHANGER)
            case Address.VALIDATOR:
                moved, till = self._validator.feed(exchange), self._validator.till
                return self._ledger.add(moved, till, exchange.at, Address.VALIDATOR)
            case _:
                return []

    def _cash_spent(self, concluded: list[Event]) -> list[Event]:
        """A CASH SALE says what the cash was for."""
        return [
            movement
            for event in concluded
            if isinstance(event, Sale)
            for movement in self._ledger.sold(event.amount or 0, self._changer.till, event.at)
        ]

    def _told_before(self, event: Event) -> bool:
        """A CASH SALE may be told to both readers; it is one sale."""
        if not isinstance(event, Sale | Return):
            return False
        for first in self._cash_sales:
            if first.address != event.address and _same_cash_sale(first, event):
                self._cash_sales.remove(first)
                return True
        self._cash_sales.append(event)
        return False


def _same_cash_sale(one: Sale | Return, other: Sale | Return) -> bool:
    """The readers may differ in scaling and in what they acknowledged, not in what was sold.

    Where one's scaling is not known the amounts cannot be compared; the item must do.
    """
    if abs(one.at - other.at) > SAME_CASH_SALE_S or type(one) is not type(other):
        return False
    if one.raw["item"] != other.raw["item"]:  # with its flags
        return False
    return one.amount is None or other.amount is None or one.amount == other.amount

"""Till: follows one cash device, a changer, validator or hopper, and what money it moves.

A payout is told in several ways: what was asked for, values while it goes on, counts when it is
over. None adds to another; each tells the same payout better. So the till keeps how much of it is
in the books, and a better account adds the difference.
"""

from collections.abc import Callable
from dataclasses import replace

from mdb import cash_message as cash
from mdb import event
from mdb.cash import NOTHING, Ledger, Moved
from mdb.context import UNHEARD, Context
from mdb.event import Event
from mdb.exchange import TOOK_EFFECT, Exchange
from mdb.hopper import Dispensed
from mdb.message import JustReset, Message

DecodeCommand = Callable[[bytes], Message]
DecodeReply = Callable[[bytes, bytes], list[Message]]


class Till:
    """One cash device; `ledger` is the machine's, shared with its other tills."""

    def __init__(
        self,
        address: int,
        decode: tuple[DecodeCommand, DecodeReply],
        ledger: Ledger,
        context: Context = UNHEARD,
        *,
        at_once: bool = False,
    ) -> None:
        """`at_once`: a payout of coins is over when it is acknowledged (the changer's DISPENSE)."""
        self.address = address
        self.context = context
        self._decode_command, self._decode_reply = decode
        self._ledger = ledger
        self._at_once = at_once
        self._asked: Moved | None = None
        self._booked = 0

    def feed(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """Take a settled exchange; return the messages in it and what they conclude."""
        said: list[Message] = []
        moved, events = NOTHING, list[Event]()
        if not exchange.repeated:
            command = self._decode_command(exchange.command)
            said.append(command)
            if exchange.fate in TOOK_EFFECT:
                moved += self._take_command(command)
        if exchange.reply is not None:
            for message in self._decode_reply(exchange.command, exchange.reply):
                said.append(message)
                moved += self._take_answer(message)
                events += self._configured(message, exchange.reply_at)
        return said, [*events, *self._book(moved, exchange.at)]

    def settle(self, at: float) -> list[Event]:
        """Nobody will say more of a payout: it was paid as it was asked for."""
        return self._book(self._end_payout(), at)

    def _book(self, moved: Moved, at: float) -> list[Event]:
        scaling = self.context.scaling
        return self._ledger.add(moved, scaling.currency if scaling else None, at, self.address)

    def _configured(self, message: Message, at: float) -> list[Event]:
        match message:
            case cash.TillSetup():
                told = message.scaling
                self.context = replace(
                    self.context,
                    reader_level=message.level,
                    scaling=told,
                    credits=message.credits,
                )
                return [
                    event.TillConfigured(
                        at, self.address, told.currency, told.scale, told.decimals, message.level
                    )
                ]
            case JustReset():
                return [event.PeripheralReset(at, self.address)]
        return []

    def _take_command(self, command: Message) -> Moved:
        match command:
            case cash.PayOut():
                asked = _paid(self.context.worth(command.kind, command.count))
                if self._at_once:
                    return asked
                return self._ask(asked)
            case cash.PayOutValue():
                return self._ask(_paid(self.context.units(command.units)))
        return NOTHING

    def _take_answer(self, message: Message) -> Moved:
        worth = self.context.worth
        match message:
            case cash.MoneyIn():
                value = worth(message.kind)
                if value is None:
                    return Moved(unknown=True)
                recycled = value if message.recycled else 0
                return self._end_payout() + Moved(deposited=value, recycled=recycled)
            case cash.GivenBack():
                value = worth(message.kind) or 0
                return Moved(rejected=value) if message.rejected else Moved(returned=value)
            case cash.ByHand():
                value = worth(message.kind, message.count) or 0
                return Moved(by_hand=value if message.filled else -value)
            case cash.PaidValue():
                return self._paid_more(self.context.units(message.units))
            case cash.PaidCounts():
                paid = [worth(kind, count) for kind, count in enumerate(message.counts) if count]
                return self._paid_in_all(_sum(paid), over=True)
            case Dispensed():
                return self._paid_in_all(worth(message.kind, message.count), over=message.complete)
        return NOTHING

    def _ask(self, asked: Moved) -> Moved:
        before = self._end_payout()
        self._asked = asked
        return before

    def _end_payout(self) -> Moved:
        """What was asked for stands, unless the peripheral told what it paid."""
        asked, booked = self._asked, self._booked
        self._asked, self._booked = None, 0
        return NOTHING if asked is None or booked else asked

    def _paid_more(self, value: int | None) -> Moved:
        self._booked += value or 0
        return _paid(value)

    def _paid_in_all(self, value: int | None, *, over: bool) -> Moved:
        if over:
            self._asked = None
        if value is None:
            return Moved(unknown=True)
        more = max(0, value - self._booked)
        self._booked += more
        return Moved(paid_out=more)


def _paid(value: int | None) -> Moved:
    return Moved(unknown=True) if value is None else Moved(paid_out=value)


def _sum(values: list[int | None]) -> int | None:
    known = [each for each in values if each is not None]
    return sum(known) if len(known) == len(values) else None

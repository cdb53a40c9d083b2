"""Till: follows one cash device, a changer, validator or hopper, and what money it moves.

A payout is told in several ways: what was asked for, values while it goes on, counts when it is
over. None adds to another; each tells the same payout better. So the till keeps how much of it is
in the books, and a better account adds the difference.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from mdb import event
from mdb.block import Address
from mdb.cash import NOTHING, Ledger, Moved
from mdb.context import UNHEARD, Context
from mdb.event import Event
from mdb.exchange import TOOK_EFFECT, Exchange, Fate
from mdb.vocabulary import cash_message as cash
from mdb.vocabulary.hopper import Dispensed
from mdb.vocabulary.message import JustReset, Message

TO_CASH_BOX: Final = 0x40
"""``0100tttt``: a coin that went to the cash box."""
ONE_COIN_S: Final = 0.15
"""Bus time that one coin takes to fall; a VMC asks again sooner for what it just acknowledged."""
ONE_BILL_S: Final = 1.0
"""Bus time in which no second bill is stacked."""
PAID_VALUE_REQUESTS: Final = {b"\x0f\x04", b"\x37\x09", b"\x5e\x01", b"\x76\x01"}
"""The changer's, the validator's and the hoppers'."""

DecodeCommand = Callable[[bytes], Message]
DecodeReply = Callable[[bytes, bytes], list[Message]]


@dataclass(slots=True)
class _Payout:
    """One payout: what was asked for unless told better, what was told, what is in the books.

    `told` is whether its counts were; a peripheral tells them once.
    """

    asked: Moved | None = None
    values: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    told: bool = False
    booked: int = 0


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
        self._payout = _Payout()
        self._polled: Exchange | None = None

    def feed(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """Take a settled exchange; return the messages in it and what they conclude."""
        said: list[Message] = []
        moved, events = NOTHING, list[Event]()
        if not exchange.repeated:
            command = self._decode_command(exchange.command)
            said.append(command)
            if exchange.fate in TOOK_EFFECT:
                moved += self._take_command(command)
        if _finished(exchange):
            self._payout.asked = None
        if exchange.reply is not None:
            again = self._again(exchange)
            for message in self._decode_reply(exchange.command, exchange.reply):
                said.append(message)
                if not again:
                    moved += self._take_answer(message)
                events += self._configured(message, exchange.reply_at)
        return said, [*events, *self._book(moved, exchange.at)]

    def polled_in_vain(self, poll: Exchange) -> None:
        """A POLL that told nothing: after an ACK, what is told next is another coin or bill."""
        if poll.fate is Fate.HEARD and not poll.untaken:
            self._polled = None

    def _again(self, exchange: Exchange) -> bool:
        """Whether a report of money is the one before, whose ACK the peripheral missed.

        The standard has the VMC poll again after 20 ms to find out (appendix 3). A coin to a tube
        raises the tube's count, and a bill takes its time: told twice in a second they are one. A
        coin to the cash box may soon be followed by another.
        """
        before, self._polled = self._polled, exchange if exchange.is_poll else self._polled
        if before is None or not exchange.is_poll or exchange.reply != before.reply:
            return False
        told = exchange.reply or b""
        coin_to_cash_box = self.address == Address.CHANGER and told[0] & 0xF0 == TO_CASH_BOX
        return exchange.at - before.at < (ONE_COIN_S if coin_to_cash_box else ONE_BILL_S)

    def settle(self, at: float) -> list[Event]:
        """Nobody will say more of a payout: it was paid as it was asked for."""
        return self._book(self._assume(), at)

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
                return self._assume() + Moved(deposited=value, recycled=recycled)
            case cash.GivenBack():
                value = worth(message.kind) or 0
                return Moved(rejected=value) if message.rejected else Moved(returned=value)
            case cash.ByHand():
                value = worth(message.kind, message.count) or 0
                return Moved(by_hand=value if message.filled else -value)
            case cash.PaidValue():
                return self._paid_more(self.context.units(message.units))
            case cash.PaidCounts():
                if self._payout.told and any(message.counts):
                    self._payout = _Payout()  # another one, whose command was not heard
                self._payout.told = True
                return self._counted(dict(enumerate(message.counts)))
            case Dispensed():
                return self._counted({message.kind: message.count})
        return NOTHING

    def _ask(self, asked: Moved) -> Moved:
        before = self._assume()
        self._payout = _Payout(asked)
        return before

    def _assume(self) -> Moved:
        """Nobody has told of a payout what it came to: it was paid as it was asked for."""
        payout = self._payout
        if payout.asked is None:
            return NOTHING
        asked = payout.asked
        payout.asked, payout.booked = None, asked.paid_out
        return asked

    def _paid_more(self, value: int | None) -> Moved:
        self._payout.values += value or 0
        return Moved(unknown=True) if value is None else self._account()

    def _counted(self, counts: dict[int, int]) -> Moved:
        """How many of each type a payout has come to; told once it is over, it is told once."""
        known = self._payout.counts
        for kind, count in counts.items():
            known[kind] = max(count, known.get(kind, 0))
        return self._account()

    def _account(self) -> Moved:
        """Book what the best account of the payout says, less what is in the books."""
        payout = self._payout
        payout.asked = None
        worths = [self.context.worth(kind, count) for kind, count in payout.counts.items() if count]
        known = [each for each in worths if each is not None]
        if len(known) < len(worths):
            return Moved(unknown=True)
        more = (sum(known) or payout.values) - payout.booked
        payout.booked += more
        return Moved(paid_out=more)


def _paid(value: int | None) -> Moved:
    return Moved(unknown=True) if value is None else Moved(paid_out=value)


def _finished(exchange: Exchange) -> bool:
    """An ACK alone to "what was paid out since I asked last?" says that the payout is over."""
    if exchange.fate is not Fate.HEARD or exchange.reply is not None or exchange.is_poll:
        return False
    return exchange.command[:2] in PAID_VALUE_REQUESTS

"""Sniffer: signals in, events out. Joins framer, exchanges and followers; has no rules of its own.

Signal -> Framer -> Block -> Joiner -> Exchange -> Reader, Till, … -> VendCycle -> Event
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mdb import event
from mdb.block import Address, Fault
from mdb.byte import Break, Signal
from mdb.cash import Ledger
from mdb.context import CASH_SALE, UNHEARD, Context
from mdb.event import BusFault, BusReset, Event, FileTransferred, Return, Revalue, Sale
from mdb.exchange import Exchange, Fate, Joined, Joiner
from mdb.framing import Framed, Framer
from mdb.gateway_reports import GatewayReports, as_vend, paid_somehow
from mdb.reader import Reader
from mdb.satellite_vends import SatelliteVends
from mdb.till import Till
from mdb.vend_cycle import VendCycle
from mdb.vocabulary import age, changer, hopper, validator
from mdb.vocabulary.cashless import CashSale
from mdb.vocabulary.file_transport import File, FileMessage, Reassembly
from mdb.vocabulary.message import JustReset, Message, Poll, Reset, Unknown

READERS: Final = (Address.CASHLESS_1, Address.CASHLESS_2)
SATELLITES: Final = (Address.USD_1, Address.USD_2, Address.USD_3)
TILLS: Final = {
    Address.CHANGER: (changer.decode_command, changer.decode_reply),
    Address.VALIDATOR: (validator.decode_command, validator.decode_reply),
    Address.HOPPER_1: (hopper.decode_command, hopper.decode_reply),
    Address.HOPPER_2: (hopper.decode_command, hopper.decode_reply),
}
MONEY: Final = {*READERS, *TILLS}
"""Addresses whose words move money."""


class Heard(NamedTuple):
    """One settled piece of the conversation: who was addressed, what was said, what it means."""

    exchange: Exchange | None
    said: tuple[Message, ...]
    events: tuple[Event, ...]


class Sniffer:
    """A passive listener to a whole bus. Never raises on what it hears."""

    def __init__(
        self, context: Mapping[int, Context] | None = None, *, vmc_only: bool = False
    ) -> None:
        """`vmc_only`: the peripherals' line is not heard, so no answer is missed by its absence."""
        known = context or {}
        self._vmc_only = vmc_only
        self._framer = Framer(vmc_only=vmc_only)
        self._joiner = Joiner(vmc_only=vmc_only)
        self._ledger = Ledger()
        self._cycle = VendCycle()
        self._readers: dict[int, Reader] = {
            each: Reader(each, known.get(each, UNHEARD)) for each in READERS
        }
        self._tills: dict[int, Till] = {
            address: Till(
                address,
                decode,
                self._ledger,
                known.get(address, UNHEARD),
                at_once=address == Address.CHANGER,
            )
            for address, decode in TILLS.items()
        }
        self._gateway = GatewayReports(known.get(Address.GATEWAY, UNHEARD))
        self._satellites: dict[int, SatelliteVends] = {
            each: SatelliteVends(each, known.get(each, UNHEARD)) for each in SATELLITES
        }
        self._files: dict[int, Reassembly] = {}
        self._cash_sale_told = False
        self._at = 0.0

    @property
    def context(self) -> Mapping[int, Context]:
        """What the peripherals told when the machine started: keep it, and give it to the next."""
        followers: tuple[Reader | Till | GatewayReports | SatelliteVends, ...] = (
            *self._readers.values(),
            *self._tills.values(),
            self._gateway,
            *self._satellites.values(),
        )
        return {each.address: each.context for each in followers if each.context != UNHEARD}

    def feed(self, signal: Signal) -> list[Event]:
        """Take the next signal; return what it lets us conclude."""
        framed = self._framer.feed(signal)
        if not framed:
            return []
        return [event for heard in self._follow(framed) for event in heard.events]

    def listen(self, signal: Signal) -> list[Heard]:
        """As `feed`, with the conversation that led there."""
        framed = self._framer.feed(signal)
        return self._follow(framed) if framed else []

    def wait(self, at: float) -> list[Event]:
        """Nothing has been heard until `at`: what no longer waits for more of the bus."""
        return self._cycle.until(at)

    def flush(self) -> list[Heard]:
        """The capture ended: what the last block still settles, and what cash is left."""
        heard = self._follow(self._framer.flush())
        heard += [self._hear(each) for each in self._joiner.flush()]
        at = max((each.exchange.at for each in heard if each.exchange), default=self._at)
        left = [
            *(settled for till in self._tills.values() for settled in till.settle(at)),
            *self._ledger.flush(at),
        ]
        events = [told for each in left for told in self._cycle.conclude(each)]
        events += self._cycle.flush()
        return [*heard, Heard(None, (), tuple(events))] if events else heard

    def _follow(self, framed: Iterable[Framed]) -> list[Heard]:
        return [self._hear(joined) for each in framed for joined in self._joiner.feed(each)]

    def _hear(self, joined: Joined) -> Heard:
        late = self.wait(joined.at) if self._cycle.holds else []
        match joined:
            case Exchange(reply=None) if joined.is_poll:
                self._at = joined.at
                if joined.address in self._tills:
                    self._tills[joined.address].polled_in_vain(joined)
                    if joined.untaken:
                        self._ledger.doubt()
                return Heard(joined, (), tuple(late))
            case Exchange():
                self._at = joined.at
                said, events = self._exchanged(joined)
                return Heard(joined, tuple(said), (*late, *events))
            case Fault():
                fault = BusFault(joined.at, 0, joined.reason, {"bytes": joined.raw.hex()})
                self._ledger.doubt()
                return Heard(None, (), (*late, *self._cycle.conclude(fault)))
            case Break():
                events = [BusReset(joined.at, 0)]
                for reader in self._readers.values():
                    events += reader.reset_by_bus(joined.at)
                events = [told for each in events for told in self._conclude(each, [])]
                return Heard(None, (), (*late, *events))

    def _exchanged(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """What was said in an exchange, and what is concluded from it."""
        said, concluded = self._follower(exchange)
        if exchange.address in MONEY and (exchange.untaken or Unknown in map(type, said)):
            self._ledger.doubt()
        if exchange.fate is Fate.SILENT and CashSale in map(type, said):
            self._cycle.expect(exchange.at)
        if self._vmc_only and exchange.repeated and _tells_of_cash(exchange.command):
            self._cycle.keep_telling(exchange.address, exchange.at)
        events: list[Event] = []
        for each in concluded:
            events += self._conclude(each, said, exchange.span)
        for message in said:
            if self._files or isinstance(message, FileMessage):
                events += self._carried(exchange, message)
        return said, events

    def _follower(self, exchange: Exchange) -> tuple[list[Message], list[Event]]:
        """What was said in an exchange, and what it means to the peripheral it was with."""
        address = exchange.address
        if address in self._readers:
            return self._readers[address].feed(exchange)
        if address in self._tills:
            return self._tills[address].feed(exchange)
        if address == Address.GATEWAY:
            return self._gateway.feed(exchange, self._currency)
        if address in self._satellites:
            return self._satellites[address].feed(exchange)
        return _unfollowed(exchange)

    def _conclude(
        self, concluded: Event, said: list[Message], span: tuple[float, float] | None = None
    ) -> list[Event]:
        """A conclusion on its way through the vend cycle; `span` is how long it was told."""
        match concluded:
            case Sale() | Return() if CashSale in map(type, said):
                self._cash_sale_told = True
                if self._vmc_only and self._cycle.told_again(concluded):
                    return []
                if self._cycle.told_before(concluded, span):
                    return []
                item = concluded.item
                card = any(reader.pays_for(item) for reader in self._readers.values())
                card = card or self._ledger.doubtful
                told = self._cycle.paid_in_cash(concluded, card_in_play=card, span=span)
                return [*told, *self._spent(concluded.amount, concluded)]
            case Sale():
                return self._cycle.paid_by_card(concluded, cash_in_play=self._cash_in_play)
            case Revalue():
                spent = self._spent(concluded.amount, concluded)
                return [*self._cycle.conclude(concluded), *spent]
            case event.TransactionReported():
                return [*self._cycle.conclude(concluded), *self._reported(as_vend(concluded))]
            case event.PeripheralReset() if concluded.address in self._tills:
                self._ledger.trust()
        return self._cycle.conclude(concluded)

    def _reported(self, vend: Sale | Return | None) -> list[Event]:
        """A vend that a gateway was told of, if nobody else was."""
        if vend is None or self._cycle.told_of(vend):
            return []
        vend = vend if vend.tenders else paid_somehow(vend)
        cash = sum(each.amount or 0 for each in vend.tenders if each.by == "cash")
        return [*self._cycle.only_reported(vend), *self._spent(cash, vend)]

    def _spent(self, amount: int | None, on: Sale | Return | Revalue) -> list[Event]:
        """What cash was for has been told; a return gave it back."""
        spent = -(amount or 0) if isinstance(on, Return) else amount or 0
        return [
            told
            for movement in self._ledger.spent(spent, on.at)
            for told in self._cycle.conclude(movement)
        ]

    @property
    def _cash_in_play(self) -> bool:
        """Whether the other part of a card's payment may come as CASH SALE.

        A coin may have gone in before we listened, or in the noise, or where we do not hear it;
        then it may.
        """
        if not (self._ledger.open or self._ledger.doubtful):
            return False
        features = [each.context.features for each in self._readers.values()]
        known = [each for each in features if each is not None]
        return self._cash_sale_told or not known or any(each & CASH_SALE for each in known)

    @property
    def _currency(self) -> str | None:
        """The machine's currency, as any of its peripherals told it."""
        scalings = [each.scaling for each in self.context.values()]
        return next((each.currency for each in scalings if each and each.currency), None)

    def _carried(self, exchange: Exchange, message: Message) -> list[Event]:
        """Files that went over the bus, and what a reset leaves of one."""
        files = self._files.get(exchange.address)
        if isinstance(message, FileMessage):
            files = files or self._files.setdefault(exchange.address, Reassembly())
            file = files.feed(message)
        elif isinstance(message, Reset | JustReset) and files is not None:
            file = files.end()
        else:
            return []
        return [] if file is None else self._cycle.conclude(_transferred(file, exchange))


def _tells_of_cash(command: bytes) -> bool:
    return command[0] & 0x07 == 3 and command[1:2] == b"\x05"


def _unfollowed(exchange: Exchange) -> tuple[list[Message], list[Event]]:
    """A peripheral that moves no money: its words, or its bytes."""
    if exchange.address == Address.AGE:
        said = [] if exchange.repeated else [age.decode_command(exchange.command)]
        return [*said, *(age.decode_reply(exchange.reply) if exchange.reply else ())], []
    asked = Poll() if exchange.is_poll else Unknown(exchange.command)
    said = [] if exchange.repeated else [asked]
    return [*said, *([Unknown(exchange.reply)] if exchange.reply else ())], []


def _transferred(file: File, exchange: Exchange) -> Event:
    return FileTransferred(
        exchange.at,
        exchange.address,
        None if file.file is None else f"{file.file:02x}",
        None if file.source is None else f"{file.source:02x}",
        f"{file.to:02x}",
        len(file.content),
        file.complete,
        {"bytes": file.content.hex()},
    )

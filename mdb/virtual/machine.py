"""A vending machine: a VMC, its peripherals, and its own truth, in virtual time.

Nothing here knows the listener. What was said is taken from `wire`, what happened from `truth`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mdb.virtual import bill_validator, coin_changer
from mdb.virtual.bill_validator import BillValidator, ValidatorMake
from mdb.virtual.card_reader import CardReader, ReaderMake
from mdb.virtual.coin_changer import ChangerMake, CoinChanger
from mdb.virtual.gateway import Gateway
from mdb.virtual.peripheral import Messages, Peripheral, text
from mdb.virtual.truth import Truth
from mdb.virtual.unit import TENTHS, Unit
from mdb.virtual.vmc import Habits, Vmc
from mdb.virtual.wire import Wire

VMC_NAME: Final = text("CHK", 3) + text("000000000002", 12) + text("VIRTUAL VMC", 12) + b"\x01\x00"


@dataclass(frozen=True, slots=True)
class Make:
    """What stands in the machine. Prices are minor units by item, two bytes in hex."""

    prices: dict[str, int]
    readers: tuple[ReaderMake, ...] = (ReaderMake(),)
    changer: ChangerMake | None = None
    validator: ValidatorMake | None = None
    gateway: bool = False
    unit: Unit = TENTHS
    """The VMC's own unit, which a gateway is told."""
    habits: Habits = field(default_factory=Habits)


class Machine:
    """The parties on one wire. Actions run to their end and are then heard from `wire.take()`."""

    def __init__(self, make: Make, wire: Wire) -> None:
        self.make = make
        self.habits = make.habits
        self.wire = wire
        self.vmc = Vmc(wire, make.habits)
        self.vmc.between = self._poll_others
        self.truth = Truth()
        self.readers = [CardReader(each) for each in make.readers]
        self.changer = CoinChanger(make.changer) if make.changer else None
        self.validator = BillValidator(make.validator) if make.validator else None
        self.gateway = Gateway() if make.gateway else None
        self.credit = 0
        """Minor units the VMC holds for the buyer in front of it."""
        self.escrow: int | None = None
        """Type of the bill that waits for a decision."""
        self._heard: dict[int, deque[bytes]] = {}
        self._in_between = False

    @property
    def peripherals(self) -> Sequence[Peripheral]:
        """Everybody on the bus, in the order of polling."""
        others = (self.changer, self.validator, self.gateway)
        return [*self.readers, *(each for each in others if each)]

    def reader(self, address: int | None = None) -> CardReader:
        """The reader of an address, or the first.

        Raises:
            LookupError: there is none.
        """
        for each in self.readers:
            if address in {None, each.address}:
                return each
        raise LookupError("the machine has no such reader")

    def poll(self, who: Peripheral) -> None:
        """One POLL; money is counted, anything else waits for `heard`."""
        if isinstance(who, CoinChanger | BillValidator):
            for answer in self.vmc.ask_money(who, _is_money):
                for message in answer:
                    self._count(who, message)
        else:
            self._heard.setdefault(who.address, deque(maxlen=64)).extend(
                self.vmc.tell(who, who.address | who.poll)
            )

    def tell(self, who: Peripheral, *data: int) -> None:
        """A command; what answers it, now or later, waits for `heard`."""
        heard = self._heard.setdefault(who.address, deque(maxlen=64))
        heard.clear()
        heard.extend(self.vmc.tell(who, who.address | data[0], *data[1:]))

    def heard(self, who: Peripheral, *codes: int) -> bytes | None:
        """A message with one of the codes, if it was heard since the last command."""
        for message in self._heard.get(who.address, ()):
            if message[0] in codes:
                return message
        return None

    def until(self, who: Peripheral, *codes: int) -> bytes:
        """Poll in rounds until a message with one of the codes is heard."""
        while (message := self.heard(who, *codes)) is None:
            self.round()
        return message

    def round(self) -> None:
        """Everybody is polled once, and then there is quiet."""
        begun = self.wire.now
        for each in self.peripherals:
            self.poll(each)
        self.wire.pause(max(0.0, begun + self.habits.poll_s - self.wire.now))

    def wait(self, seconds: float) -> None:
        """Rounds, for so long."""
        until = self.wire.now + seconds
        while self.wire.now < until:
            self.round()

    def work(self) -> None:
        """The motor turns; some VMCs keep silent meanwhile."""
        if self.habits.polls_in_vend:
            self.wait(self.habits.motor_s)
        else:
            self.wire.pause(self.habits.motor_s)

    def settle_cash(self) -> None:
        """Write down what cash the devices really keep."""
        devices = [each for each in (self.changer, self.validator) if each]
        self.truth.cash_kept = sum(each.kept for each in devices)

    def expect_reset(self, who: Peripheral) -> None:
        """Poll one peripheral until it says that it has been reset."""
        told = tuple(self._heard.get(who.address, ()))
        while who.just_reset not in told:
            told = self.vmc.tell(who, who.address | who.poll)
            self.wire.pause(self.habits.repeat_s)

    def _count(self, who: CoinChanger | BillValidator, message: bytes) -> None:
        first = message[0]
        if isinstance(who, CoinChanger):
            routed = first & 0xC0 == 0x40 and first >> 4 & 3 != coin_changer.REJECTED
            self.credit += who.worth(first & 0x0F) if routed else 0
            return
        match first & 0xF0:
            case bill_validator.STACKED | bill_validator.RECYCLED:
                self.credit += who.worth(first & 0x0F)
            case bill_validator.IN_ESCROW:
                self.escrow = first & 0x0F

    def _poll_others(self, busy: Peripheral) -> None:
        """Between two tries with one peripheral the others have their turn."""
        if not self.habits.others_between or self._in_between:
            return
        self._in_between = True
        for each in self.peripherals:
            if each is not busy and isinstance(each, CardReader):
                self.poll(each)
        self._in_between = False


def _is_money(answer: Messages) -> bool:
    return any(message[0] & 0xC0 == 0x40 or message[0] & 0x80 for message in answer)

"""Cash in the machine: coins and bills in, change out, and what is left (MDB 4.2, 5 and 6).

Knows the coin changer's and the bill validator's bytes as far as money moves in them; not vends. A
listener cannot see the VMC's credit, so it keeps a ledger:

    credit = deposited - paid out - told as CASH SALE

and concludes a *cash movement* when the credit is back at zero, or at the end of a capture: its
amount is what the machine keeps. Rejected coins, bills that are only in escrow or came back, tokens
and what a technician moves by hand are no credit.
"""

from dataclasses import dataclass
from typing import Final

from mdb.block import Address
from mdb.event import CashMovement, Event
from mdb.exchange import Exchange, Fate
from mdb.scaling import Scaling, currency_of

TOKEN: Final = 0xFF
"""A credit of FF is a vend token, of 00 a type that is not used."""
CASHBOX, TUBES = 0, 1
"""Coin routing in POLL (5.3): the other two are unused and rejected."""
STACKED, RECYCLED = 0, 3
"""Bill routing in POLL (6.3) that makes a bill secure."""


@dataclass(frozen=True, slots=True)
class Till:
    """What a changer or validator tells once: its scaling, and what each coin or bill is worth."""

    scaling: Scaling | None = None
    credits: tuple[int, ...] = ()

    def worth(self, kind: int, count: int = 1) -> int | None:
        """Minor units of so many coins or bills of a type; None where SETUP was not heard."""
        if self.scaling is None or kind >= len(self.credits):
            return None
        credit = self.credits[kind]
        return self.units(0 if credit == TOKEN else credit * count)

    def units(self, units: int) -> int | None:
        """Minor units of a value in scaled units."""
        money = None if self.scaling is None else self.scaling.money(units)
        return None if money is None else money.minor


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that one exchange moved, minor units; `unknown` if some of it has no known worth."""

    deposited: int = 0
    paid_out: int = 0
    unknown: bool = False

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(
            self.deposited + other.deposited,
            self.paid_out + other.paid_out,
            self.unknown or other.unknown,
        )


NOTHING: Final = Moved()


class Changer:
    """The coin changer, 08h."""

    def __init__(self, till: Till = Till()) -> None:
        self.till = till
        self._asked = 0

    def feed(self, exchange: Exchange) -> Moved:
        """What a settled exchange moved."""
        command, reply = exchange.command, exchange.reply
        if reply is not None:
            match command[0] & 0x07, command[1:2]:
                case 1, _ if len(reply) >= 7:
                    scaling = Scaling(reply[3], reply[4], currency_of(reply[1:3]))
                    self.till = Till(scaling, tuple(reply[7:]))
                case 3, _:
                    return self._deposits(reply)
                case 7, b"\x03":
                    self._asked = 0
                    return self._payout(reply)
        if exchange.repeated or exchange.fate not in {Fate.HEARD, Fate.MOVED_ON}:
            return NOTHING
        match command[0] & 0x07, command[1:]:
            case 5, data if len(data) == 1:
                return _paid(self.till.worth(data[0] & 0x0F, data[0] >> 4))
            case 7, data if len(data) == 2 and data[0] == 0x02:
                self._asked = data[1]
        return NOTHING

    def settle(self) -> Moved:
        """An alternative payout that nobody itemised was paid as it was asked for."""
        asked, self._asked = self._asked, 0
        return _paid(self.till.units(asked)) if asked else NOTHING

    def _deposits(self, told: bytes) -> Moved:
        """POLL: ``01yyxxxx zz`` a coin of type x to yy, ``1yyyxxxx zz`` y coins by hand."""
        moved, rest = NOTHING, told
        while rest:
            first, rest = rest[0], rest[1:]
            if first & 0x80:
                rest = rest[1:]
            elif first & 0x40:
                rest = rest[1:]
                if (first >> 4) & 0x03 in {CASHBOX, TUBES}:
                    moved += _deposited(self.till.worth(first & 0x0F))
        return moved

    def _payout(self, counts: bytes) -> Moved:
        """PAYOUT STATUS: how many coins of each type, from type 0 on."""
        moved = NOTHING
        for kind, count in enumerate(counts):
            if count:
                moved += _paid(self.till.worth(kind, count))
        return moved


class Validator:
    """The bill validator or recycler, 30h."""

    def __init__(self, till: Till = Till()) -> None:
        self.till = till

    def feed(self, exchange: Exchange) -> Moved:
        """What a settled exchange moved."""
        command, reply = exchange.command, exchange.reply
        if reply is not None:
            match command[0] & 0x07:
                case 1 if len(reply) >= 11:
                    scale = int.from_bytes(reply[3:5], "big")
                    scaling = Scaling(scale, reply[5], currency_of(reply[1:3]))
                    self.till = Till(scaling, tuple(reply[11:]))
                case 3:
                    return self._bills(reply)
        if exchange.repeated or exchange.fate not in {Fate.HEARD, Fate.MOVED_ON}:
            return NOTHING
        match command[0] & 0x07, command[1:]:
            case 7, data if len(data) == 4 and data[0] == 0x06:
                return _paid(self.till.worth(data[1], int.from_bytes(data[2:4], "big")))
            case 7, data if len(data) == 3 and data[0] == 0x07:
                return _paid(self.till.units(int.from_bytes(data[1:3], "big")))
        return NOTHING

    def _bills(self, told: bytes) -> Moved:
        """POLL: ``1yyyxxxx`` a bill of type x, yyy what became of it."""
        moved = NOTHING
        for each in told:
            if each & 0x80 and (each >> 4) & 0x07 in {STACKED, RECYCLED}:
                moved += _deposited(self.till.worth(each & 0x0F))
        return moved


class Ledger:
    """The cash of one machine since its credit was last at zero."""

    def __init__(self) -> None:
        self._moved = NOTHING
        self._sold = 0
        self._open = False

    def add(self, moved: Moved, till: Till, at: float, address: Address) -> list[Event]:
        """Money moved; a movement is concluded if nothing is left of the credit."""
        if moved == NOTHING:
            return []
        self._moved += moved
        self._open = True
        return self._conclude(till, at, address)

    def sold(self, amount: int, till: Till, at: float) -> list[Event]:
        """A CASH SALE was told: so much of the credit has been spent."""
        if not self._open:
            return []
        self._sold += amount
        return self._conclude(till, at, Address.CHANGER)

    def flush(self, till: Till, at: float) -> list[Event]:
        """The capture ended: what is open is what the machine keeps."""
        return self._close(till, at, Address.CHANGER) if self._open else []

    def _conclude(self, till: Till, at: float, address: Address) -> list[Event]:
        credit = self._moved.deposited - self._moved.paid_out - self._sold
        return [] if credit or self._moved.unknown else self._close(till, at, address)

    def _close(self, till: Till, at: float, address: Address) -> list[Event]:
        moved, sold = self._moved, self._sold
        self._moved, self._sold, self._open = NOTHING, 0, False
        amount = None if moved.unknown else moved.deposited - moved.paid_out
        currency = till.scaling.currency if till.scaling else None
        raw = {"deposited": moved.deposited, "paid_out": moved.paid_out, "told": sold}
        return [CashMovement(at, address, amount, currency, raw)]


def _deposited(worth: int | None) -> Moved:
    return Moved(unknown=True) if worth is None else Moved(deposited=worth)


def _paid(worth: int | None) -> Moved:
    return Moved(unknown=True) if worth is None else Moved(paid_out=worth)

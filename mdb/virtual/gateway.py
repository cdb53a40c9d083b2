"""A communications gateway, 18h: a telemetry unit the VMC reports to (MDB 4.2, section 9)."""

from dataclasses import dataclass, field
from typing import Final

from mdb.virtual.peripheral import Peripheral, text
from mdb.virtual.truth import Kind, Paid
from mdb.virtual.unit import Unit

ADDRESS: Final = 0x18
TYPES: Final[dict[Kind, int]] = {"paid": 0x01, "token": 0x02, "free": 0x03, "test": 0x04}


class Gateway(Peripheral):
    """The party: acknowledges whatever it is told."""

    def __init__(self) -> None:
        super().__init__(ADDRESS)

    def act(self, command: bytes) -> None:
        """A command of section 9.4."""
        match command[0] & 7, command[1]:
            case 1, _:
                self.say(b"\x01\x03\x00\x05")
            case 7, 0x00:
                named = text("CHK", 3) + text("1", 12) + text("MODEM", 12)
                self.say(b"\x06" + named + b"\x01\x00\x00\x00\x00\x02")


@dataclass(frozen=True, slots=True)
class Transaction:
    """REPORT 01 (9.4.4): a finished transaction and all the money in it, minor units."""

    kind: Kind
    item: bytes
    price: int
    unit: Unit
    tenders: tuple[Paid, ...] = ()
    bills: int = 0
    change: int = 0
    date: bytes = field(default=b"\x99" * 4)
    time: bytes = field(default=b"\x99" * 2)

    def command(self) -> bytes:
        """The 34 data bytes behind the address."""
        paid = {each.by: each.amount or 0 for each in self.tenders}
        coins = paid.get("cash", 0) + self.change - self.bills
        amounts = [
            *(self.price, 0, coins, self.bills),
            *(paid.get("cashless-1", 0), paid.get("cashless-2", 0)),
            *(0, 0, self.change, 0, 0),
        ]
        told = b"".join(self.unit.units(each).to_bytes(2, "big") for each in amounts)
        head = bytes([ADDRESS | 3, 0x01, TYPES[self.kind]]) + self.item
        return head + told + b"\x00\x00" + self.date + self.time

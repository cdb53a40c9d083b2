"""A coin changer, 08h, level 2 or 3 (MDB 4.2, section 5)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from mdb.virtual.peripheral import Messages, Peripheral, mask, text
from mdb.virtual.unit import WHOLE, Unit

ADDRESS: Final = 0x08
TOKEN_CREDIT: Final = 0xFF
CASHBOX, TUBES, REJECTED = 0, 1, 3
BUSY_POLLS: Final = 2
"""A payout is seen to be under way at least this often."""
MOST_PER_PAYOUT: Final = 15


@dataclass(frozen=True, slots=True)
class ChangerMake:
    """What a changer is: its coins in units, what its tubes hold, and its level."""

    level: int = 3
    unit: Unit = WHOLE
    currency: int = 0x1643
    coins: tuple[int, ...] = (1, 2, 5, 10)
    tubes: tuple[int, ...] = (20, 20, 20, 20)
    tube_size: int = 50
    alternative_payout: bool = True


class CoinChanger(Peripheral):
    """The party; coins are put in by `insert`."""

    poll: ClassVar[int] = 3
    just_reset: ClassVar[bytes] = b"\x0b"
    room: ClassVar[int] = 16
    answers_later: ClassVar[bool] = False
    patience_s: ClassVar[float] = 2.0

    def __init__(self, make: ChangerMake) -> None:
        super().__init__(ADDRESS)
        self.make = make
        self.tubes = list(make.tubes)
        self.kept = 0
        """Minor units of coins taken, less those paid out."""
        self._busy = 0
        self._payout: list[int] = [0] * len(make.coins)
        self._value = 0

    def worth(self, kind: int) -> int:
        """Minor units of a coin."""
        credit = self.make.coins[kind]
        return 0 if credit == TOKEN_CREDIT else credit * self.make.unit.minor

    def insert(self, kind: int) -> None:
        """A buyer's coin, which goes to its tube while there is room."""
        routes = kind < len(self.tubes) and self.tubes[kind] < self.make.tube_size
        routed = routes and self.worth(kind) > 0
        self.tubes[kind] += routed
        self.kept += self.worth(kind)
        self.say(bytes([0x40 | (TUBES if routed else CASHBOX) << 4 | kind, self.tubes[kind]]))

    def reject(self, kind: int) -> None:
        """A coin that fell through."""
        self.say(bytes([0x40 | REJECTED << 4 | kind, 0]))

    def pull_lever(self) -> None:
        """The escrow lever: the buyer wants the coins back."""
        self.say(b"\x01")

    def change_for(self, minor: int) -> list[int] | None:
        """Coins of each type for an amount, the largest first; None if the tubes cannot."""
        coins = [0] * len(self.make.coins)
        for kind in sorted(range(len(coins)), key=self.worth, reverse=True):
            if self.worth(kind):
                coins[kind] = min(minor // self.worth(kind), self.tubes[kind])
                minor -= coins[kind] * self.worth(kind)
        return None if minor else coins

    def tell(self) -> Messages:
        """Payout busy is said at every POLL; coins and the rest once."""
        if self._busy:
            self._busy -= 1
            return (b"\x02",)
        return super().tell()

    def delivered(self, messages: Messages) -> None:
        """The counts of a payout are cleared once the VMC has them."""
        if messages == (bytes(self._payout),):
            self._payout = [0] * len(self._payout)

    def act(self, command: bytes) -> bytes | None:
        """A command of section 5.3."""
        match command[0] & 7, command[1:2]:
            case 1, _:
                return self._setup()
            case 2, _:
                full = mask(count >= self.make.tube_size for count in self.tubes)
                return full + bytes(self.tubes)
            case 5, data:
                self._pay(data[0] & 0x0F, data[0] >> 4)
                self._busy = BUSY_POLLS
            case 7, b"\x00":
                options = int(self.make.alternative_payout)
                return (
                    text("CHK", 3)
                    + text("1", 12)
                    + text("TUBES", 12)
                    + bytes([1, 0, 0, 0, 0, options])
                )
            case 7, b"\x02":
                self._payout = [0] * len(self._payout)
                for kind, count in enumerate(self.change_for(self._minor(command[2])) or ()):
                    self._pay(kind, count)
                self._busy = BUSY_POLLS
                self._value = command[2]
            case 7, b"\x03":
                return b"" if self._busy else bytes(self._payout)
            case 7, b"\x04":
                value, self._value = self._value, 0
                self._busy = 0
                return bytes([value]) if value else b""
        return b""

    def _minor(self, units: int) -> int:
        return units * self.make.unit.minor

    def _pay(self, kind: int, count: int) -> None:
        self.tubes[kind] -= count
        self.kept -= count * self.worth(kind)
        self._payout[kind] += count

    def _setup(self) -> bytes:
        make = self.make
        routing = mask(credit != TOKEN_CREDIT for credit in make.coins)
        head = bytes([make.level]) + make.currency.to_bytes(2, "big")
        return head + bytes([make.unit.scale, make.unit.decimals]) + routing + bytes(make.coins)

"""A bill validator, 30h, level 1, or 2 with a recycler (MDB 4.2, section 6)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from mdb.virtual.peripheral import Messages, Peripheral, mask, text
from mdb.virtual.unit import TENS, Unit

ADDRESS: Final = 0x30
STACKED, IN_ESCROW, RETURNED, RECYCLED = 0x80, 0x90, 0xA0, 0xB0
DISABLED, PAYOUT_BUSY = b"\x09", b"\x22"
BUSY_POLLS: Final = 2
"""A payout is seen to be under way at least this often."""


@dataclass(frozen=True, slots=True)
class ValidatorMake:
    """What a validator is: its bills in units, and which of them it keeps for change."""

    unit: Unit = TENS
    currency: int = 0x1643
    bills: tuple[int, ...] = (5, 10, 20, 50, 100)
    recycles: tuple[int, ...] = ()
    """Types that go to the recycler."""


class BillValidator(Peripheral):
    """The party; bills are put in by `insert`."""

    poll: ClassVar[int] = 3
    just_reset: ClassVar[bytes] = b"\x06"
    room: ClassVar[int] = 16
    answers_later: ClassVar[bool] = False

    def __init__(self, make: ValidatorMake) -> None:
        super().__init__(ADDRESS)
        self.make = make
        self.kept = 0
        """Minor units of bills secured, less those paid out."""
        self.recycled = [0] * len(make.bills)
        self._escrow: int | None = None
        self._enabled = False
        self._busy = 0
        self._paid: list[int] = [0] * len(make.bills)

    def worth(self, kind: int) -> int:
        """Minor units of a bill."""
        return self.make.bills[kind] * self.make.unit.minor

    def insert(self, kind: int) -> None:
        """A buyer's bill goes to escrow; the VMC decides."""
        self._escrow = kind
        self.say(bytes([IN_ESCROW | kind]))

    def tell(self) -> Messages:
        """Disabled and payout busy are said at every POLL."""
        if self._busy:
            self._busy -= 1
            return (PAYOUT_BUSY,)
        told = super().tell()
        return told if self._enabled else (*told, DISABLED)

    def forget(self) -> None:
        """A reset disables all bills and gives back what is in escrow."""
        self._escrow, self._enabled, self._busy = None, False, 0

    def delivered(self, messages: Messages) -> None:
        """The counts of a payout are cleared once the VMC has them."""
        if messages == (self._counts(),):
            self._paid = [0] * len(self._paid)

    def act(self, command: bytes) -> bytes | None:
        """A command of section 6.3 or 6.5."""
        match command[0] & 7, command[1:2]:
            case 1, _:
                return self._setup()
            case 4, _:
                self._enabled = command[1:3] != b"\x00\x00"
            case 5, data:
                self._decide(stack=bool(data[0] & 1))
            case 6, _:
                return b"\x00\x0b"
            case 7, b"\x00":
                return text("CHK", 3) + text("1", 12) + text("STACKER", 12) + b"\x01\x00"
            case 7, b"\x02":
                named = text("CHK", 3) + text("1", 12) + text("STACKER", 12)
                return named + b"\x01\x00" + (2 * bool(self.make.recycles)).to_bytes(4, "big")
            case 7, b"\x06":
                kind, count = command[2], int.from_bytes(command[3:5], "big")
                self.recycled[kind] -= count
                self.kept -= count * self.worth(kind)
                self._paid[kind] += count
                self._busy = BUSY_POLLS
            case 7, b"\x08":
                return self._counts()
        return b""

    def _decide(self, *, stack: bool) -> None:
        kind, self._escrow = self._escrow, None
        if kind is None:
            self.say(b"\x0a")
        elif not stack:
            self.say(bytes([RETURNED | kind]))
        else:
            self.kept += self.worth(kind)
            self.recycled[kind] += kind in self.make.recycles
            self.say(bytes([(RECYCLED if kind in self.make.recycles else STACKED) | kind]))

    def _counts(self) -> bytes:
        return b"".join(count.to_bytes(2, "big") for count in self._paid)

    def _setup(self) -> bytes:
        make = self.make
        head = bytes([2 if make.recycles else 1]) + make.currency.to_bytes(2, "big")
        scaling = make.unit.scale.to_bytes(2, "big") + bytes([make.unit.decimals])
        security = mask(False for _ in make.bills)
        return head + scaling + b"\x00\xc8" + security + b"\xff" + bytes(make.bills)

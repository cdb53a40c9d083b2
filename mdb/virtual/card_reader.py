"""A cashless device, 10h or 60h, at levels 1 to 3 (MDB 4.2, section 7)."""

from dataclasses import dataclass
from enum import Enum

from mdb.virtual.peripheral import Messages, Peripheral, text
from mdb.virtual.unit import TENTHS, Unit

BEGIN_SESSION, APPROVED, DENIED = 0x03, 0x05, 0x06
END_SESSION, CANCELLED, PERIPHERAL_ID, MALFUNCTION = 0x07, 0x08, 0x09, 0x0A
OUT_OF_SEQUENCE, REVALUED, NOT_REVALUED, LIMIT = 0x0B, 0x0D, 0x0E, 0x0F
SETUP, VEND, READER, REVALUE, EXPANSION = 1, 3, 4, 5, 7
EXPANDED_CURRENCY, NEGATIVE_VEND, ALWAYS_IDLE = 1 << 1, 1 << 3, 1 << 5
TOKEN, DENY = "token", "deny"
ENABLED = 3
"""The state as OUT OF SEQUENCE numbers it."""


class Media(Enum):
    """The two upper bits of BEGIN SESSION's payment type (7.4.4)."""

    NORMAL = 0x00
    TEST = 0x40
    FREE = 0x80


@dataclass(frozen=True, slots=True)
class ReaderMake:
    """What a reader is: READER CONFIG (7.4.2) and its optional features (7.4.14)."""

    address: int = 0x10
    level: int = 1
    unit: Unit = TENTHS
    currency: int = 0x1643
    refund: bool = True
    multivend: bool = True
    cash_sale: bool = True
    expanded: bool = False
    negative_vend: bool = False
    always_idle: bool = False
    at_once: bool = False
    several: bool = True
    response_s: int = 7


class CardReader(Peripheral):
    """The party; a dialogue plays the buyer and the bank: `present`, `verdict`, `decide`."""

    def __init__(self, make: ReaderMake) -> None:
        super().__init__(make.address, at_once=make.at_once, several=make.several)
        self.make = make
        self.by = "cashless-1" if make.address == 0x10 else "cashless-2"
        self.verdict: int | str | None = None
        """What a request will get: an amount, `TOKEN`, `DENY`, or None to keep it waiting."""
        self.refunds = True
        """Whether a failed vend's money will find its way back."""
        self.enabled_options = 0
        self.session = False
        self._vmc_level = 1

    @property
    def level(self) -> int:
        """What both sides may use."""
        return min(self.make.level, self._vmc_level)

    @property
    def options(self) -> int:
        """The optional features it offers at level 3."""
        offered = EXPANDED_CURRENCY * self.make.expanded + NEGATIVE_VEND * self.make.negative_vend
        return offered + ALWAYS_IDLE * self.make.always_idle

    @property
    def width(self) -> int:
        """Bytes of an amount."""
        return 4 if self.enabled_options & EXPANDED_CURRENCY else 2

    def money(self, minor: int | None) -> bytes:
        """An amount as this reader and the VMC write it; None is unknown, or a token."""
        if minor is None:
            return b"\xff" * self.width
        return self.make.unit.units(minor).to_bytes(self.width, "big")

    @property
    def currency(self) -> bytes:
        """Two BCD digits pairs, for the messages of expanded currency mode."""
        return self.make.currency.to_bytes(2, "big")

    def present(self, media: Media = Media.NORMAL, funds: int | None = None) -> None:
        """A card, a coin key, a phone: BEGIN SESSION."""
        told = bytes([BEGIN_SESSION]) + self.money(funds)
        if self.level > 1:
            told += b"\xff" * 4 + bytes([media.value, 0, 0])
        if self.width == 4:
            told += b"ru" + self.currency + b"\x00"
        self.session = True
        self.say(told)

    def decide(self, verdict: int | str) -> None:
        """The bank has answered."""
        if verdict == DENY:
            self.say(bytes([DENIED]))
        else:
            amount = None if verdict == TOKEN else int(verdict)
            self.say(bytes([APPROVED]) + self.money(amount))

    def forget(self) -> None:
        """Sessions and optional features end with a reset (7.2)."""
        self.verdict, self.session = None, False
        self.enabled_options, self._vmc_level = 0, 1

    def settles(self, command: bytes, said: Messages) -> bool:
        """A VEND or REVALUE command speaks of what the reader said before it."""
        return bool(said) and command[0] & 7 in {VEND, REVALUE}

    def act(self, command: bytes) -> None:
        """A command of section 7.4; answers wait for a POLL unless the reader is quick."""
        match command[0] & 7, command[1]:
            case 1, 0x00:
                self._vmc_level = command[2]
                self.say(self._config())
            case 3, sub:
                self._vend(sub)
            case 4, 0x02:
                self.say(bytes([CANCELLED]))
            case 5, 0x00:
                self.say(bytes([NOT_REVALUED if self.verdict == DENY else REVALUED]))
            case 5, 0x01:
                self.say(bytes([LIMIT]) + b"\x7f" + b"\xff" * (self.width - 1))
            case 7, 0x00:
                self.say(self._id())
            case 7, 0x04:
                self.enabled_options = int.from_bytes(command[2:6], "big")

    def _vend(self, sub: int) -> None:
        match sub:
            case 0x00 | 0x06 if self.verdict is not None:
                self.decide(self.verdict)
            case 0x01:
                self.say(bytes([DENIED]))
            case 0x03 if not self.refunds:
                self.say(bytes([MALFUNCTION, 0xC0]))
            case 0x04 if self.session or self.enabled_options & ALWAYS_IDLE:
                self.session = False
                self.say(bytes([END_SESSION]))
            case 0x04:
                self.say(bytes([OUT_OF_SEQUENCE, *([ENABLED] if self.level > 1 else [])]))

    def _config(self) -> bytes:
        make = self.make
        options = make.refund | make.multivend << 1 | make.cash_sale << 3
        head = bytes([0x01, make.level]) + self.currency
        return head + bytes([make.unit.scale, make.unit.decimals, make.response_s, options])

    def _id(self) -> bytes:
        told = bytes([PERIPHERAL_ID]) + text("CHK", 3) + text("000000000001", 12)
        told += text("VIRTUAL", 12) + b"\x01\x00"
        return told + self.options.to_bytes(4, "big") if self.level == 3 else told

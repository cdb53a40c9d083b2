"""The cashless device, 10h and 60h: its vocabulary (MDB 4.2, section 7).

Knows what can be said; not how it is laid out in bytes (`cashless_layout`), when it may be said
(`session`), nor what a price is worth (`scaling`).

Layouts are drawn without address and checksum. P is money in scaled units, two bytes, or four in
expanded currency mode; I the item number (the maker's own two bytes, often row and column, so they
stay bytes); most significant byte first. `tail` keeps what MDB 4.3 adds at the end.
"""

from dataclasses import dataclass

from mdb.vocabulary.message import ByPeripheral, Message

# What the VMC says ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetupConfig(Message):
    """``x1 00 LL CC RR DD`` (7.4.2): feature level, display columns and rows, display type."""

    level: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class SetupPrices(Message):
    """``x1 01 PP PP`` (7.4.2): highest and lowest price; all ones and zero when unknown."""

    highest: int
    lowest: int


@dataclass(frozen=True, slots=True)
class VendRequest(Message):
    """``x3 00 P I`` (7.4.5)."""

    price: int
    item: bytes


@dataclass(frozen=True, slots=True)
class VendCancel(Message):
    """``x3 01`` (7.4.6): before the reader approved or denied."""


@dataclass(frozen=True, slots=True)
class VendSuccess(Message):
    """``x3 02 I`` (7.4.7): the product was dispensed."""

    item: bytes
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class VendFailure(Message):
    """``x3 03`` (7.4.8): it was not; the reader gives the money back."""

    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class SessionComplete(Message):
    """``x3 04`` (7.4.9)."""


@dataclass(frozen=True, slots=True)
class CashSale(Message):
    """``x3 05 P I [currency]`` (7.4.10): sold for cash; the item's upper bits are flags.

    Price and item are None where noise may have changed the block's length; `tail` has it all.
    """

    price: int | None
    item: bytes | None
    currency: bytes | None = None
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class NegativeVendRequest(Message):
    """``x3 06 P I`` (7.4.11): goods come back, their value goes to the media."""

    value: int
    item: bytes


@dataclass(frozen=True, slots=True)
class ReaderDisable(Message):
    """``x4 00`` (7.4.12)."""


@dataclass(frozen=True, slots=True)
class ReaderEnable(Message):
    """``x4 01`` (7.4.13)."""


@dataclass(frozen=True, slots=True)
class ReaderCancel(Message):
    """``x4 02`` (7.4.14)."""


@dataclass(frozen=True, slots=True)
class DataEntryResponse(Message):
    """``x4 03`` and eight characters (7.4.15): what the buyer keyed in. Not kept: it may be a PIN."""


@dataclass(frozen=True, slots=True)
class RevalueRequest(Message):
    """``x5 00 P`` (7.4.16)."""

    amount: int


@dataclass(frozen=True, slots=True)
class RevalueLimitRequest(Message):
    """``x5 01`` (7.4.17)."""


@dataclass(frozen=True, slots=True)
class VmcIdentity(Message):
    """``x7 00`` maker 3, serial 12, model 12, version 2 (7.4.18): who the VMC is; who are you?"""

    maker: str
    serial: str
    model: str


@dataclass(frozen=True, slots=True)
class ReadUserFile(Message):
    """``x7 01 NN`` (obsolete)."""

    file: int


@dataclass(frozen=True, slots=True)
class WriteUserFile(Message):
    """``x7 02 NN LL`` and LL bytes (obsolete)."""

    file: int
    content: bytes


@dataclass(frozen=True, slots=True)
class WriteTime(Message):
    """``x7 03 YY MM DD hh mm ss`` and four more, in BCD, FF where unknown."""

    digits: str


@dataclass(frozen=True, slots=True)
class Diagnostics(Message):
    """``x7 FF`` and whatever the maker likes."""

    content: bytes


# What the reader says ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReaderConfig(ByPeripheral):
    """``01 LL CC CC SS DD TT OO``: level, country/currency, scale, decimals, seconds, features."""

    level: int
    currency: bytes
    scale: int
    decimals: int
    features: int


@dataclass(frozen=True, slots=True)
class DisplayRequest(ByPeripheral):
    """``02 TT text``: for TT tenths of a second."""

    text: str


@dataclass(frozen=True, slots=True)
class BeginSession(ByPeripheral):
    """``03 P [media 4, type 1, 2 more [language 2, currency 2, options 1]]``.

    Funds (all ones when unknown); media and type from level 2, currency in expanded mode.
    """

    funds: int
    media_type: int = 0
    currency: bytes | None = None

    @property
    def free(self) -> bool:
        """A free vend card (type bit 7)."""
        return bool(self.media_type & 0x80)

    @property
    def test(self) -> bool:
        """Test media (type bit 6)."""
        return bool(self.media_type & 0x40)


@dataclass(frozen=True, slots=True)
class SessionCancelRequest(ByPeripheral):
    """``04``."""


@dataclass(frozen=True, slots=True)
class VendApproved(ByPeripheral):
    """``05 P``: what was really charged; all ones is an electronic token. None: not certain."""

    amount: int | None


@dataclass(frozen=True, slots=True)
class VendDenied(ByPeripheral):
    """``06``."""


@dataclass(frozen=True, slots=True)
class EndSession(ByPeripheral):
    """``07``."""


@dataclass(frozen=True, slots=True)
class Cancelled(ByPeripheral):
    """``08``."""


@dataclass(frozen=True, slots=True)
class Malfunction(ByPeripheral):
    """``0A EE``: type in the upper four bits; C is a refund error, the credit is lost."""

    code: int


@dataclass(frozen=True, slots=True)
class OutOfSequence(ByPeripheral):
    """``0B [SS]``: the reader's state from level 2."""


@dataclass(frozen=True, slots=True)
class RevalueApproved(ByPeripheral):
    """``0D``."""


@dataclass(frozen=True, slots=True)
class RevalueDenied(ByPeripheral):
    """``0E``."""


@dataclass(frozen=True, slots=True)
class RevalueLimit(ByPeripheral):
    """``0F P``."""

    limit: int


@dataclass(frozen=True, slots=True)
class UserFile(ByPeripheral):
    """``10 NN LL`` and LL bytes (obsolete)."""

    file: int
    content: bytes


@dataclass(frozen=True, slots=True)
class TimeRequest(ByPeripheral):
    """``11``."""


@dataclass(frozen=True, slots=True)
class DataEntryRequest(ByPeripheral):
    """``12 NN`` (level 3): repeat in bit 7, how many characters below."""

    characters: int


@dataclass(frozen=True, slots=True)
class DataEntryCancel(ByPeripheral):
    """``13`` (level 3)."""


@dataclass(frozen=True, slots=True)
class ReaderDiagnostics(ByPeripheral):
    """``FF`` and whatever the maker likes."""

    content: bytes

"""The cashless device, 10h and 60h: its commands and answers (MDB 4.2, section 7).

Knows the bytes of each message, 16-bit money; not when one is allowed (`session`) nor what a price
is worth (`scaling`). Bytes that fit no message are `Unknown`, kept as heard: never an exception.

Layouts are drawn without address and checksum. PP price or amount in scaled units, II item number
(the maker's own two bytes, often row and column, so they stay bytes), most significant byte first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Message:
    """Something one side said."""


@dataclass(frozen=True, slots=True)
class ByReader(Message):
    """Something the reader said."""


@dataclass(frozen=True, slots=True)
class Unknown(Message):
    """Bytes that fit no message of this level."""

    raw: bytes


# What the VMC says ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reset(Message):
    """``x0`` (7.4.1)."""


@dataclass(frozen=True, slots=True)
class SetupConfig(Message):
    """``x1 00 LL CC RR DD`` (7.4.2): feature level, display columns and rows, display type."""

    level: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class SetupPrices(Message):
    """``x1 01 MM MM NN NN`` (7.4.2): highest and lowest price; FFFF and 0000 when unknown."""

    highest: int
    lowest: int


@dataclass(frozen=True, slots=True)
class Poll(Message):
    """``x2`` (7.4.4)."""


@dataclass(frozen=True, slots=True)
class VendRequest(Message):
    """``x3 00 PP PP II II`` (7.4.5)."""

    price: int
    item: bytes


@dataclass(frozen=True, slots=True)
class VendCancel(Message):
    """``x3 01`` (7.4.6): before the reader approved or denied."""


@dataclass(frozen=True, slots=True)
class VendSuccess(Message):
    """``x3 02 II II`` (7.4.7): the product was dispensed."""

    item: bytes


@dataclass(frozen=True, slots=True)
class VendFailure(Message):
    """``x3 03`` (7.4.8): it was not; the reader gives the money back."""


@dataclass(frozen=True, slots=True)
class SessionComplete(Message):
    """``x3 04`` (7.4.9)."""


@dataclass(frozen=True, slots=True)
class CashSale(Message):
    """``x3 05 PP PP II II`` (7.4.10): sold for cash; the item's upper bits are flags."""

    price: int
    item: bytes


@dataclass(frozen=True, slots=True)
class NegativeVendRequest(Message):
    """``x3 06 PP PP II II`` (7.4.11): goods come back, their value goes to the media."""

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
class RevalueRequest(Message):
    """``x5 00 PP PP`` (7.4.16)."""

    amount: int


@dataclass(frozen=True, slots=True)
class RevalueLimitRequest(Message):
    """``x5 01`` (7.4.17)."""


@dataclass(frozen=True, slots=True)
class RequestId(Message):
    """``x7 00`` maker 3, serial 12, model 12, version 2 (7.4.18)."""

    maker: str
    serial: str
    model: str


# What the reader says ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JustReset(ByReader):
    """``00``."""


@dataclass(frozen=True, slots=True)
class ReaderConfig(ByReader):
    """``01 LL CC CC SS DD TT OO``: level, country/currency, scale, decimals, seconds, options."""

    level: int
    currency: bytes
    scale: int
    decimals: int
    options: int


@dataclass(frozen=True, slots=True)
class DisplayRequest(ByReader):
    """``02 TT text``: for TT tenths of a second."""

    text: str


@dataclass(frozen=True, slots=True)
class BeginSession(ByReader):
    """``03 FF FF [ID ID ID ID TY DD DD]``: funds (FFFF unknown), from level 2 media and type."""

    funds: int
    media_type: int = 0

    @property
    def free(self) -> bool:
        """A free vend card (type bit 7)."""
        return bool(self.media_type & 0x80)

    @property
    def test(self) -> bool:
        """Test media (type bit 6)."""
        return bool(self.media_type & 0x40)


@dataclass(frozen=True, slots=True)
class SessionCancelRequest(ByReader):
    """``04``."""


@dataclass(frozen=True, slots=True)
class VendApproved(ByReader):
    """``05 PP PP``: what was really charged; FFFF is an electronic token."""

    amount: int


@dataclass(frozen=True, slots=True)
class VendDenied(ByReader):
    """``06``."""


@dataclass(frozen=True, slots=True)
class EndSession(ByReader):
    """``07``."""


@dataclass(frozen=True, slots=True)
class Cancelled(ByReader):
    """``08``."""


@dataclass(frozen=True, slots=True)
class PeripheralId(ByReader):
    """``09`` maker 3, serial 12, model 12, version 2, at level 3 options 4."""

    maker: str
    serial: str
    model: str


@dataclass(frozen=True, slots=True)
class Malfunction(ByReader):
    """``0A EE``: type in the upper four bits; C is a refund error, the credit is lost."""

    code: int


@dataclass(frozen=True, slots=True)
class OutOfSequence(ByReader):
    """``0B [SS]``: the reader's state from level 2."""


@dataclass(frozen=True, slots=True)
class RevalueApproved(ByReader):
    """``0D``."""


@dataclass(frozen=True, slots=True)
class RevalueDenied(ByReader):
    """``0E``."""


@dataclass(frozen=True, slots=True)
class RevalueLimit(ByReader):
    """``0F PP PP``."""

    limit: int


@dataclass(frozen=True, slots=True)
class TimeRequest(ByReader):
    """``11``."""


@dataclass(frozen=True, slots=True)
class DataEntryRequest(ByReader):
    """``12 NN`` (level 3)."""


@dataclass(frozen=True, slots=True)
class DataEntryCancel(ByReader):
    """``13`` (level 3)."""


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace").strip(" \0")


Layout = tuple[int, Callable[[bytes], Message]]
"""Bytes of the message from its first on, and how to read them."""

COMMANDS: Final[Mapping[tuple[int, int | None], Layout]] = {
    (0, None): (1, lambda _: Reset()),
    (1, 0x00): (6, lambda d: SetupConfig(d[2], d[3], d[4])),
    (1, 0x01): (6, lambda d: SetupPrices(_word(d, 2), _word(d, 4))),
    (2, None): (1, lambda _: Poll()),
    (3, 0x00): (6, lambda d: VendRequest(_word(d, 2), d[4:6])),
    (3, 0x01): (2, lambda _: VendCancel()),
    (3, 0x02): (4, lambda d: VendSuccess(d[2:4])),
    (3, 0x03): (2, lambda _: VendFailure()),
    (3, 0x04): (2, lambda _: SessionComplete()),
    (3, 0x05): (6, lambda d: CashSale(_word(d, 2), d[4:6])),
    (3, 0x06): (6, lambda d: NegativeVendRequest(_word(d, 2), d[4:6])),
    (4, 0x00): (2, lambda _: ReaderDisable()),
    (4, 0x01): (2, lambda _: ReaderEnable()),
    (4, 0x02): (2, lambda _: ReaderCancel()),
    (5, 0x00): (4, lambda d: RevalueRequest(_word(d, 2))),
    (5, 0x01): (2, lambda _: RevalueLimitRequest()),
    (7, 0x00): (31, lambda d: RequestId(_text(d[2:5]), _text(d[5:17]), _text(d[17:29]))),
}
"""(lower three bits of the address byte, sub-command) to layout."""

JUST_RESET: Final = 0x00
MONEY: Final = (VendApproved, ReaderConfig)

REPLIES: Final[Mapping[int, Layout]] = {
    JUST_RESET: (1, lambda _: JustReset()),
    0x01: (8, lambda d: ReaderConfig(d[1], d[2:4], d[4], d[5], d[7])),
    0x04: (1, lambda _: SessionCancelRequest()),
    0x05: (3, lambda d: VendApproved(_word(d, 1))),
    0x06: (1, lambda _: VendDenied()),
    0x07: (1, lambda _: EndSession()),
    0x08: (1, lambda _: Cancelled()),
    0x0A: (2, lambda d: Malfunction(d[1])),
    0x0D: (1, lambda _: RevalueApproved()),
    0x0E: (1, lambda _: RevalueDenied()),
    0x0F: (3, lambda d: RevalueLimit(_word(d, 1))),
    0x11: (1, lambda _: TimeRequest()),
    0x12: (2, lambda _: DataEntryRequest()),
    0x13: (1, lambda _: DataEntryCancel()),
}
"""First byte of an answer to layout; those sized by the level are in `decode_reply`."""


def decode_command(data: bytes) -> Message:
    """The VMC's command; `data` is the block without its checksum.

    A block of another length than this level's is `Unknown` rather than read with shifted fields:
    a wrong amount is worse than none.
    """
    command = data[0] & 0x07
    layout = COMMANDS.get((command, None)) or COMMANDS.get((command, data[1] if data[1:] else None))
    if layout is None or len(data) != layout[0]:
        return Unknown(data)
    return layout[1](data)


def decode_reply(data: bytes, level: int | None, display: int | None = None) -> list[Message]:
    """The messages in one answer: a reader may join several (7.3).

    JUST RESET is never joined to another. An amount or a scaling is believed only where its answer
    is understood to the end: what looks like 16 bits of money may be half of 32.

    Args:
        data: the answer without its checksum.
        level: the lower of the VMC's and the reader's feature level (2.4.4), None if not heard.
        display: characters on the VMC's display, which size a DISPLAY REQUEST, None if not heard.
    """
    messages: list[Message] = []
    rest = data
    while rest:
        size, read = _reply_layout(rest, level, display)
        whole = size <= len(rest) and not (messages and rest[0] == JUST_RESET)
        messages.append(read(rest) if whole else Unknown(rest))
        rest = rest[size:] if whole else b""
    understood = not any(isinstance(each, Unknown) for each in messages)
    if not understood and any(isinstance(each, MONEY) for each in messages):
        return [Unknown(data)]
    return messages


def _reply_layout(data: bytes, level: int | None, display: int | None) -> Layout:
    match data[0]:
        case 0x02:
            size = min(len(data), 2 + display) if display else len(data)
            return size, lambda d: DisplayRequest(_text(d[2:size]))
        case 0x03 if level == 1 or (level is None and len(data) < 10):
            return 3, lambda d: BeginSession(_word(d, 1))
        case 0x03:
            return 10, lambda d: BeginSession(_word(d, 1), d[7])
        case 0x09:
            size = 34 if level == 3 or (level is None and len(data) >= 34) else 30
            return size, lambda d: PeripheralId(_text(d[1:4]), _text(d[4:16]), _text(d[16:28]))
        case 0x0B:
            return (1 if level == 1 or len(data) == 1 else 2), lambda _: OutOfSequence()
        case first:
            return REPLIES.get(first, (len(data), Unknown))

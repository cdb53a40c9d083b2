"""The cashless device's messages, byte by byte (MDB 4.2, section 7.4).

The width of money is no part of a block: the VMC agrees on *expanded currency mode* with the reader
(``x7 04``, option bits 1 and 2), and a RESET ends it. Whoever missed the agreement can still tell
it by a block's length, as long as only one of the two fits.

What is of another length than its message has is `Unknown`: read from shifted places, a price turns
into another price, and a wrong amount is worse than none. Only MDB 4.3's additions at the end of
VEND SUCCESS, VEND FAILURE and CASH SALE are let pass, and kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mdb.vocabulary import age, cashless, file_transport
from mdb.vocabulary.message import (
    EnableOptions,
    JustReset,
    Message,
    Poll,
    Reset,
    Unknown,
    identity,
    number,
    text,
)

NO_ITEM: Final = b"\xff\xff"
NARROW, WIDE = 2, 4
"""Bytes of money, outside and inside expanded currency mode."""
FLAGS: Final = 1
"""The one byte that MDB 4.3 is known to add to CASH SALE."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A command's bytes, address included: how many with narrow and wide money, how to read them.

    `read` takes the block and the width of money. `longer` is one that MDB 4.3 lengthens; `vague`
    reads only what is certain of one that noise may have lengthened as well. 0 is any size.
    """

    narrow: int
    wide: int
    read: Callable[[bytes, int], Message]
    longer: bool = False
    vague: Callable[[bytes], Message] | None = None


def _bare(said: type[Message], size: int = 2) -> Layout:
    return Layout(size, size, lambda _d, _w: said())


def _money_and_item(said: Callable[[int, bytes], Message]) -> Layout:
    return Layout(6, 8, lambda d, w: said(number(d, 2, w), d[2 + w : 4 + w]))


def _identity(data: bytes) -> tuple[str, str, str]:
    told = identity(data)
    return told.maker, told.serial, told.model


def _user_file(data: bytes) -> Message:
    whole = len(data) >= 4 and len(data) == 4 + data[3]
    return cashless.WriteUserFile(data[2], data[4:]) if whole else Unknown(data)


def _cash_sale(data: bytes, width: int) -> Message:
    price, rest = number(data, 2, width), data[2 + width :]
    if width == NARROW:
        return cashless.CashSale(price, rest[:2], None, rest[2:])
    return cashless.CashSale(price, rest[:2], rest[2:4], rest[4:])


COMMANDS: Final[Mapping[tuple[int, int | None], Layout]] = {
    (0, None): _bare(Reset, 1),
    (1, 0x00): Layout(6, 6, lambda d, _: cashless.SetupConfig(d[2], d[3], d[4])),
    (1, 0x01): Layout(
        6, 12, lambda d, w: cashless.SetupPrices(number(d, 2, w), number(d, 2 + w, w))
    ),
    (2, None): _bare(Poll, 1),
    (3, 0x00): _money_and_item(cashless.VendRequest),
    (3, 0x01): _bare(cashless.VendCancel),
    (3, 0x02): Layout(
        4,
        4,
        lambda d, _: cashless.VendSuccess(d[2:4], d[4:]),
        longer=True,
        vague=lambda d: cashless.VendSuccess(NO_ITEM, d[2:]),
    ),
    (3, 0x03): Layout(2, 2, lambda d, _: cashless.VendFailure(d[2:]), longer=True),
    (3, 0x04): _bare(cashless.SessionComplete),
    (3, 0x05): Layout(
        6, 10, _cash_sale, longer=True, vague=lambda d: cashless.CashSale(None, None, tail=d[2:])
    ),
    (3, 0x06): _money_and_item(cashless.NegativeVendRequest),
    (4, 0x00): _bare(cashless.ReaderDisable),
    (4, 0x01): _bare(cashless.ReaderEnable),
    (4, 0x02): _bare(cashless.ReaderCancel),
    (4, 0x03): _bare(cashless.DataEntryResponse, 10),
    (5, 0x00): Layout(4, 6, lambda d, w: cashless.RevalueRequest(number(d, 2, w))),
    (5, 0x01): _bare(cashless.RevalueLimitRequest),
    (7, 0x00): Layout(31, 31, lambda d, _: cashless.VmcIdentity(*_identity(d[2:]))),
    (7, 0x01): Layout(3, 3, lambda d, _: cashless.ReadUserFile(d[2])),
    (7, 0x02): Layout(0, 0, lambda d, _: _user_file(d)),
    (7, 0x03): Layout(12, 12, lambda d, _: cashless.WriteTime(d[2:].hex())),
    (7, 0x04): Layout(6, 6, lambda d, _: EnableOptions(number(d, 2, 4))),
    (7, 0xFF): Layout(0, 0, lambda d, _: age.asked(d[2:]) or cashless.Diagnostics(d[2:])),
}
"""(lower three bits of the address byte, sub-command) to layout."""


def decode_command(
    data: bytes, *, expanded: bool | None, longer: bool = False, currency: str | None = None
) -> tuple[Message, bool | None]:
    """The VMC's command, and what it proves of the width of money.

    Args:
        data: the block without its checksum.
        expanded: whether expanded currency mode is agreed on; None if nobody heard.
        longer: whether MDB 4.3 is.
        currency: the code of the money in use, hex; a CASH SALE that names it is no noise.

    Returns:
        The message, and `expanded` as known from here on: a block that fits only one of the two
        widths is better evidence than what was remembered.
    """
    command = data[0] & 0x07
    layout = COMMANDS.get((command, None)) or COMMANDS.get((command, data[1] if data[1:] else None))
    if layout is None:
        return file_transport.decode_command(data) or Unknown(data), expanded
    size = len(data)
    if layout.narrow == 0:
        return layout.read(data, NARROW), expanded
    if layout.vague and size >= layout.wide and _is_shifted(currency, data):
        return layout.vague(data), expanded
    tail_likely = longer and layout.longer and expanded is not None
    if size == layout.narrow or (size == layout.wide and not (tail_likely and not expanded)):
        wide = size != layout.narrow
        if layout.narrow != layout.wide:
            expanded = wide
        return layout.read(data, WIDE if wide else NARROW), expanded
    if not longer and noise_explains(data, layout) and not _names(currency, data, layout):
        return (layout.vague(data) if layout.vague else Unknown(data)), expanded
    width = _width_with_tail(size, layout, expanded)
    return Unknown(data) if width is None else layout.read(data, width), expanded


def noise_explains(data: bytes, layout: Layout) -> bool:
    """Whether a block may be one of the plain sizes in which a zero was doubled or lost.

    Zeros do not change the checksum, so nothing else would show it.
    """
    size = len(data)
    doubled = size - 1 in {layout.narrow, layout.wide} and b"\0\0" in data
    return doubled or size + 1 == layout.wide


def _names(currency: str | None, data: bytes, layout: Layout) -> bool:
    """Whether a CASH SALE has the currency in use where 32-bit money has it."""
    return len(data) == layout.wide + FLAGS and data[8:10].hex() == currency


def _is_shifted(currency: str | None, data: bytes) -> bool:
    """Whether the currency in use stands a byte beside its place: a zero was lost or doubled."""
    beside = {data[7:9].hex(), data[9:11].hex()}
    return currency in beside and data[8:10].hex() != currency


def _width_with_tail(size: int, layout: Layout, expanded: bool | None) -> int | None:  # noqa: FBT001
    """The width of money in a block that is longer than its message; None if that cannot be."""
    if not layout.longer or size < layout.narrow:
        return None
    if layout.narrow == layout.wide:
        return NARROW
    if expanded:
        return WIDE if size > layout.wide else None
    if size - FLAGS == layout.wide and expanded is None:
        return WIDE
    return NARROW if expanded is False or size < layout.wide else None


Reply = tuple[int, Callable[[bytes], Message]]
"""The bytes of a message in an answer, and how to read them."""

MONEY: Final[Mapping[int, Callable[[int], Message]]] = {
    0x05: cashless.VendApproved,
    0x0F: cashless.RevalueLimit,
}
REPLIES: Final[Mapping[int, Reply]] = {
    0x00: (1, lambda _: JustReset()),
    0x01: (8, lambda d: cashless.ReaderConfig(d[1], d[2:4], d[4], d[5], d[7])),
    0x04: (1, lambda _: cashless.SessionCancelRequest()),
    0x06: (1, lambda _: cashless.VendDenied()),
    0x07: (1, lambda _: cashless.EndSession()),
    0x08: (1, lambda _: cashless.Cancelled()),
    0x0A: (2, lambda d: cashless.Malfunction(d[1])),
    0x0D: (1, lambda _: cashless.RevalueApproved()),
    0x0E: (1, lambda _: cashless.RevalueDenied()),
    0x11: (1, lambda _: cashless.TimeRequest()),
    0x12: (2, lambda d: cashless.DataEntryRequest(d[1] & 0x7F)),
    0x13: (1, lambda _: cashless.DataEntryCancel()),
    0xFF: (0, lambda d: age.told(d[1:]) or cashless.ReaderDiagnostics(d[1:])),
}
"""First byte of an answer to layout, 0 all that is left; what else sizes one is in `_layout`."""

BEGIN_SESSION, WIDE_SESSION = 0x03, 17
BELIEVED_WHOLE: Final = (
    cashless.VendApproved,
    cashless.ReaderConfig,
    cashless.BeginSession,
    cashless.RevalueLimit,
)


def decode_reply(
    data: bytes, level: int | None, display: int | None = None, *, expanded: bool | None = False
) -> list[Message]:
    """The messages in one answer: a reader may join several (7.3).

    JUST RESET is never joined to another. An amount or a scaling is believed only where its answer
    is understood to the end: what looks like 16 bits of money may be half of 32. Where the width is
    not known, it is taken from the one that makes sense of the whole answer, if only one does.

    Args:
        data: the answer without its checksum.
        level: the lower of the VMC's and the reader's feature level (2.4.4), None if not heard.
        display: characters on the VMC's display, which size a DISPLAY REQUEST, None if not heard.
        expanded: whether expanded currency mode is agreed on; None if nobody heard.
    """
    widths = (NARROW, WIDE) if expanded is None else (WIDE if expanded else NARROW,)
    readings = [_walk(data, level, display, width) for width in widths]
    whole = [each for each in readings if not any(isinstance(said, Unknown) for said in each)]
    if len(whole) == 2 and whole[0] != whole[1]:
        return [Unknown(data)]
    if whole:
        return whole[0]
    if data[0] == BEGIN_SESSION and len(data) == WIDE_SESSION:
        return _walk(data, level, display, WIDE)  # no other message is as long
    if any(isinstance(each, BELIEVED_WHOLE) for each in readings[0]):
        return [Unknown(data)]
    return readings[0]


def may_approve(price: int, data: bytes, level: int | None, *, expanded: bool | None) -> bool:
    """Whether an answer would approve just this price, had a zero not been lost or doubled.

    No checksum sees that, as a zero does not change a sum; but the VMC's request does.
    """
    longer = (data[:at] + b"\0" + data[at:] for at in range(1, len(data) + 1))
    shorter = (data[:at] + data[at + 1 :] for at in range(1, len(data)) if not data[at])
    approved = cashless.VendApproved(price)
    return any(
        approved in decode_reply(other, level, expanded=expanded) for other in (*longer, *shorter)
    )


def _walk(data: bytes, level: int | None, display: int | None, width: int) -> list[Message]:
    messages: list[Message] = []
    rest = data
    while rest:
        size, read = _layout(rest, level, display, width)
        size = size or len(rest)
        whole = size <= len(rest) and not (messages and rest[0] == 0x00)
        messages.append(read(rest) if whole else Unknown(rest))
        rest = rest[size:] if whole else b""
    return messages


def _layout(data: bytes, level: int | None, display: int | None, width: int) -> Reply:
    match data[0]:
        case 0x02:
            size = min(len(data), 2 + display) if display else len(data)
            return size, lambda d: cashless.DisplayRequest(text(d[2:size]))
        case 0x03:
            return _begin_session(data, level, width)
        case 0x05 | 0x0F as code:
            return 1 + width, lambda d: MONEY[code](number(d, 1, width))
        case 0x09:
            size = 34 if level == 3 or (level is None and len(data) >= 34) else 30
            return size, lambda d: identity(d[1:])
        case 0x0B:
            return (1 if level == 1 or len(data) == 1 else 2), lambda _: cashless.OutOfSequence()
        case 0x10:
            size = 3 + number(data, 2, 1)
            return size, lambda d: cashless.UserFile(d[1], d[3:size])
    carried = file_transport.decode_reply(data)
    if carried is not None:
        return carried[0], lambda _: carried[1]
    return REPLIES.get(data[0], (len(data), Unknown))


def _begin_session(data: bytes, level: int | None, width: int) -> Reply:
    if width == WIDE:
        return WIDE_SESSION, lambda d: cashless.BeginSession(number(d, 1, 4), d[9], d[14:16])
    if level == 1 or (level is None and len(data) < 10):
        return 3, lambda d: cashless.BeginSession(number(d, 1))
    return 10, lambda d: cashless.BeginSession(number(d, 1), d[7])

"""The bill validator and recycler, 30h: its messages, byte by byte (MDB 4.2, section 6).

    VMC                                   validator
    30  RESET
    31  SETUP                             LL CC CC SS SS DD, stacker 2, security 2, escrow 1 and a
                                          credit a bill type, up to 16
    32  SECURITY   MM MM
    33  POLL                              up to 16 bytes of activity, below
    34  BILL TYPE  AA AA EE EE            accepted, held in escrow: a bit a type
    35  ESCROW     00 return, 01 stack
    36  STACKER                           full in bit 15, bills below
    37 00, 37 02  who are you             maker, serial, model, version; 02 options too
    37 01 OO OO OO OO                     options from now on
    37 03, 37 04 MM MM and 16 modes       recycler: which types it can, which it shall
    37 05                                 FF FF and two bytes of count a type
    37 06 TT NN NN                        pay out n bills of type t
    37 07 VV VV                           pay out a value
    37 08                                 bills paid, two bytes a type; ACK while busy
    37 09                                 value paid since last asked; ACK when finished
    37 0A                                 cancel the payout

Activity: ``1wwwtttt`` what became of a bill of type t: 0 stacked, 1 in escrow, 2 returned, 3 to the
recycler, 4 rejected while disabled, 5 filled in by hand, 6 dispensed by hand, 7 from the recycler
to the cash box. ``010nnnnn`` attempts while disabled; else a status.
"""

from dataclasses import dataclass
from typing import Final

from mdb.scaling import Scaling
from mdb.vocabulary import file_transport
from mdb.vocabulary.cash_message import (
    Accept,
    ByHand,
    GivenBack,
    InEscrow,
    MoneyIn,
    PaidCounts,
    PaidCountsRequest,
    PaidValue,
    PaidValueRequest,
    PayOut,
    PayOutValue,
    Stock,
    StockRequest,
    TillSetup,
    words,
)
from mdb.vocabulary.message import (
    ByPeripheral,
    EnableOptions,
    JustReset,
    Layouts,
    Message,
    Poll,
    RequestId,
    Reset,
    Setup,
    Status,
    Unknown,
    identity,
    number,
    read_command,
)


@dataclass(frozen=True, slots=True)
class Security(Message):
    """``32 MM MM``: types to look at more closely."""

    types: int


@dataclass(frozen=True, slots=True)
class Escrow(Message):
    """``35 00`` give the bill back, ``35 01`` stack it."""

    stack: bool


@dataclass(frozen=True, slots=True)
class StackerRequest(Message):
    """``36``."""


@dataclass(frozen=True, slots=True)
class Stacker(ByPeripheral):
    """How many bills are in the stacker, and whether it is full."""

    full: bool
    bills: int


@dataclass(frozen=True, slots=True)
class RecyclerRequest(Message):
    """``37 03``."""


@dataclass(frozen=True, slots=True)
class Recyclable(ByPeripheral):
    """Types that can be recycled, a bit each."""

    types: int


@dataclass(frozen=True, slots=True)
class RecyclerEnable(Message):
    """``37 04``: types that may be dispensed by hand, and a mode a type."""

    by_hand: int
    modes: bytes


@dataclass(frozen=True, slots=True)
class PayoutCancel(Message):
    """``37 0A``."""


@dataclass(frozen=True, slots=True)
class Attempts(ByPeripheral):
    """``010nnnnn``: bills tried while disabled."""

    count: int


@dataclass(frozen=True, slots=True)
class ToCashBox(ByPeripheral):
    """``1111tttt``: a bill went from the recycler to the cash box; no credit."""

    kind: int


COMMANDS: Final[Layouts] = {
    (0, None): (1, lambda _: Reset()),
    (1, None): (1, lambda _: Setup()),
    (2, None): (3, lambda d: Security(number(d, 1))),
    (3, None): (1, lambda _: Poll()),
    (4, None): (5, lambda d: Accept(number(d, 1), number(d, 3))),
    (5, None): (2, lambda d: Escrow(bool(d[1] & 1))),
    (6, None): (1, lambda _: StackerRequest()),
    (7, 0x00): (2, lambda _: RequestId()),
    (7, 0x01): (6, lambda d: EnableOptions(number(d, 2, 4))),
    (7, 0x02): (2, lambda _: RequestId()),
    (7, 0x03): (2, lambda _: RecyclerRequest()),
    (7, 0x04): (20, lambda d: RecyclerEnable(number(d, 2), d[4:])),
    (7, 0x05): (2, lambda _: StockRequest()),
    (7, 0x06): (5, lambda d: PayOut(d[2], number(d, 3))),
    (7, 0x07): (4, lambda d: PayOutValue(number(d, 2))),
    (7, 0x08): (2, lambda _: PaidCountsRequest()),
    (7, 0x09): (2, lambda _: PaidValueRequest()),
    (7, 0x0A): (2, lambda _: PayoutCancel()),
}
STATUS: Final = {
    0x01: "defective motor",
    0x02: "sensor problem",
    0x03: "busy",
    0x04: "ROM checksum error",
    0x05: "jammed",
    0x07: "bill removed",
    0x08: "cash box out of position",
    0x09: "disabled",
    0x0A: "invalid escrow request",
    0x0B: "bill rejected",
    0x0C: "possible credited bill removal",
    0x21: "recycler: escrow request",
    0x22: "recycler: payout busy",
    0x23: "recycler: busy",
    0x24: "recycler: defective sensor",
    0x26: "recycler: defective motor",
    0x27: "recycler: jammed",
    0x28: "recycler: ROM checksum error",
    0x29: "recycler: disabled",
    0x2A: "recycler: bill waiting",
    0x2F: "recycler: filled key pressed",
}
JUST_RESET: Final = 0x06


def decode_command(data: bytes) -> Message:
    """The VMC's block, without its checksum."""
    return file_transport.decode_command(data) or read_command(data, COMMANDS)


def decode_reply(command: bytes, data: bytes) -> list[Message]:
    """The validator's answer to a command, without its checksum."""
    size = len(data)
    match command[0] & 0x07, command[1:2]:
        case 1, _ if 11 <= size <= 27:
            scaling = Scaling.of(data[1:3], number(data, 3), data[5])
            return [TillSetup(data[0], scaling, tuple(data[11:]))]
        case 3, _:
            return _activity(data)
        case 6, _ if size == 2:
            return [Stacker(bool(data[0] & 0x80), number(data, 0) & 0x7FFF)]
        case (7, b"\x00") | (7, b"\x02") if size in {29, 33}:
            return [identity(data)]
        case 7, b"\x03" if size == 2:
            return [Recyclable(number(data, 0))]
        case 7, b"\x05" if 2 <= size <= 34 and size % 2 == 0:
            return [Stock(number(data, 0), words(data[2:]))]
        case 7, b"\x08" if size <= 32 and size % 2 == 0:
            return [PaidCounts(words(data))]
        case 7, b"\x09" if size == 2:
            return [PaidValue(number(data, 0))]
    carried = file_transport.decode_reply(data)
    return [carried[1]] if carried and carried[0] == size else [Unknown(data)]


def _activity(data: bytes) -> list[Message]:
    said: list[Message] = []
    rest = data
    while rest:
        carried = file_transport.decode_reply(rest)
        said.append(carried[1] if carried else _act(rest[0]))
        rest = rest[carried[0] if carried else 1 :]
    return said


def _act(first: int) -> Message:
    kind = first & 0x0F
    if first & 0x80:
        match (first >> 4) & 0x07:
            case 0 | 3 as became:
                return MoneyIn(kind, recycled=became == 3)
            case 1:
                return InEscrow(kind)
            case 2 | 4 as became:
                return GivenBack(kind, rejected=became == 4)
            case 5 | 6 as became:
                return ByHand(kind, 1, filled=became == 5)
            case _:
                return ToCashBox(kind)
    if first & 0x40:
        return Attempts(first & 0x1F)
    if first == JUST_RESET:
        return JustReset()
    return Status(first, STATUS.get(first, "unknown"))

"""The coin changer, 08h: its messages, byte by byte (MDB 4.2, section 5).

    VMC                                   changer
    08  RESET
    09  SETUP                             LL CC CC SS DD RR RR and a credit a coin type, up to 16
    0A  TUBE STATUS                       FF FF and a count a coin type
    0B  POLL                              up to 16 bytes of activity, below
    0C  COIN TYPE  AA AA MM MM            accepted, dispensed by hand: a bit a type
    0D  DISPENSE   nnnntttt               n coins of type t
    0F 00 …  who are you                  maker, serial, model, version, options
    0F 01 OO OO OO OO                     options from now on
    0F 02 VV                              alternative payout of a value
    0F 03                                 coins paid, a count a type; ACK while busy
    0F 04                                 value paid since last asked; ACK when finished
    0F 05                                 diagnostic codes, two bytes each
    0F 06, 0F 07                          coins filled in, paid out by hand

Activity: ``01rrtttt zz`` a coin of type t went to r (0 cash box, 1 tubes, 2 unused, 3 rejected), zz
are in its tube; ``1nnntttt zz`` n coins were dispensed by hand; ``001nnnnn`` slugs; else a status.
"""

from dataclasses import dataclass
from typing import Final

from mdb.scaling import Scaling
from mdb.vocabulary import file_transport
from mdb.vocabulary.cash_message import (
    Accept,
    ByHand,
    GivenBack,
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

REJECTED: Final = 3
TUBES: Final = 1


@dataclass(frozen=True, slots=True)
class Slugs(ByPeripheral):
    """``001nnnnn``: things that are no coins."""

    count: int


@dataclass(frozen=True, slots=True)
class DiagnosticsRequest(Message):
    """``0F 05``."""


@dataclass(frozen=True, slots=True)
class Diagnostics(ByPeripheral):
    """Two bytes a code: 0100 powering up, 0300 in order, 0510 filled by hand, 10xx … errors."""

    codes: str


@dataclass(frozen=True, slots=True)
class HandReportRequest(Message):
    """``0F 06`` filled in, ``0F 07`` paid out: how many by hand?"""

    filled: bool


@dataclass(frozen=True, slots=True)
class HandReport(ByPeripheral):
    """A count a coin type."""

    counts: tuple[int, ...]


COMMANDS: Final[Layouts] = {
    (0, None): (1, lambda _: Reset()),
    (1, None): (1, lambda _: Setup()),
    (2, None): (1, lambda _: StockRequest()),
    (3, None): (1, lambda _: Poll()),
    (4, None): (5, lambda d: Accept(number(d, 1), number(d, 3))),
    (5, None): (2, lambda d: PayOut(d[1] & 0x0F, d[1] >> 4)),
    (7, 0x00): (2, lambda _: RequestId()),
    (7, 0x01): (6, lambda d: EnableOptions(number(d, 2, 4))),
    (7, 0x02): (3, lambda d: PayOutValue(d[2])),
    (7, 0x03): (2, lambda _: PaidCountsRequest()),
    (7, 0x04): (2, lambda _: PaidValueRequest()),
    (7, 0x05): (2, lambda _: DiagnosticsRequest()),
    (7, 0x06): (2, lambda _: HandReportRequest(filled=True)),
    (7, 0x07): (2, lambda _: HandReportRequest(filled=False)),
}
STATUS: Final = {
    0x01: "escrow lever",
    0x02: "payout busy",
    0x03: "no credit",
    0x04: "defective tube sensor",
    0x05: "double arrival",
    0x06: "acceptor unplugged",
    0x07: "tube jam",
    0x08: "ROM checksum error",
    0x09: "coin routing error",
    0x0A: "busy",
    0x0C: "coin jam",
    0x0D: "possible credited coin removal",
}
JUST_RESET: Final = 0x0B


def decode_command(data: bytes) -> Message:
    """The VMC's block, without its checksum."""
    return file_transport.decode_command(data) or read_command(data, COMMANDS)


def decode_reply(command: bytes, data: bytes) -> list[Message]:
    """The changer's answer to a command, without its checksum."""
    match command[0] & 0x07, command[1:2]:
        case 1, _ if 7 <= len(data) <= 23:
            return [TillSetup(data[0], Scaling.of(data[1:3], data[3], data[4]), tuple(data[7:]))]
        case 2, _ if 2 <= len(data) <= 18:
            return [Stock(number(data, 0), tuple(data[2:]))]
        case 3, _:
            return _activity(data)
        case 7, b"\x00" if len(data) == 33:
            return [identity(data)]
        case 7, b"\x03" if len(data) <= 16:
            return [PaidCounts(tuple(data))]
        case 7, b"\x04" if len(data) == 1:
            return [PaidValue(data[0])]
        case 7, b"\x05" if len(data) % 2 == 0:
            return [Diagnostics(data.hex())]
        case (7, b"\x06") | (7, b"\x07") if len(data) <= 16:
            return [HandReport(tuple(data))]
    carried = file_transport.decode_reply(data)
    return [carried[1]] if carried and carried[0] == len(data) else [Unknown(data)]


def _activity(data: bytes) -> list[Message]:
    said: list[Message] = []
    rest = data
    while rest:
        first = rest[0]
        carried = file_transport.decode_reply(rest)
        size = carried[0] if carried else 2 if first & 0xC0 else 1
        if size > len(rest):
            return [*said, Unknown(rest)]
        said.append(carried[1] if carried else _act(first))
        rest = rest[size:]
    return said


def _act(first: int) -> Message:
    kind = first & 0x0F
    if first & 0x80:
        return ByHand(kind, (first >> 4) & 0x07, filled=False)
    if first & 0x40:
        match (first >> 4) & 0x03:
            case 3:
                return GivenBack(kind, rejected=True)
            case 2:
                return Unknown(bytes([first]))
            case route:
                return MoneyIn(kind, recycled=route == TUBES)
    if first & 0x20:
        return Slugs(first & 0x1F)
    if first == JUST_RESET:
        return JustReset()
    return Status(first, STATUS.get(first, "unknown"))

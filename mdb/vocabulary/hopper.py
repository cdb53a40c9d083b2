"""The coin hopper or tube dispenser, 58h and 70h: its messages, byte by byte (MDB 4.2, section 10).

    VMC                                   hopper
    58  RESET
    59  SETUP                             LL CC CC SS DD, seconds 1, disabled 2, filled by itself 2
                                          and 16 credits
    5A  STATUS                            FF FF and two bytes of count a coin type
    5B  POLL                              activity, below
    5C  MANUAL     MM MM                  dispensed by hand: a bit a type
    5D 00 TT NN NN                        pay out n coins of type t
    5D 01 VV VV                           pay out a value
    5E 00                                 coins paid, two bytes a type; ACK while busy
    5E 01                                 value paid since last asked; ACK when finished
    5F 00, 5F 01                          as the changer's 0F 00, 0F 01

Activity: ``10yztttt NN NN ZZ ZZ`` n coins of type t went out, z are left; y the payout is complete,
z it was by hand. Else a status.
"""

from dataclasses import dataclass
from typing import Final

from mdb.scaling import Scaling
from mdb.vocabulary import file_transport
from mdb.vocabulary.cash_message import (
    Accept,
    ByHand,
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
class Dispensed(ByPeripheral):
    """``100?tttt``: coins of a type that a payout has come to so far; `complete` ends it."""

    kind: int
    count: int
    complete: bool


COMMANDS: Final[Layouts] = {
    (0, None): (1, lambda _: Reset()),
    (1, None): (1, lambda _: Setup()),
    (2, None): (1, lambda _: StockRequest()),
    (3, None): (1, lambda _: Poll()),
    (4, None): (3, lambda d: Accept(0, number(d, 1))),
    (5, 0x00): (5, lambda d: PayOut(d[2], number(d, 3))),
    (5, 0x01): (4, lambda d: PayOutValue(number(d, 2))),
    (6, 0x00): (2, lambda _: PaidCountsRequest()),
    (6, 0x01): (2, lambda _: PaidValueRequest()),
    (7, 0x00): (2, lambda _: RequestId()),
    (7, 0x01): (6, lambda d: EnableOptions(number(d, 2, 4))),
}
STATUS: Final = {0x02: "payout busy", 0x0F: "filled key pressed"}
JUST_RESET: Final = 0x0B
ACTIVITY: Final = 5
"""Bytes of a report of coins."""


def decode_command(data: bytes) -> Message:
    """The VMC's block, without its checksum."""
    return file_transport.decode_command(data) or read_command(data, COMMANDS)


def decode_reply(command: bytes, data: bytes) -> list[Message]:
    """The hopper's answer to a command, without its checksum."""
    size = len(data)
    match command[0] & 0x07, command[1:2]:
        case 1, _ if size == 26:
            return [TillSetup(data[0], Scaling.of(data[1:3], data[3], data[4]), tuple(data[10:]))]
        case 2, _ if 2 <= size <= 34 and size % 2 == 0:
            return [Stock(number(data, 0), words(data[2:]))]
        case 3, _:
            return _activity(data)
        case 6, b"\x00" if size <= 32 and size % 2 == 0:
            return [PaidCounts(words(data))]
        case 6, b"\x01" if size == 2:
            return [PaidValue(number(data, 0))]
        case 7, b"\x00" if size == 33:
            return [identity(data)]
    carried = file_transport.decode_reply(data)
    return [carried[1]] if carried and carried[0] == size else [Unknown(data)]


def _activity(data: bytes) -> list[Message]:
    said: list[Message] = []
    rest = data
    while rest:
        carried = file_transport.decode_reply(rest)
        if carried:
            said.append(carried[1])
            rest = rest[carried[0] :]
        elif rest[0] & 0xC0 == 0x80:
            if len(rest) < ACTIVITY:
                return [*said, Unknown(rest)]
            if not number(rest, 1) and len(rest) > ACTIVITY:
                return [*said, Unknown(rest)]  # no coins at all, or a zero doubled by noise
            said.append(_coins(rest))
            rest = rest[ACTIVITY:]
        else:
            said.append(_status(rest[0]))
            rest = rest[1:]
    return said


def _coins(report: bytes) -> Message:
    kind, count = report[0] & 0x0F, number(report, 1)
    if report[0] & 0x10:
        return ByHand(kind, count, filled=False)
    return Dispensed(kind, count, complete=bool(report[0] & 0x20))


def _status(code: int) -> Message:
    return JustReset() if code == JUST_RESET else Status(code, STATUS.get(code, "unknown"))

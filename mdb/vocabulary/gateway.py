"""The communications gateway, 18h: its messages, byte by byte (MDB 4.2, section 8).

    VMC                                   gateway
    18  RESET
    19  SETUP      LL SS DD               01 LL TT TT   level, seconds to answer within
    1A  POLL                              00 just reset, 02 let me transmit, 03 transmitted,
                                          04 error and its DTS code, 05 event heard, 06 identity,
                                          07 NN signal
    1B  REPORT     01 … 05                ACK
    1C  CONTROL    00 off, 01 on, 02 transmit
    1F 00, 1F 01, 1F 02                   who are you, options (bit 1: reports), what time is it

REPORT 01, a transaction, has 34 bytes (8.3.4): type, item, list price, cash to tubes, to cash box,
bills, cashless 1, cashless 2, revalued 1, revalued 2, cash out, discount, surcharge (two bytes
each), user group, price list (one each), date YYYYMMDD and time HHMM in BCD. Money is in the
scaling that the VMC told in SETUP, and of this transaction alone; 0 where it is not known.
"""

from dataclasses import dataclass
from typing import Final

from mdb.vocabulary import file_transport
from mdb.vocabulary.message import (
    ByPeripheral,
    EnableOptions,
    JustReset,
    Layouts,
    Message,
    Poll,
    RequestId,
    Reset,
    Status,
    Unknown,
    identity,
    number,
    read_command,
    text,
)


@dataclass(frozen=True, slots=True)
class GatewaySetup(Message):
    """``19 LL SS DD``: the VMC's level, and the scaling its reports will have."""

    level: int
    scale: int
    decimals: int


@dataclass(frozen=True, slots=True)
class GatewayConfig(ByPeripheral):
    """``01 LL TT TT``."""

    level: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Transaction(Message):
    """``1B 01``: one transaction; money in scaled units, 0 where not known."""

    kind: int
    item: bytes
    price: int
    to_tubes: int
    to_cashbox: int
    bills: int
    cashless_1: int
    cashless_2: int
    revalued_1: int
    revalued_2: int
    cash_out: int
    discount: int
    surcharge: int
    user_group: int
    price_list: int
    when: str

    @property
    def cash_in(self) -> int:
        """Coins and bills, before change."""
        return self.to_tubes + self.to_cashbox + self.bills


@dataclass(frozen=True, slots=True)
class DtsEvent(Message):
    """``1B 02``: an EVA-DTS event, its code, when, how long in minutes, active or over."""

    code: str
    when: str
    minutes: int
    active: bool


@dataclass(frozen=True, slots=True)
class Asset(Message):
    """``1B 03``: what a part of the machine is; `part` as the standard numbers them."""

    part: int
    what: str


@dataclass(frozen=True, slots=True)
class MoneyReport(Message):
    """``1B 04 CC CC SS DD``: the machine's currency and scaling."""

    currency: bytes
    scale: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Product(Message):
    """``1B 05``: an item number, its PA101, its name, and whether it is there."""

    item: bytes
    pa101: str
    name: str
    present: bool


@dataclass(frozen=True, slots=True)
class Control(Message):
    """``1C``: 00 off, 01 on, 02 transmit."""

    what: int


@dataclass(frozen=True, slots=True)
class WhatTime(Message):
    """``1F 02``."""


@dataclass(frozen=True, slots=True)
class Time(ByPeripheral):
    """The answer to ``1F 02``: date and time in BCD, as told."""

    digits: str


@dataclass(frozen=True, slots=True)
class Signal(ByPeripheral):
    """``07 NN``: strength of the radio's signal, 0 to 100."""

    percent: int


@dataclass(frozen=True, slots=True)
class GatewayError(ByPeripheral):
    """``04`` and a DTS code."""

    code: str


def _transaction(data: bytes) -> Message:
    return Transaction(
        data[2],
        data[3:5],
        price=number(data, 5),
        to_tubes=number(data, 7),
        to_cashbox=number(data, 9),
        bills=number(data, 11),
        cashless_1=number(data, 13),
        cashless_2=number(data, 15),
        revalued_1=number(data, 17),
        revalued_2=number(data, 19),
        cash_out=number(data, 21),
        discount=number(data, 23),
        surcharge=number(data, 25),
        user_group=data[27],
        price_list=data[28],
        when=data[29:35].hex(),
    )


def _asset_of(data: bytes) -> Message:
    """A part's identity (01 to 07) or its asset number (81 to 87)."""
    sizes = ASSET_NUMBER if data[2:3] >= b"\x80" else ASSET_IDENTITY
    return Asset(data[2], text(data[3:])) if len(data) == sizes else Unknown(data)


ASSET_IDENTITY, ASSET_NUMBER = 32, 23
"""Bytes of REPORT 03."""

COMMANDS: Final[Layouts] = {
    (0, None): (1, lambda _: Reset()),
    (1, None): (4, lambda d: GatewaySetup(d[1], d[2], d[3])),
    (2, None): (1, lambda _: Poll()),
    (3, 0x01): (35, _transaction),
    (3, 0x02): (
        23,
        lambda d: DtsEvent(text(d[2:12]), d[12:18].hex(), number(d, 18, 4), bool(d[22])),
    ),
    (3, 0x03): (0, _asset_of),
    (3, 0x04): (6, lambda d: MoneyReport(d[2:4], d[4], d[5])),
    (3, 0x05): (31, lambda d: Product(d[2:4], text(d[4:10]), text(d[10:30]), bool(d[30]))),
    (4, None): (2, lambda d: Control(d[1])),
    (7, 0x00): (2, lambda _: RequestId()),
    (7, 0x01): (6, lambda d: EnableOptions(number(d, 2, 4))),
    (7, 0x02): (2, lambda _: WhatTime()),
}
STATUS: Final = {0x02: "request to transmit", 0x03: "data transmitted", 0x05: "event heard"}


def decode_command(data: bytes) -> Message:
    """The VMC's block, without its checksum."""
    return file_transport.decode_command(data) or read_command(data, COMMANDS)


def decode_reply(command: bytes, data: bytes) -> list[Message]:
    """The gateway's answer to a command, without its checksum; several may be joined.

    JUST RESET is never joined to another: a doubled zero would look like it. The code of the answer
    to a time request is 01 in the standard's text and 07 in its table.
    """
    if command[1:2] == b"\x02" and command[0] & 0x07 == 7:
        return [Time(data[1:].hex())]
    if data == b"\0":
        return [JustReset()]
    said: list[Message] = []
    rest = data
    while rest:
        size, message = _told(rest)
        said.append(message)
        rest = rest[size:]
    return said


def _told(data: bytes) -> tuple[int, Message]:
    size = len(data)
    match data[0]:
        case 0x01 if size >= 4:
            return 4, GatewayConfig(data[1], number(data, 2))
        case 0x02 | 0x03 | 0x05 as code:
            return 1, Status(code, STATUS[code])
        case 0x04 if size > 1:
            return size, GatewayError(text(data[1:]))
        case 0x06 if size >= 34:
            return 34, identity(data[1:])
        case 0x07 if size >= 2:
            return 2, Signal(data[1])
    return file_transport.decode_reply(data) or (size, Unknown(data))

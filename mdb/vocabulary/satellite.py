"""The universal satellite device, 40h, 48h and 50h: its messages, byte by byte (MDB 4.2, section 9).

A satellite vends, and the VMC takes the money for it. Either the VMC selects (43 02, then 02), or
the satellite asks (01) and the VMC approves (43 00, then 02).

    VMC                                   satellite
    40  RESET
    41  SETUP      LL SS SS DD TT         04 LL, highest price 2, last item 2, seconds
    42  POLL                              00 just reset, 01 I PP vend request, 02 vended,
                                          03 I EE vend failed, 05 I price request, 06 EE error,
                                          07 identity, 08 I SS item status
    43  VEND       00 approved, 01 denied, 02 I vend, 03 home, 04 status
    44  FUNDS      00 FF FF credit, 01 I PP ID ID price
    45  CONTROL    00 off, 01 on
"""

from collections.abc import Callable
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
)


@dataclass(frozen=True, slots=True)
class SatelliteSetup(Message):
    """``41``: the VMC's level and scaling, and how many seconds an approval takes at most."""

    level: int
    scale: int
    decimals: int
    seconds: int


@dataclass(frozen=True, slots=True)
class SatelliteConfig(ByPeripheral):
    """``04``."""

    level: int
    highest: int
    last_item: bytes


@dataclass(frozen=True, slots=True)
class SatelliteRequest(ByPeripheral):
    """``01 I PP``: somebody has chosen here; will you take the money?"""

    item: bytes
    price: int


@dataclass(frozen=True, slots=True)
class Vended(ByPeripheral):
    """``02``: it is out (or the device is home)."""


@dataclass(frozen=True, slots=True)
class NotVended(ByPeripheral):
    """``03 I EE``."""

    item: bytes
    error: int


@dataclass(frozen=True, slots=True)
class PriceRequest(ByPeripheral):
    """``05 I``."""

    item: bytes


@dataclass(frozen=True, slots=True)
class ItemStatus(ByPeripheral):
    """``08 I SS``."""

    item: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Approve(Message):
    """``43 00``."""


@dataclass(frozen=True, slots=True)
class Deny(Message):
    """``43 01``."""


@dataclass(frozen=True, slots=True)
class Select(Message):
    """``43 02 I``: the VMC has the money, vend."""

    item: bytes


@dataclass(frozen=True, slots=True)
class Home(Message):
    """``43 03``: go to your first position."""


@dataclass(frozen=True, slots=True)
class StatusRequest(Message):
    """``43 04``."""


@dataclass(frozen=True, slots=True)
class Funds(Message):
    """``44 00``: how much credit there is."""

    units: int


@dataclass(frozen=True, slots=True)
class Price(Message):
    """``44 01``: what an item costs."""

    item: bytes
    units: int


@dataclass(frozen=True, slots=True)
class Control(Message):
    """``45``: 00 off, 01 on."""

    on: bool


COMMANDS: Final[Layouts] = {
    (0, None): (1, lambda _: Reset()),
    (1, None): (6, lambda d: SatelliteSetup(d[1], number(d, 2), d[4], d[5])),
    (2, None): (1, lambda _: Poll()),
    (3, 0x00): (2, lambda _: Approve()),
    (3, 0x01): (2, lambda _: Deny()),
    (3, 0x02): (4, lambda d: Select(d[2:4])),
    (3, 0x03): (2, lambda _: Home()),
    (3, 0x04): (2, lambda _: StatusRequest()),
    (4, 0x00): (4, lambda d: Funds(number(d, 2))),
    (4, 0x01): (8, lambda d: Price(d[2:4], number(d, 4))),
    (5, 0x00): (2, lambda _: Control(on=False)),
    (5, 0x01): (2, lambda _: Control(on=True)),
    (7, 0x00): (2, lambda _: RequestId()),
    (7, 0x01): (6, lambda d: EnableOptions(number(d, 2, 4))),
}
REPLIES: Final[dict[int, tuple[int, Callable[[bytes], Message]]]] = {
    0x00: (1, lambda _: JustReset()),
    0x01: (5, lambda d: SatelliteRequest(d[1:3], number(d, 3))),
    0x02: (1, lambda _: Vended()),
    0x03: (5, lambda d: NotVended(d[1:3], number(d, 3))),
    0x04: (7, lambda d: SatelliteConfig(d[1], number(d, 2), d[4:6])),
    0x05: (3, lambda d: PriceRequest(d[1:3])),
    0x06: (3, lambda d: Status(number(d, 1), "error")),
    0x07: (34, lambda d: identity(d[1:])),
    0x08: (5, lambda d: ItemStatus(d[1:3], number(d, 3))),
}


def decode_command(data: bytes) -> Message:
    """The VMC's block, without its checksum."""
    return file_transport.decode_command(data) or read_command(data, COMMANDS)


def decode_reply(data: bytes) -> list[Message]:
    """The satellite's answer, without its checksum: one message."""
    size, read = REPLIES.get(data[0], (0, Unknown))
    if size == len(data):
        return [read(data)]
    carried = file_transport.decode_reply(data)
    return [carried[1]] if carried and carried[0] == len(data) else [Unknown(data)]

"""Age verification, 68h or inside a cashless reader: its messages (MDB 4.2, section 11).

The VMC asks by diagnostics, ``x7 FF``; the letters tell which protocol it is.

    VMC      x7 FF 05 06 AA "DRAVP"     the buyer must be AA years old
             x7 FF 06 06 FF "DRAVS"     and is he?
    device   FF 05 06 OO "DRAVP"        options
             FF 06 07 F1 F2 "DRAVS"     flags: bit 4 of the first, he is
"""

from dataclasses import dataclass
from typing import Final

from mdb.vocabulary.message import (
    ByPeripheral,
    Layouts,
    Message,
    Poll,
    Reset,
    Unknown,
    read_command,
)

REQUEST, STATUS = b"DRAVP", b"DRAVS"
DIAGNOSTICS: Final = 0xFF
ALLOWED: Final = 0x10


@dataclass(frozen=True, slots=True)
class AgeCheck(Message):
    """A buyer must be so many years old."""

    years: int


@dataclass(frozen=True, slots=True)
class AgeQuestion(Message):
    """Is the buyer old enough?"""


@dataclass(frozen=True, slots=True)
class AgeOptions(ByPeripheral):
    """What the device can verify."""

    options: int


@dataclass(frozen=True, slots=True)
class AgeAnswer(ByPeripheral):
    """Whether the buyer is old enough."""

    allowed: bool


COMMANDS: Final[Layouts] = {
    (0, None): (1, lambda _: Reset()),
    (2, None): (1, lambda _: Poll()),
}


def decode_command(data: bytes) -> Message:
    """The VMC's block, without its checksum."""
    if data[0] & 0x07 == 7 and data[1:2] == bytes([DIAGNOSTICS]):
        return asked(data[2:]) or Unknown(data)
    return read_command(data, COMMANDS)


def decode_reply(data: bytes) -> list[Message]:
    """The device's answer, without its checksum."""
    return [(told(data[1:]) if data[0] == DIAGNOSTICS else None) or Unknown(data)]


def asked(content: bytes) -> Message | None:
    """A question about age in a VMC's diagnostics; None if it is none."""
    match content[:2], content[3:]:
        case b"\x05\x06", rest if rest == REQUEST:
            return AgeCheck(content[2])
        case b"\x06\x06", rest if rest == STATUS:
            return AgeQuestion()
    return None


def told(content: bytes) -> Message | None:
    """An answer about age in a device's diagnostics; None if it is none."""
    if content[:2] == b"\x05\x06" and content[3:] == REQUEST:
        return AgeOptions(content[2])
    if content[:2] == b"\x06\x07" and content[4:] == STATUS:
        return AgeAnswer(bool(content[2] & ALLOWED))
    return None

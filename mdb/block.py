"""A communication block: what stands between two silences on one line (MDB 4.2, section 2.2).

    VMC          AA DD DD … CC     AA address and command (mode bit set), CC checksum
    peripheral   DD DD … CC*       CC* checksum (mode bit set)
    either       SS                one byte: ACK 00, NAK FF, and from the VMC alone RET AA

The checksum is the sum of all bytes before it, modulo 256; a single byte has none.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from mdb.byte import Line

MAX_BLOCK: Final = 36
"""Bytes in the longest block, address and checksum included."""


class Answer(IntEnum):
    """The single-byte blocks."""

    ACK = 0x00
    NAK = 0xFF
    RET = 0xAA


class Address(IntEnum):
    """Peripheral addresses (section 2.3): the upper five bits of an address byte."""

    CHANGER = 0x08
    CASHLESS_1 = 0x10
    GATEWAY = 0x18
    DISPLAY = 0x20
    ENERGY = 0x28
    VALIDATOR = 0x30
    USD_1 = 0x40
    USD_2 = 0x48
    USD_3 = 0x50
    HOPPER_1 = 0x58
    CASHLESS_2 = 0x60
    AGE = 0x68
    HOPPER_2 = 0x70


class Block(NamedTuple):
    """A block whose checksum was right, without it; `at` is its first byte's time."""

    line: Line
    data: bytes
    at: float

    @property
    def address(self) -> int:
        """Whom a VMC block is for."""
        return self.data[0] & 0xF8


class Single(NamedTuple):
    """A single-byte block: ACK, NAK or RET."""

    line: Line
    answer: Answer
    at: float


class Fault(NamedTuple):
    """Bytes that make no block, kept as heard. Noise is normal: a fault is a value."""

    line: Line
    reason: str
    raw: bytes
    at: float


def checksum(data: bytes) -> int:
    """The checksum of a block's bytes."""
    return sum(data) & 0xFF

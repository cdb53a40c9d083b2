"""CRC-16/ARC, which G85 of an audit file has: polynomial 8005 reflected, beginning with 0."""

from typing import Final

_POLYNOMIAL: Final = 0xA001


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(map(_entry, range(256)))


def crc16(told: bytes) -> int:
    """The checksum of the bytes, 0 to FFFF."""
    crc = 0
    for byte in told:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc

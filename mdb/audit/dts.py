"""An EVA-DTS file: its segments, whether it is whole, and whether its checksum is right.

    DXS*JOF0000000*VA*V0/6*1      begins the transfer: who speaks, version
    ST*001*0001                   begins the set
    …
    G85*F66D                      CRC-16 from the S of ST to the line end before G85
    SE*144*0001                   ends the set: how many segments (some count others than are there)
    DXE*1*1                       ends the transfer

Lines end with CR LF; a file that was kept with LF alone has the checksum of the CR LF one. What is
not known, or malformed, is kept as a segment that nobody asks for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mdb.audit.crc import crc16
from mdb.audit.segment import Segment, parse_segment

MOST_BYTES: Final = 1 << 20
"""A machine with a thousand selections and all that the standard has tells a quarter of it."""
_BEGINNINGS: Final = (b"DXS*", b"ST*", b"ID1*")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{4}")


class NotAnAuditError(ValueError):
    """The bytes are no EVA-DTS file."""


class Checksum(StrEnum):
    """What G85 says of the file. Some old units tell its two bytes the other way round."""

    RIGHT = "right"
    SWAPPED = "swapped"
    WRONG = "wrong"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class DtsFile:
    """The segments of one transfer, envelope included.

    `complete`: its end was there, SE or DXE.
    """

    segments: tuple[Segment, ...]
    checksum: Checksum
    complete: bool


def read_dts(told: bytes) -> DtsFile:
    """The first transfer in the bytes; what stands before it is left out.

    Raises:
        NotAnAuditError: there is none, or more than any machine tells.
    """
    if len(told) > MOST_BYTES:
        raise NotAnAuditError(f"longer than any audit file: more than {MOST_BYTES} bytes")
    lines = list(_transfer(told))
    if not lines:
        raise NotAnAuditError("no EVA-DTS file: no line begins with DXS*, ST* or ID1*")
    segments = tuple(map(parse_segment, lines))
    complete = any(each.name in {"SE", "DXE"} for each in segments)
    return DtsFile(segments, _checksum(lines), complete)


def _transfer(told: bytes) -> Iterator[bytes]:
    """The lines from its beginning to DXE, without their ends."""
    begun = False
    for raw in told.split(b"\n"):
        line = raw.removesuffix(b"\r")
        begun = begun or line.startswith(_BEGINNINGS)
        if begun and line.strip():
            yield line
        if begun and line.startswith(b"DXE*"):
            return


def _checksum(lines: list[bytes]) -> Checksum:
    begin = next((at for at, line in enumerate(lines) if line.startswith(b"ST*")), None)
    end = next((at for at, line in enumerate(lines) if line.startswith(b"G85*")), None)
    if begin is None or end is None:
        return Checksum.ABSENT
    told = parse_segment(lines[end]).text(1)
    if not _HEX.fullmatch(told):
        return Checksum.WRONG
    crc = crc16(b"".join(line + b"\r\n" for line in lines[begin:end]))
    if int(told, 16) == crc:
        return Checksum.RIGHT
    return Checksum.SWAPPED if int(told[2:] + told[:2], 16) == crc else Checksum.WRONG

"""An EVA-DTS file: its segments, whether it is whole, and whether its checksum is right.

    DXS*JOF0000000*VA*V0/6*1      begins the transfer: who speaks, version
    ST*001*0001                   begins the set
    …
    G85*F66D                      CRC-16 from the S of ST to the line end before G85
    SE*144*0001                   ends the set: how many segments (some count others than are there)
    DXE*1*1                       ends the transfer

Lines end with CR LF; a file that was kept with other line ends has the checksum of the CR LF one.
What is not known, or malformed, is kept as a segment that nobody asks for.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mdb.audit.crc import crc16
from mdb.audit.segment import Segment, parse_segment

MOST_BYTES: Final = 1 << 20
"""A machine with a thousand selections and all that the standard has tells a quarter of it."""
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
_DEX_BLOCK: Final = b"\x10\x02"
_HEX: Final = re.compile(r"[0-9A-Fa-f]{4}")


class NotAnAuditError(ValueError):
    """The bytes are no EVA-DTS file, or not one file."""


class Checksum(StrEnum):
    """What G85 says of the file. Some old units tell its two bytes the other way round."""

    RIGHT = "right"
    SWAPPED = "swapped"
    WRONG = "wrong"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class DtsFile:
    """The segments of one set, those that the checksum covers.

    `complete`: its end was there, SE or DXE.
    """

    segments: tuple[Segment, ...]
    checksum: Checksum
    complete: bool


def read_dts(told: bytes) -> DtsFile:
    """The first set in the bytes that came to its end, or else the last that was begun.

    So what a reader says around it is left out, and an attempt that failed before one that did not.

    Raises:
        NotAnAuditError: there is none, two are mixed, or it is more than any machine tells.
    """
    if len(told) > MOST_BYTES:
        raise NotAnAuditError(f"longer than any audit file: more than {MOST_BYTES} bytes")
    if _DEX_BLOCK in told:
        raise NotAnAuditError(
            "a DEX line as it was heard (DLE STX); take the file out of its blocks"
        )
    lines = _set(told.removeprefix(_BOM).replace(b"\0", b""))
    if not lines:
        raise NotAnAuditError("no EVA-DTS file: no line begins with DXS*, ST* or ID1*")
    names = [_name(line) for line in lines]
    if names.count(b"ID1") > 1:
        raise NotAnAuditError(
            "two machines in one file: ID1 is there twice; read the machine again"
        )
    complete = names[-1] in {b"SE", b"DXE"}
    if b"G85" not in names:
        return DtsFile(tuple(map(parse_segment, lines)), Checksum.ABSENT, complete)
    covered, told_crc = lines[: names.index(b"G85")], lines[names.index(b"G85")]
    return DtsFile(tuple(map(parse_segment, covered)), _checksum(covered, told_crc), complete)


def _set(told: bytes) -> list[bytes]:
    """Its lines without their ends, from where it begins to SE, or DXE where there is no SE."""
    lines: list[bytes] = []
    begun = False
    for line in _LINE_END.split(told):
        name = _name(line)
        if name in {b"DXS", b"ST"}:  # what stands before ST no checksum covers
            lines = []
        begun = begun or name in {b"DXS", b"ST", b"ID1"}
        if begun and line.strip():
            lines.append(line)
        if begun and name in {b"SE", b"DXE"}:
            break
    return lines


def _name(line: bytes) -> bytes:
    """What stands before the first star; of a line without one nothing."""
    return line[: max(0, line.find(b"*"))]


def _checksum(covered: list[bytes], told_in: bytes) -> Checksum:
    begin = next((at for at, line in enumerate(covered) if line.startswith(b"ST*")), None)
    told = parse_segment(told_in).text(1)
    if begin is None or not _HEX.fullmatch(told):
        return Checksum.WRONG
    crc = crc16(b"".join(line + b"\r\n" for line in covered[begin:]))
    if int(told, 16) == crc:
        return Checksum.RIGHT
    return Checksum.SWAPPED if int(told[2:] + told[:2], 16) == crc else Checksum.WRONG

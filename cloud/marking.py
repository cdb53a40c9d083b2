"""The marking of goods: reading a code, and the values of the tags that carry it. Pure.

FFD 1.05: tags 1162 and 1191. FFD 1.2: tags 2000 and 1260 (1262 to 1265).
"""

import re
from dataclasses import dataclass
from typing import Final

from cloud.receipt import Marking, MarkingMode

NAMED: Final = frozenset({MarkingMode.GTIN_VEND, MarkingMode.FULL_CODE})
"""The modes in which the receipt itself names the mark."""
SEPARATOR: Final = "\x1d"
"""GS, between the parts of a code; scanners send it, people lose it."""

_GTIN: Final = re.compile(r"\d{14}", re.ASCII)
_SERIAL: Final = r"[!\"%-?A-Z_a-z]{1,20}"
"""GS1's characters of a serial number, application identifier 21."""
_CODE: Final = re.compile(
    rf"{SEPARATOR}?01(?P<gtin>[0-9]{{14}})21(?P<serial>{_SERIAL})(?P<rest>({SEPARATOR}[!-~]+)*)"
)


@dataclass(frozen=True, slots=True)
class Code:
    """A marking code that was read: 01 GTIN, 21 serial number, then keys and signatures."""

    gtin: str
    serial: str


@dataclass(frozen=True, slots=True)
class Industry:
    """Tag 1260, the industry's requisite of a line."""

    foiv: str
    """Tag 1262, the federal body."""
    day: str
    """Tag 1263, of its act: ``16.06.2022``."""
    number: str
    """Tag 1264, of its act."""
    value: str
    """Tag 1265."""


VENDING: Final = Industry(foiv="030", day="16.06.2022", number="174", value="mode=vend")
"""Tag 1260 of a kind of goods sold by a machine, FFD 1.2 (law 54-FZ art. 4.3 p. 3.2)."""
VENDING_REQUISITE: Final = "crpt=mrk&mode=vend"
"""Tag 1191 of the same, FFD 1.05."""


def is_gtin(text: str) -> bool:
    """Fourteen digits, the last of them the GS1 check digit: weights 3 and 1, to a multiple of 10."""
    if not _GTIN.fullmatch(text):
        return False
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(text))
    return total % 10 == 0 and text.strip("0") != ""


def read_code(text: str) -> Code | None:
    """A code as scanned, GS kept; None if it is none.

    A serial number has at most 20 characters: a code whose separators were lost is none.
    """
    match = _CODE.fullmatch(text)
    if match is None or not is_gtin(match["gtin"]):
        return None
    return Code(match["gtin"], match["serial"])


def nomenclature(marking: Marking) -> bytes:
    """Tag 1162: ``49 0E GTIN`` of a kind, ``44 4D GTIN serial`` of a piece, empty of neither.

    The GTIN is a big-endian number of 6 bytes, the serial number ASCII.

    Raises:
        ValueError: the mark is not what its mode asks for.
    """
    match marking.mode:
        case MarkingMode.GTIN_VEND:
            return b"\x49\x0e" + _packed(_kind(marking))
        case MarkingMode.FULL_CODE:
            code = _piece(marking)
            return b"\x44\x4d" + _packed(code.gtin) + code.serial.encode("ascii")
    return b""


def identifier(marking: Marking) -> str:
    """Tag 2000: the GTIN of a kind, the code of a piece as scanned, empty of neither.

    Raises:
        ValueError: the mark is not what its mode asks for.
    """
    match marking.mode:
        case MarkingMode.GTIN_VEND:
            return _kind(marking)
        case MarkingMode.FULL_CODE:
            _piece(marking)
            return marking.code
    return ""


def requisite(marking: Marking) -> str:
    """Tag 1191: that a machine sold the kind; empty of a piece."""
    return VENDING_REQUISITE if marking.mode is MarkingMode.GTIN_VEND else ""


def industry(marking: Marking) -> Industry | None:
    """Tag 1260: that a machine sold the kind; None of a piece."""
    return VENDING if marking.mode is MarkingMode.GTIN_VEND else None


def _kind(marking: Marking) -> str:
    if not _GTIN.fullmatch(marking.gtin):
        raise ValueError(f"{marking.gtin!r} is no GTIN")
    return marking.gtin


def _piece(marking: Marking) -> Code:
    code = read_code(marking.code)
    if code is None:
        raise ValueError(f"{marking.code!r} is no marking code")
    return code


def _packed(gtin: str) -> bytes:
    return int(gtin).to_bytes(6, "big")

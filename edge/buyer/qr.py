"""A QR code as small as its text allows: text in, modules out.

The fiscal string mixes digits, capitals and small letters. In one byte segment it needs version 5;
cut into its best segments it is version 4 always, and larger modules are what a phone wants. So:
the cheapest segments, the smallest version at error correction L, then M if the version stays.
"""

from dataclasses import dataclass
from typing import Final

import qrcode
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError
from qrcode.util import MODE_8BIT_BYTE, MODE_ALPHA_NUM, MODE_NUMBER, QRData

_ALPHANUMERIC: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
_DIGITS: Final = frozenset(b"0123456789")

_HEADER: Final = {MODE_NUMBER: 4 + 10, MODE_ALPHA_NUM: 4 + 9, MODE_8BIT_BYTE: 4 + 8}
"""Bits before a segment in versions 1 to 9 (ISO/IEC 18004, table 3)."""
_SIXTHS: Final = {MODE_NUMBER: 20, MODE_ALPHA_NUM: 33, MODE_8BIT_BYTE: 48}
"""A character's bits in sixths: 10/3, 11/2 and 8."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A square of modules, dark is True, without its quiet zone."""

    text: str
    version: int
    correction: str
    rows: tuple[tuple[bool, ...], ...]

    @property
    def size(self) -> int:
        """Modules on a side."""
        return len(self.rows)


def encode(text: str) -> Matrix:
    """The code of a text.

    Raises:
        ValueError: the text is longer than any code holds.
    """
    segments = _segments(text.encode())
    try:
        version = _code(segments, ERROR_CORRECT_L).best_fit()
        level, code = "M", _code(segments, ERROR_CORRECT_M)
        if not _holds(code, version):
            level, code = "L", _code(segments, ERROR_CORRECT_L)
    except (DataOverflowError, ValueError) as error:
        raise ValueError(f"{len(text)} characters do not fit a QR code") from error
    code.version = version
    code.make(fit=False)
    rows = tuple(tuple(bool(module) for module in row) for row in code.get_matrix())
    return Matrix(text, version, level, rows)


def _code(segments: list[tuple[int, bytes]], correction: int) -> qrcode.QRCode:
    code = qrcode.QRCode(error_correction=correction, border=0)
    for mode, data in segments:
        code.add_data(QRData(data, mode=mode), optimize=0)
    return code


def _holds(code: qrcode.QRCode, version: int) -> bool:
    try:
        return bool(code.best_fit() == version)
    except (DataOverflowError, ValueError):
        return False


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    """The cheapest cut into segments, by dynamic programming over the characters."""
    cost = {mode: head * 6 for mode, head in _HEADER.items()}
    cut: dict[int, list[tuple[int, bytes]]] = {mode: [] for mode in cost}
    best, parts = 0, list[tuple[int, bytes]]()
    for value in data:
        next_cost, next_cut = {}, {}
        for mode, sixths in _SIXTHS.items():
            if not _fits(value, mode):
                continue
            start = best + _HEADER[mode] * 6
            byte = bytes([value])
            if mode in cut and cut[mode] and cost[mode] <= start:
                *before, (_, run) = cut[mode]
                next_cost[mode], next_cut[mode] = cost[mode] + sixths, [*before, (mode, run + byte)]
            else:
                next_cost[mode], next_cut[mode] = start + sixths, [*parts, (mode, byte)]
        cost, cut = next_cost, next_cut
        cheapest = min(cost, key=cost.__getitem__)
        best, parts = cost[cheapest], cut[cheapest]
    return parts


def _fits(value: int, mode: int) -> bool:
    if mode == MODE_NUMBER:
        return value in _DIGITS
    return mode == MODE_8BIT_BYTE or value in _ALPHANUMERIC

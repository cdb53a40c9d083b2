"""``terminal``: a QR code that a phone can scan from a terminal window, in half blocks."""

import sys
from hashlib import sha256
from typing import Final, TextIO

from edge.buyer.picture import Picture
from edge.buyer.qr import Matrix
from edge.displays import Painted

QUIET: Final = 4
BLACK_ON_WHITE, PLAIN = "\x1b[30;107m", "\x1b[0m"
_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


class Terminal:
    """Writes pictures one below the other."""

    panel = None

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out

    def show(self, picture: Picture, painted: Painted) -> None:
        """Print it."""
        text = render(picture)
        print(text, file=self._out, flush=True)
        painted(sha256(text.encode()).hexdigest())

    def close(self) -> None:
        """A terminal needs no cleaning."""


def render(picture: Picture) -> str:
    """The picture as text with ANSI colours."""
    bought = f"{picture.product}  {picture.amount}".strip()
    words = (picture.title, picture.title_en, bought, picture.mark, picture.mark_en)
    lines = ["", *(word for word in words if word)]
    if picture.code is not None:
        lines += code_lines(picture.code)
    lines += [word for word in (picture.hint, picture.hint_en, picture.link) if word]
    return "\n".join(lines)


def code_lines(code: Matrix) -> list[str]:
    """The code with its quiet zone, two modules a character, black on white whatever the theme."""
    blank = (False,) * (code.size + 2 * QUIET)
    sides = (False,) * QUIET
    rows = [blank] * QUIET + [(*sides, *row, *sides) for row in code.rows] + [blank] * QUIET
    if len(rows) % 2:
        rows.append(blank)
    return [
        BLACK_ON_WHITE + "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True)) + PLAIN
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]

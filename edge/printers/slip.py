"""A slip: the QR of one receipt on paper, with its requisites under it for whoever cannot scan.

One dead heater in the head spoils every code it prints, and neither larger modules nor more
correction helps: so ФН, ФД, ФП, the sum and the time always stand below in letters.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs

from edge.buyer.qr import Matrix, encode
from edge.buyer.words import MOST_TEXT
from edge.printers import escpos
from edge.printers.profiles import QUIET, Profile
from edge.wire import Fiscal, Receipt, Sale

COPY: Final = "КОПИЯ"
OURS: Final = "Ваш чек"
EARLIER: Final = "Чек прежней покупки"
"""The title of one that comes out when another has bought since: it is not theirs."""
TEAR_LINES: Final = 4
"""From the head to the edge that paper is torn at."""
_GAP: Final = 12
"""Dots between the operator's lines and the rest."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a slip; `right` is what stands at its right edge, `big` is twice as high."""

    text: str
    right: str = ""
    bold: bool = False
    centred: bool = False
    big: bool = False


@dataclass(frozen=True, slots=True)
class Slip:
    """What is printed of one receipt. `qr` is the fiscal string; lines stand above and below it.

    `copy` says that it was printed before, or may have been.
    """

    sale_id: str
    rev: int
    qr: str
    above: tuple[Line, ...] = ()
    below: tuple[Line, ...] = ()
    copy: bool = False

    def as_copy(self) -> "Slip":
        """The same, marked."""
        return replace(self, copy=True)

    def as_earlier(self) -> "Slip":
        """The same, for whoever finds it: it need not be the receipt of who stands there now."""
        title, *rest = self.above
        return replace(self, above=(replace(title, text=EARLIER), *rest))


class TooWideError(ValueError):
    """The code cannot be 20 mm wide on this paper; says how many dots are missing."""


def slip_of(sale: Sale, receipt: Receipt, product: str = "") -> Slip | None:
    """The slip of a receipt, or None: nothing is printed of one that is not issued.

    `product` is its name; without one the slip names none.
    """
    if receipt.status != "issued" or not receipt.qr:
        return None
    # As much of it as the glass has: one that has no end would be metres of paper.
    name = " ".join(product.split())[:MOST_TEXT].strip()
    return Slip(
        sale_id=sale.sale_id,
        rev=receipt.rev,
        qr=receipt.qr,
        above=(Line(OURS, bold=True, centred=True, big=True),)
        + ((Line(name, centred=True),) if name else ()),
        below=(
            *_requisites(receipt.fiscal, receipt.qr),
            Line(""),
            Line("Проверка: приложение", centred=True),
            Line("«Проверка чеков ФНС»", centred=True),
        ),
    )


def render(slip: Slip, profile: Profile) -> bytes:
    """The slip as the printer takes it: from its reset to the cut.

    Raises:
        TooWideError: the code cannot have its 20 mm here.
    """
    parts = [escpos.RESET, escpos.NO_KANJI, escpos.code_page(profile.code_page)]
    if slip.copy:
        parts += _line(Line(COPY, bold=True, centred=True, big=True), profile.columns)
    for text in profile.header:
        parts += _line(Line(text, centred=True), profile.columns)
    parts.append(escpos.feed_dots(_GAP) if profile.header else b"")
    for line in slip.above:
        parts += _line(line, profile.columns)
    parts += _code(encode(slip.qr), profile)
    for line in slip.below:
        parts += _line(line, profile.columns)
    parts.append(escpos.CUT if profile.has_cutter else escpos.feed_lines(TEAR_LINES))
    return b"".join(parts)


def check(profile: Profile) -> None:
    """See that a fiscal code has its 20 mm on this paper, before anybody buys.

    Raises:
        TooWideError: it has not.
    """
    _module(encode(_LONGEST), profile)


_LONGEST: Final = "t=20261123T154210&s=99999.99&fn=9999078900000000&i=1234567&fp=4294967295&n=1"
"""As long as a fiscal string gets."""


def _module(code: Matrix, profile: Profile) -> int:
    module = profile.module(code.size)
    if module is None:
        wanted = (code.size + 2 * QUIET) * profile.dots_of_module(code.size)
        raise TooWideError(
            f"a code of 20 mm with its white edge is {wanted} dots wide at"
            f" {profile.dots_per_mm:g} dots a mm, and this head prints {profile.dots}"
        )
    return module


def _code(code: Matrix, profile: Profile) -> list[bytes]:
    module = _module(code, profile)
    if profile.native and profile.qr_form is not None:
        quiet = escpos.feed_dots(QUIET * module)
        drawn = escpos.qr(code.text.encode(), module, code.correction, profile.qr_form)
        return [escpos.align("centre"), quiet, drawn, quiet, escpos.align("left")]
    edge = (False,) * (QUIET * module)
    white = ((False,) * ((code.size + 2 * QUIET) * module),) * (QUIET * module)
    dots = [
        (*edge, *(dark for dark in row for _ in range(module)), *edge)
        for row in code.rows
        for _ in range(module)
    ]
    left = (profile.dots - len(white[0])) // 2
    return [escpos.align("left"), escpos.raster((*white, *dots, *white), left)]


def _line(line: Line, columns: int) -> Iterable[bytes]:
    """Its letters, broken where the paper ends, and the printer's defaults again behind it."""
    text, right = escpos.spell(line.text), escpos.spell(line.right)
    yield escpos.align("centre" if line.centred else "left")
    if line.bold:
        yield escpos.bold(on=True)
    if line.big:
        wide = 2 if 2 * (len(text) + len(right) + 1) <= columns else 1
        columns //= wide
        yield escpos.size(wide, 2)
    for row in _rows(text, right, columns):
        yield escpos.text(row) + escpos.NEWLINE
    if line.big:
        yield escpos.size(1, 1)
    if line.bold:
        yield escpos.bold(on=False)


def _rows(text: str, right: str, columns: int) -> list[str]:
    rows = textwrap.wrap(text, columns) or [""]
    if not right:
        return rows
    room = columns - len(rows[-1]) - len(right)
    if room < 1:
        return [*rows, *(row.rjust(columns) for row in textwrap.wrap(right, columns))]
    return [*rows[:-1], rows[-1] + " " * room + right]


def _requisites(fiscal: Fiscal | None, qr: str) -> tuple[Line, ...]:
    """What identifies the receipt; out of the code itself where the message does not say it."""
    if fiscal is None:
        named = {key: values[0] for key, values in parse_qs(qr).items()}
        if not {"t", "s", "fn", "i", "fp"} <= named.keys():
            return ()
        total, at = named["s"], named["t"]
        fn, fd, fp = named["fn"], named["i"], named["fp"]
    else:
        total = f"{fiscal.total // 100}.{fiscal.total % 100:02}"
        fn, fd, fp, at = fiscal.fn, str(fiscal.fd), str(fiscal.fp), fiscal.at
    return (
        Line("ИТОГ", f"{total.replace('.', ',')} ₽", bold=True, big=True),
        Line("Дата", _day(at)),
        Line("ФН", fn),
        Line("ФД", fd),
        Line("ФП", fp),
    )


def _day(at: str) -> str:
    """``23.11.2026 18:42`` of ``2026-11-23T18:42`` or of ``20261123T1842``."""
    day, _, hour = at.partition("T")
    day, hour = day.replace("-", ""), hour.replace(":", "")
    if len(day) != 8 or len(hour) < 4 or not (day + hour[:4]).isdigit():
        return at
    return f"{day[6:]}.{day[4:6]}.{day[:4]} {hour[:2]}:{hour[2:4]}"

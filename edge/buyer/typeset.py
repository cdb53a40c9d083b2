"""Words set into a box: as large as they fit, and what matters least left out first.

Nothing is ever drawn outside the box. A name that is too long is wrapped, then made smaller, and
at last cut with an ellipsis; that a code is not the fiscal one is never left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import ImageDraw

from edge.buyer.fonts import DOT, ELLIPSIS, LEADING, Font, clip, font, length, wrap
from edge.buyer.picture import Picture

BLACK: Final = 0
GREY: Final = 72
"""Second language: 9:1 on white."""
LEAST_PX: Final = 8
"""Below eight pixels Cyrillic letters run together."""
_SHRINK: Final = 0.93
_ONE_LINE: Final = 0.68
"""A line is rather made smaller, down to this, than broken in two."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where words may stand, in pixels."""

    left: int
    top: int
    width: int
    height: int
    centred: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is said: how large beside the others, in how many lines at most."""

    text: str
    scale: float
    bold: bool = False
    ink: int = BLACK
    most: int = 3
    may_be_cut: bool = False
    tail: str = ""
    """What stands behind it in the same line, and is never cut."""
    gap: float = 0.25
    """White above it, in its own sizes."""


@dataclass(frozen=True, slots=True)
class _Set:
    """A row as it will be drawn."""

    row: Row
    size: int
    lines: Sequence[str]

    @property
    def step(self) -> int:
        return round(self.size * LEADING)

    @property
    def height(self) -> int:
        return self.step * len(self.lines)

    @property
    def gap(self) -> int:
        return round(self.size * self.row.gap)


def write(pen: ImageDraw.ImageDraw, picture: Picture, box: Box, unit: float, *, mono: bool) -> None:
    """Write what a picture says. `unit` is the title's size in pixels where there is room for it."""
    if box.width < LEAST_PX or box.height < LEAST_PX:
        return
    rows = _compose(picture, box, unit)
    y = box.top + max(0, (box.height - _height(rows)) // 2)
    for number, each in enumerate(rows):
        y += each.gap if number else 0
        face = font(each.size, bold=each.row.bold)
        ascent, descent = face.getmetrics()
        rest = (each.step - ascent - descent) // 2
        for line in each.lines:
            drawn = _narrow(line, each.size, box.width, bold=each.row.bold)
            x = box.left + ((box.width - drawn.getlength(line)) / 2 if box.centred else 0)
            ink = BLACK if mono else each.row.ink
            pen.text((round(x), y + rest + ascent), line, fill=ink, font=drawn, anchor="ls")
            y += each.step


def _narrow(line: str, size: int, width: int, *, bold: bool) -> Font:
    """The face for a line; a size smaller where hinting has made it wider than was measured."""
    while size > LEAST_PX - 2 and font(size, bold=bold).getlength(line) > width:
        size -= 1
    return font(size, bold=bold)


def _compose(picture: Picture, box: Box, unit: float) -> list[_Set]:
    """The richest choice of rows that fits, as large as it fits."""
    choices = list(_choices(picture))
    for rows in choices:
        for size, cut in _tries(unit):
            found = [_set(row, size, box.width, cut=cut) for row in rows]
            done = [each for each in found if each is not None]
            if len(done) == len(found) and _height(done) <= box.height:
                return done
    return list(_crammed(choices[-1], box))


def _tries(unit: float) -> Iterator[tuple[float, bool]]:
    """Sizes from large to readable; then once more with long names cut, from three fifths down."""
    least = max(LEAST_PX, unit * 0.5)
    for start, cut in ((max(unit, least), False), (max(unit * 0.6, least), True)):
        size = start
        while size > least:
            yield size, cut
            size *= _SHRINK
        yield least, cut


def _choices(picture: Picture) -> Iterator[list[Row]]:
    """What is said, from all of it to what must be."""
    of_sale = bool(picture.product or picture.amount)
    title = Row(picture.title, 1.0, bold=True, most=3 if of_sale else 8)
    title_en = Row(picture.title_en, 0.58, ink=GREY, gap=0.1, most=3 if of_sale else 8)
    product = Row(picture.product, 0.76, may_be_cut=True, gap=0.55)
    amount = Row(picture.amount, 1.4, bold=True, most=1, gap=0.15)
    hint, hint_en = Row(picture.hint, 0.56, gap=0.6), Row(picture.hint_en, 0.52, ink=GREY, gap=0.2)
    marks = [Row(picture.mark, 0.66, bold=True, gap=0.5), Row(picture.mark_en, 0.56, gap=0.15)]
    together = _together(picture.product, picture.amount, picture.when)
    # An old code looks like a new one: whose it is matters more than that it is there.
    final = [title] if picture.kind not in {"ready", "link"} or not of_sale else [together]
    for rows in (
        [title, title_en, *marks, product, amount, hint, hint_en],
        [title, title_en, *marks, product, amount, hint],
        [title, title_en, *marks, product, amount],
        [title, *marks, product, amount],
        [title, *marks, together],
        [*marks, *final],
    ):
        yield [row for row in rows if row.text]


def _together(product: str, amount: str, when: str) -> Row:
    """All in one line, of which the product gives way."""
    first, *rest = [each for each in (product, amount, when) if each] or [""]
    tail = "".join(f" {DOT} {each}" for each in rest)
    return Row(first, 0.8, bold=True, most=1, may_be_cut=True, tail=tail)


def _set(row: Row, unit: float, width: int, *, cut: bool) -> _Set | None:
    """The row at this unit; None if it does not fit its lines."""
    size = max(LEAST_PX, round(unit * row.scale))
    single, text = size, row.text + row.tail
    least = LEAST_PX if row.most == 1 else max(LEAST_PX, round(size * _ONE_LINE))
    while single > least and length(text, single, bold=row.bold) > width:
        single -= 1
    if length(text, single, bold=row.bold) <= width:
        return _Set(row, single, [text])
    if row.most == 1:
        return _Set(row, single, [_line(row, single, width)]) if cut and row.may_be_cut else None
    widest = max(row.text.split(), key=len)
    while size > LEAST_PX and length(widest, size, bold=row.bold) > width:
        size -= 1
    whole = length(widest, size, bold=row.bold) <= width
    lines = wrap(row.text, size, width, bold=row.bold)
    if len(lines) <= row.most and (whole or cut):
        return _Set(row, size, lines)
    return _Set(row, size, _cut(row, size, lines, width)) if cut and row.may_be_cut else None


def _line(row: Row, size: int, width: int) -> str:
    """One line in which the tail stays whole, alone if it must."""
    tail = length(row.tail, size, bold=row.bold)
    first = clip(row.text, size, max(0, int(width - tail)), bold=row.bold)
    if row.tail and first == ELLIPSIS:
        return clip(row.tail.removeprefix(f" {DOT} "), size, width, bold=row.bold)
    return first + row.tail


def _cut(row: Row, size: int, lines: list[str], width: int) -> list[str]:
    last = clip(lines[row.most - 1] + ELLIPSIS, size, width, bold=row.bold)
    return [*lines[: row.most - 1], last.replace(ELLIPSIS * 2, ELLIPSIS)]


def _crammed(rows: Sequence[Row], box: Box) -> Iterator[_Set]:
    """The rows that must be, as small as can be read, as many lines of them as there is room for."""
    room = max(1, box.height // round(LEAST_PX * LEADING))
    for row in rows:
        if room <= 0:
            return
        lines = wrap(row.text, LEAST_PX, box.width, bold=row.bold)
        if row.most == 1:
            lines = [_line(row, LEAST_PX, box.width)]
        elif len(lines) > room:
            last = clip(lines[room - 1] + ELLIPSIS, LEAST_PX, box.width, bold=row.bold)
            lines = [*lines[: room - 1], last]
        yield _Set(replace(row, gap=0), LEAST_PX, lines)
        room -= len(lines)


def _height(rows: Sequence[_Set]) -> int:
    return sum(each.height for each in rows) + sum(each.gap for each in rows[1:])

"""The faces that words are drawn with, found once; text measured, and cut into lines."""

from functools import lru_cache
from typing import Final

from PIL import ImageFont

Font = ImageFont.FreeTypeFont
LEADING: Final = 1.17
"""From one baseline to the next, in sizes."""
ELLIPSIS: Final = "…"
DOT: Final = "·"
MEASURE: Final = 64
HINTING: Final = 0.45
"""By how much wider than its size a letter may get, in pixels of that size."""
_FACES: Final = {
    True: ("DejaVuSans-Bold.ttf", "LiberationSans-Bold.ttf", "NotoSans-Bold.ttf"),
    False: ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf"),
}


@lru_cache(maxsize=12)
def font(size: int, *, bold: bool) -> Font:
    """The face of that size in pixels.

    Without any face that has Cyrillic (Debian: fonts-dejavu-core) it is Pillow's own, which has
    none; the code is what counts.
    """
    file = _file(bold=bold)
    if file is not None:
        return ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)  # noqa: S101, Pillow without FreeType has no sizes
    return found


def length(text: str, size: int, *, bold: bool) -> float:
    """How wide a line is, in pixels, or a little more: hinting rounds letters up at small sizes.

    All sizes are measured by one: an open face costs half a megabyte, and dozens are tried.
    """
    return _measured(text, bold=bold) * (size + HINTING) / MEASURE


def wrap(text: str, size: int, width: int, *, bold: bool) -> list[str]:
    """Lines that are at most so wide; a word that is wider by itself is cut where it must be.

    A dot between two words falls away where the line ends at it.
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if length(longer, size, bold=bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, size, width, bold=bold)
        lines += full
    lines = [each.removesuffix(f" {DOT}").removeprefix(f"{DOT} ") for each in [*lines, line]]
    return [each for each in lines if each not in {"", DOT}]


def clip(text: str, size: int, width: int, *, bold: bool) -> str:
    """The line, or as much of it as fits before an ellipsis."""
    if length(text, size, bold=bold) <= width:
        return text
    while text and length(text.rstrip() + ELLIPSIS, size, bold=bold) > width:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def _pieces(word: str, size: int, width: int, *, bold: bool) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and length(pieces[-1] + letter, size, bold=bold) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


@lru_cache(maxsize=2048)
def _measured(text: str, *, bold: bool) -> float:
    return _ruler(bold=bold).getlength(text)


@lru_cache(maxsize=2)
def _ruler(*, bold: bool) -> Font:
    return font(MEASURE, bold=bold)


@lru_cache(maxsize=2)
def _file(*, bold: bool) -> str | None:
    """The face's path: Pillow walks through all font folders for a bare name."""
    for name in _FACES[bold]:
        try:
            return str(ImageFont.truetype(name, 10).path)
        except OSError:
            continue
    return None

"""A picture laid out on a panel: the code as large as the glass allows, the words beside or below.

Black on white over the whole panel, never the other way round; a module is a whole number of
pixels, and nothing comes nearer to the code than two modules.
"""

import threading
from dataclasses import replace
from hashlib import sha256
from typing import Final

from PIL import Image, ImageDraw

from edge.buyer.fonts import LEADING
from edge.buyer.panel import LEAST_MODULE_PX, LEAST_QUIET, QUIET, Fit, Panel, scannable
from edge.buyer.picture import Picture
from edge.buyer.qr import Matrix
from edge.buyer.typeset import BLACK, LEAST_PX, Box, write

WHITE: Final = 255
_TURNS: Final = {
    90: Image.Transpose.ROTATE_270,  # Pillow turns to the left
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
_TWO_TONES: Final = [BLACK if grey < 164 else WHITE for grey in range(256)]
_DRAWING: Final = threading.Lock()
"""Displays draw in threads of their own, and a face of FreeType is not for two at once."""


def draw(picture: Picture, panel: Panel, *, mono: bool = False) -> Image.Image:
    """Lay a picture out, greyscale; `mono` uses black and white alone.

    A code that a phone could not read on this panel is left out.
    """
    image = Image.new("L", (panel.width, panel.height), WHITE)
    found = _fit(panel, picture) if picture.code else None
    side = min(panel.width, panel.height)
    if picture.code is None or found is None:
        margin = max(2, side // 16)
        room = (panel.width - 2 * margin, panel.height - 2 * margin)
        box, unit = Box(margin, margin, *room, centred=True), side / 8
        picture = _told(picture) if picture.code else picture
    else:
        corner, box = _place(panel, found)
        image.paste(draw_code(picture.code, found.module_px), corner)
        unit = side / 11
    with _DRAWING:
        write(ImageDraw.Draw(image), picture, box, unit, mono=mono)
    # FreeType's own black and white letters are uneven, and wider than they were measured.
    return image.point(_TWO_TONES) if mono else image


def draw_code(code: Matrix, module: int) -> Image.Image:
    """The code without its quiet zone, `module` pixels a module."""
    small = Image.new("L", (code.size, code.size), WHITE)
    small.putdata([BLACK if dark else WHITE for row in code.rows for dark in row])
    return small.resize((code.size * module,) * 2, Image.Resampling.NEAREST)


def turn(image: Image.Image, degrees: int) -> Image.Image:
    """The image turned to the right by 0, 90, 180 or 270 degrees."""
    return image.transpose(_TURNS[degrees]) if degrees else image


def fingerprint(image: Image.Image) -> str:
    """The SHA-256 of the pixels, a byte each, row by row: what a showing leaves as evidence."""
    return sha256(image.convert("L").tobytes()).hexdigest()


def _told(picture: Picture) -> Picture:
    """A code that cannot be drawn is said: the address in words, without its scheme."""
    address = (picture.link or "").partition("://")[2]
    return replace(picture, title_en=address or picture.title_en, hint="", hint_en="")


def _fit(panel: Panel, picture: Picture) -> Fit | None:
    """How large the code is; one that no law wants so large leaves room for its words."""
    if picture.code is None:
        return None
    found = scannable(panel, picture.code.size)
    if found is None or (picture.kind == "ready" and not picture.mark):
        return found
    lines = 4 if picture.mark else 2
    while found.module_px > LEAST_MODULE_PX and _is_cramped(panel, found, lines):
        module = found.module_px - 1
        found = replace(found, module_px=module, quiet_px=QUIET * module)
    return found


def _is_cramped(panel: Panel, found: Fit, lines: int) -> bool:
    _, box = _place(panel, found)
    least = max(round(LEAST_PX * LEADING), min(panel.width, panel.height) // 22)
    return box.centred and box.height < lines * least


def _place(panel: Panel, found: Fit) -> tuple[tuple[int, int], Box]:
    """Where the code's corner is and where the words may stand: beside it, else below.

    Where the words would be cramped, the code has the least white around it that phones need.
    """
    symbol, least = found.symbol_px, LEAST_QUIET * found.module_px
    margin = max(1, min(panel.width, panel.height) // 60)
    if panel.width * 4 >= panel.height * 5:
        spare = panel.width - symbol - 2 * found.quiet_px
        quiet = found.quiet_px if spare * 5 >= panel.width * 2 else least
        left = symbol + 2 * quiet + 1  # a letter may lean out by a shade
        corner = (quiet, (panel.height - symbol) // 2)
        room = (panel.width - left - margin, panel.height - 2 * margin)
        return corner, Box(left, margin, *room, centred=False)
    spare = panel.height - symbol - 2 * found.quiet_px
    quiet = found.quiet_px if spare * 10 >= panel.height * 3 else least
    top = symbol + 2 * quiet
    room = (panel.width - 2 * margin, panel.height - top - margin)
    return ((panel.width - symbol) // 2, quiet), Box(margin, top, *room, centred=True)

"""``png``: each picture as an image file, pixel for pixel what a panel of that size would show.

The code is scaled by a whole number, black on white, with four modules of white around it: what a
phone needs, and what no resampling may spoil.
"""

import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from edge.buyer.picture import Picture
from edge.buyer.qr import Matrix
from edge.displays import Painted

QUIET: Final = 4
MARGIN: Final = 16
WHITE, BLACK, GREY = 255, 0, 96
_BOLD, _PLAIN = "DejaVuSans-Bold.ttf", "DejaVuSans.ttf"


class Png:
    """Writes one file, whole or not at all."""

    def __init__(self, file: Path, width: int = 800, height: int = 480) -> None:
        self._file = file
        self._size = (width, height)

    def show(self, picture: Picture, painted: Painted) -> None:
        """Replace the file."""
        encoded = BytesIO()
        draw(picture, self._size).save(encoded, "PNG")
        beside = self._file.with_suffix(".new")
        beside.write_bytes(encoded.getvalue())
        os.replace(beside, self._file)  # noqa: PTH105, one atomic step for any reader
        painted(sha256(encoded.getvalue()).hexdigest())

    def close(self) -> None:
        """The last picture stays in the file."""


def draw(picture: Picture, size: tuple[int, int]) -> Image.Image:
    """Lay a picture out on a panel of `size` pixels, greyscale."""
    width, height = size
    image = Image.new("L", size, WHITE)
    left = MARGIN
    if picture.code is not None:
        module = _module(picture.code, width, height)
        side = module * (picture.code.size + 2 * QUIET)
        image.paste(draw_code(picture.code, module), (0, (height - side) // 2))
        left = side + MARGIN // 2
    _write(image, picture, left)
    return image


def draw_code(code: Matrix, module: int) -> Image.Image:
    """The code with its quiet zone, `module` pixels a module."""
    side = code.size + 2 * QUIET
    small = Image.new("L", (side, side), WHITE)
    for y, row in enumerate(code.rows):
        for x, dark in enumerate(row):
            if dark:
                small.putpixel((x + QUIET, y + QUIET), BLACK)
    return small.resize((side * module, side * module), Image.Resampling.NEAREST)


def _module(code: Matrix, width: int, height: int) -> int:
    """Pixels a module: as large as the height allows, and at most three fifths of the width."""
    return max(1, min(height, width * 3 // 5) // (code.size + 2 * QUIET))


def _write(image: Image.Image, picture: Picture, left: int) -> None:
    pen = ImageDraw.Draw(image)
    width, height = image.size
    room = width - left - MARGIN
    lines = [
        (picture.title, _BOLD, height // 12, BLACK),
        (picture.title_en, _PLAIN, height // 22, GREY),
        (picture.product, _PLAIN, height // 14, BLACK),
        (picture.amount, _BOLD, height // 8, BLACK),
        (picture.hint, _PLAIN, height // 22, BLACK),
        (picture.hint_en, _PLAIN, height // 24, GREY),
    ]
    fitted = [
        (text, _fit(pen, text, face, size, room), ink) for text, face, size, ink in lines if text
    ]
    gap = height // 30
    y = (height - sum(int(font.size) + gap for _, font, _ in fitted)) / 2
    for text, font, ink in fitted:
        pen.text((left, y), text, fill=ink, font=font)
        y += font.size + gap


def _fit(
    pen: ImageDraw.ImageDraw, text: str, face: str, size: int, room: int
) -> ImageFont.FreeTypeFont:
    """The face at `size`, or as much smaller as the line needs."""
    while size > 8 and pen.textlength(text, font := _font(face, size)) > room:
        size -= 1
    return font if size > 8 else _font(face, size)


def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(face, size)
    except OSError:
        # No DejaVu on this machine; Pillow's own face has no Cyrillic, but the code is what counts.
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise
        return font

"""``png``: each picture as an image file, pixel for pixel what a panel of that size would show."""

import contextlib
import os
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from edge.buyer.layout import WHITE, draw, fingerprint
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.short_link import with_short_link
from edge.displays import Painted

USUAL: Final = Panel(800, 480)


class Png:
    """Writes one file, whole or not at all; an OSError of `show` is the disk's, and leaves none."""

    def __init__(self, file: Path, panel: Panel = USUAL, *, short_link: bool = False) -> None:
        self.panel = panel
        self._file = file
        self._short_link = short_link

    def show(self, picture: Picture, painted: Painted) -> None:
        """Replace the file."""
        image = draw(with_short_link(picture) if self._short_link else picture, self.panel)
        self._write(image)
        painted(fingerprint(image))

    def close(self) -> None:
        """White: the last buyer's receipt does not stay when nobody minds the screen."""
        with contextlib.suppress(OSError):
            self._write(Image.new("L", (self.panel.width, self.panel.height), WHITE))

    def _write(self, image: Image.Image) -> None:
        encoded = BytesIO()
        image.save(encoded, "PNG")
        beside = self._file.with_suffix(".new")
        try:
            beside.write_bytes(encoded.getvalue())
            os.replace(beside, self._file)  # noqa: PTH105, one atomic step for any reader
        except OSError:
            # A full disk takes not even an empty picture, and the last buyer's would stay.
            for each in (self._file, beside):
                with contextlib.suppress(OSError):
                    each.unlink()
            raise

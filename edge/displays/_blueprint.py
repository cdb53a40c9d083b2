"""A display to copy: one file a device, named as its `kind`. This one writes a PGM image file.

To add one: copy this file, its table in `edge/config/displays.py`, its line in `edge/panels.py`,
and its test. What is quick draws in `show`; what is slow hands its work to a `Painter`, as here.
"""

from pathlib import Path

from edge.buyer.layout import WHITE, draw, fingerprint
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.short_link import with_short_link
from edge.displays import Painted, Painter


class Blueprint:
    """What the device is, in a sentence; its units, and what it raises when it is opened."""

    def __init__(self, file: Path, panel: Panel, *, short_link: bool = False) -> None:
        self.panel = panel
        self._file = file
        self._short_link = short_link
        self._painter = Painter("blueprint", self._paint, self._wipe)

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show it as soon as the glass has time."""
        self._painter.show(picture, painted)

    def close(self) -> None:
        """An empty screen."""
        self._painter.close()

    def _paint(self, picture: Picture) -> str:
        """In the painter's thread: may wait, may raise."""
        image = draw(with_short_link(picture) if self._short_link else picture, self.panel)
        self._write(image.tobytes())
        return fingerprint(image)

    def _wipe(self) -> None:
        self._write(bytes([WHITE]) * self.panel.width * self.panel.height)

    def _write(self, pixels: bytes) -> None:
        self._file.write_bytes(b"P5 %d %d 255\n" % (self.panel.width, self.panel.height) + pixels)

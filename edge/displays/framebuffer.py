"""``framebuffer``: a panel that the kernel drives, HDMI, DSI or SPI, written to as /dev/fb0.

What the kernel says of it stands in /sys/class/graphics: pixels, bits a pixel, bytes a row. vc4
gives 16 or 32 bits, depending on the board.
"""

import contextlib
import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from edge.buyer.layout import WHITE, draw, fingerprint, turn
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.short_link import with_short_link
from edge.displays import Painted, Painter
from edge.errors import StartError

GRAPHICS: Final = Path("/sys/class/graphics")
BLANK: Final = 0x4611
"""FBIOBLANK (linux/fb.h); 0 is to light it up."""
_HIGH: Final = [grey & 0xF8 | grey >> 5 for grey in range(256)]
_LOW: Final = [(grey & 0x1C) << 3 | grey >> 3 for grey in range(256)]
"""A grey as RGB565, most and least significant byte."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A frame buffer's memory: pixels, bits a pixel (16, 24 or 32), bytes from row to row."""

    width: int
    height: int
    bits: int
    stride: int

    def pack(self, image: Image.Image) -> bytes:
        """A greyscale image of these pixels as the memory holds it."""
        match self.bits:
            case 16:
                packed = Image.merge("LA", (image.point(_LOW), image.point(_HIGH)))
            case 24:
                packed = Image.merge("RGB", (image,) * 3)
            case _:
                opaque = Image.new("L", image.size, WHITE)
                packed = Image.merge("RGBA", (image, image, image, opaque))
        pixels, row = packed.tobytes(), self.width * self.bits // 8
        if row == self.stride:
            return pixels
        rest = bytes(self.stride - row)
        return b"".join(pixels[start : start + row] + rest for start in range(0, len(pixels), row))


def geometry(device: Path, graphics: Path = GRAPHICS) -> Geometry:
    """What the kernel says of a frame buffer.

    Raises:
        StartError: it is not there, or its pixels are of a kind that cannot be written.
    """
    folder = graphics / device.resolve().name
    try:
        told = {
            name: (folder / name).read_text("ascii")
            for name in ("virtual_size", "bits_per_pixel", "stride")
        }
        width, height = map(int, told["virtual_size"].split(","))
        bits, stride = int(told["bits_per_pixel"]), int(told["stride"])
    except (OSError, ValueError) as error:
        raise StartError(
            f"display framebuffer: {device} is not there ({error}); see `ls /dev/fb*`. On a"
            ' Raspberry Pi 5 it may be missing: there use kind = "kiosk", or a panel\'s overlay'
        ) from error
    if bits not in {16, 24, 32} or stride < width * bits // 8:
        raise StartError(
            f"display framebuffer: {device} has {bits} bits a pixel and {stride} bytes a row of"
            f" {width}; 16, 24 and 32 bits can be written. Set framebuffer_depth=16 in config.txt"
        )
    return Geometry(*_visible(folder, width, height), bits, stride)


def _visible(folder: Path, width: int, height: int) -> tuple[int, int]:
    """The mode's pixels; the memory may hold a second screen below the first."""
    for name in ("mode", "modes"):
        with contextlib.suppress(OSError):
            found = re.match(r"\w:(\d+)x(\d+)", (folder / name).read_text("ascii"))
            if found and int(found[1]) <= width and int(found[2]) <= height:
                return int(found[1]), int(found[2])
    return width, height


class Framebuffer:
    """A panel that is written to whole, from its first pixel.

    `panel` is the glass before it is turned; `rotate` degrees to the right show it as mounted.
    """

    def __init__(
        self,
        device: Path,
        memory: Geometry,
        panel: Panel,
        *,
        rotate: int = 0,
        short_link: bool = False,
    ) -> None:
        self.panel = panel.turned(rotate)
        self._device = device
        self._memory = memory
        self._rotate = rotate
        self._short_link = short_link
        try:
            self._write(None)
        except OSError as error:
            raise StartError(
                f"display framebuffer: {device} cannot be written to: {error.strerror};"
                " the service needs the group video, and nobody else may draw there"
            ) from error
        self._painter = Painter("framebuffer", self._paint, self._wipe)

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show it as soon as the glass has time."""
        self._painter.show(picture, painted)

    def close(self) -> None:
        """A white screen."""
        self._painter.close()

    def _paint(self, picture: Picture) -> str:
        image = draw(with_short_link(picture) if self._short_link else picture, self.panel)
        self._write(image)
        return fingerprint(image)

    def _wipe(self) -> None:
        self._write(Image.new("L", (self.panel.width, self.panel.height), WHITE))

    def _write(self, image: Image.Image | None) -> None:
        """To the glass; without an image, only wake it."""
        packed = b"" if image is None else self._memory.pack(turn(image, self._rotate))
        pixels = memoryview(packed)
        glass = os.open(self._device, os.O_WRONLY)
        try:
            with contextlib.suppress(OSError):  # not every driver can
                fcntl.ioctl(glass, BLANK, 0)
            while pixels:
                pixels = pixels[os.write(glass, pixels) :]
        finally:
            os.close(glass)

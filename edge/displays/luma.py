"""``luma``: small panels on SPI or I2C without a kernel driver, through luma.lcd and luma.oled.

An optional extra. A panel is opened anew after each failure, so one that was pulled off and put
back shows the next picture.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

from PIL import Image

from edge.buyer.layout import draw, fingerprint, turn
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.short_link import with_short_link
from edge.displays import Painted, Painter
from edge.errors import ConfigError, StartError

BACKLIT: Final = frozenset({"ili9341", "ili9486", "ili9488", "st7735", "st7789"})
"""The drivers of luma.lcd that colour panels have; all others are OLEDs, which light themselves."""
INSTALL: Final = 'pip install "chekomat[luma]"'
Anything = Any
"""A line or a panel of luma's, which has no types of its own."""


class Luma:
    """A panel of luma's, by the name of its driver.

    `wire` opens the line to it; `panel` is the glass before it is turned, `rotate` degrees to the
    right show it as mounted; `wished` are keywords of the driver, of which it takes those it knows.

    Raises:
        ConfigError: luma is not installed, or the driver has no such size or no such keyword.
        StartError: the panel does not answer, or there are no pins here.
    """

    def __init__(
        self,
        driver: str,
        wire: Callable[[], Anything],
        panel: Panel,
        *,
        rotate: int = 0,
        short_link: bool = False,
        **wished: object,
    ) -> None:
        self.panel = panel.turned(rotate)
        self._wire = wire
        self._rotate = rotate
        self._short_link = short_link
        with _told(driver):
            self._kind = _kind(driver)
            self._keywords = _keywords(driver, self._kind, panel, wished)
            self._line = wire()
            self._glass = self._kind(self._line, **self._keywords)
        self._lit = True
        self._painter = Painter("luma", self._paint, self._wipe)

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show it as soon as the glass has time."""
        self._painter.show(picture, painted)

    def close(self) -> None:
        """A dark screen; the pins are let go."""
        self._painter.close()

    def _paint(self, picture: Picture) -> str:
        if not self._lit:
            self._line = self._wire()
            # The same object again: luma keeps each that was ever made until the process ends.
            self._glass.__init__(self._line, **self._keywords)
            self._lit = True
        mono = self._glass.mode == "1"
        shown = with_short_link(picture) if self._short_link else picture
        image = draw(shown, self.panel, mono=mono)
        turned = turn(image, self._rotate)
        if mono:
            turned = turned.convert("1", dither=Image.Dither.NONE)
        self._glass.contrast(255)
        self._glass.display(turned.convert(self._glass.mode))
        return fingerprint(image)

    def _wipe(self) -> None:
        """Off, and let go: the next picture begins with a fresh panel."""
        if self._lit:
            self._lit = False
            try:
                self._glass.cleanup()
            except Exception:
                self._line.cleanup()
                raise


def open_line(interface: str, port: int, address: int, **pins: object) -> Anything:
    """The wires: ``spi`` with chip select `address` and pins, or ``i2c`` at an address."""
    with _told(f"{interface} {port}"):
        serial = import_module("luma.core.interface.serial")
        if interface == "i2c":
            return serial.i2c(port=port, address=address)
        return serial.spi(port=port, device=address, **pins)


def _kind(driver: str) -> Anything:
    home = "luma.lcd.device" if driver in BACKLIT else "luma.oled.device"
    return getattr(import_module(home), driver)


def _keywords(
    driver: str, kind: type, panel: Panel, wished: dict[str, object]
) -> dict[str, object]:
    known = _known(kind)
    for key, value in wished.items():
        if value is True and key not in known:
            raise ConfigError(f"display luma: {driver} has no `{key}`: leave it out")
    taken = {key: value for key, value in wished.items() if key in known}
    if "framebuffer" in known:
        # What only sends the difference leaves on the glass whatever a spark has put there.
        taken["framebuffer"] = import_module("luma.core.framebuffer").full_frame()
    return {"width": panel.width, "height": panel.height, **taken}


def _known(kind: type) -> set[str]:
    """Every keyword that a driver takes, its parents' included."""
    return {
        name
        for each in inspect.getmro(kind)
        if "__init__" in vars(each)
        for name in inspect.signature(vars(each)["__init__"]).parameters
    }


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """What luma raises, in our words."""
    try:
        yield
    except (ConfigError, StartError):
        raise
    except ImportError as error:
        missing = error.name or str(error)
        if missing.startswith("luma"):
            raise ConfigError(f"display luma: {missing} is not installed: {INSTALL}") from error
        raise StartError(
            f"display luma: {missing} is not installed, and the panel's wires need it: on a"
            " Raspberry Pi, pip install rpi-lgpio spidev into the agent's environment"
        ) from error
    except Exception as error:
        if type(error).__name__ == "DeviceDisplayModeError":
            raise ConfigError(f"display luma: {what}: {error}: set width and height") from error
        raise StartError(
            f"display luma: {what}: {str(error) or type(error).__name__};"
            " switch the bus on with raspi-config, check the wiring, see `ls /dev/spi* /dev/i2c*`"
        ) from error

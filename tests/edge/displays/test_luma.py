"""luma's real drivers over a line that keeps what is sent; the glass is rebuilt from it and read."""

import logging
import sys
from collections.abc import Callable

import pytest
from parts import until
from PIL import Image
from specimens import FISCAL, read

from edge.buyer.layout import draw, fingerprint
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.displays.luma import BACKLIT, Luma, open_line
from edge.errors import ConfigError, StartError

# luma asks Pillow in a way that Pillow 14 will not answer.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")

LINK = "https://e.vm.example/r/7Kq2Xb9fTz"
READY = Picture(
    "ready", "Ваш чек", "Your receipt", "Капучино", "125,10 ₽", code=encode(FISCAL), link=LINK
)


class Pins:
    """GPIO pins that nothing is wired to."""

    LOW, HIGH, OUT = 0, 1, 2

    def __init__(self) -> None:
        self.levels: dict[int, int] = {}

    def setup(self, pin: int, direction: int) -> None:
        assert direction == self.OUT
        self.levels[pin] = self.LOW

    def output(self, pin: int, level: int) -> None:
        self.levels[pin] = level

    def cleanup(self, pin: int) -> None:
        self.levels.pop(pin, None)


class Wire:
    """A line of luma's: commands and what follows them; it can be pulled off."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytearray]] = []
        self.loose = False
        self.let_go = False

    def command(self, *told: int) -> None:
        if self.loose:
            raise OSError(121, "Remote I/O error")
        self.sent += [(each, bytearray()) for each in told]

    def data(self, told: bytes | list[int]) -> None:
        if self.loose:
            raise OSError(121, "Remote I/O error")
        self.sent[-1][1].extend(bytes(told))

    def cleanup(self) -> None:
        self.let_go = True


def colour_glass(wire: Wire, size: tuple[int, int]) -> Image.Image:
    """A TFT: a window of columns (2A) and rows (2B), then three bytes a pixel (2C)."""
    glass = Image.new("RGB", size)
    window = {0x2A: (0, size[0]), 0x2B: (0, size[1])}
    for command, told in wire.sent:
        if command in window:
            first, last = int.from_bytes(told[:2], "big"), int.from_bytes(told[2:4], "big")
            window[command] = (first, last + 1)
        elif command == 0x2C:
            (left, right), (top, bottom) = window[0x2A], window[0x2B]
            part = Image.frombytes("RGB", (right - left, bottom - top), bytes(told))
            glass.paste(part, (left, top))
    return glass


def paged_glass(wire: Wire, size: tuple[int, int]) -> Image.Image:
    """An SSD1306: a byte is eight pixels of a column, the lowest bit on top, page after page."""
    width, height = size
    pages = next(told for _, told in reversed(wire.sent) if len(told) == width * height // 8)
    glass = Image.new("L", size)
    for at, byte in enumerate(pages):
        for bit in range(8):
            glass.putpixel((at % width, at // width * 8 + bit), 255 * (byte >> bit & 1))
    return glass


def made(driver: str, panel: Panel, wire: Wire | None = None, **more: object) -> tuple[Luma, Wire]:
    wire = wire or Wire()
    pins = {"gpio": Pins()} if driver in BACKLIT else {}
    return Luma(driver, lambda: wire, panel, **pins, **more), wire


async def shown(display: Luma, picture: Picture = READY) -> str:
    seen: list[str] = []
    display.show(picture, seen.append)
    await until(lambda: seen)
    return seen[0]


@pytest.mark.parametrize(
    ("driver", "size"),
    [
        ("ili9341", (320, 240)),
        ("st7789", (240, 240)),
        ("st7789", (320, 240)),
        ("ili9488", (480, 320)),
    ],
)
@pytest.mark.parametrize("rotate", [0, 90])
async def test_a_tft_shows_the_fiscal_code(driver: str, size: tuple[int, int], rotate: int) -> None:
    display, wire = made(driver, Panel(*size), rotate=rotate)
    evidence = await shown(display)
    glass = colour_glass(wire, size)
    assert read(glass) == FISCAL
    wanted = draw(READY, display.panel)
    assert evidence == fingerprint(wanted)
    assert glass.rotate(rotate, expand=True).convert("L").tobytes() == wanted.tobytes()
    display.close()


async def test_every_picture_is_sent_whole_so_a_spark_does_not_stay() -> None:
    display, wire = made("ili9341", Panel(320, 240))
    await shown(display)
    wire.sent.clear()
    await shown(display)
    assert read(colour_glass(wire, (320, 240))) == FISCAL
    display.close()


@pytest.mark.parametrize("driver", ["ssd1306", "ssd1309"])
async def test_the_smallest_oled_shows_the_short_link_black_on_a_lit_ground(driver: str) -> None:
    display, wire = made(driver, Panel(128, 64), short_link=True)
    await shown(display)
    glass = paged_glass(wire, (128, 64))
    assert read(glass) == LINK.upper()
    assert glass.getpixel((0, 0)) == 255
    commands = [command for command, _ in wire.sent]
    assert (
        commands[len(commands) - 1 - commands[::-1].index(0x81) + 1] == 255
    )  # as bright as it can
    display.close()


async def test_a_grey_oled_shows_the_fiscal_code() -> None:
    display, wire = made("ssd1327", Panel(128, 128))
    await shown(display)
    nibbles = next(told for _, told in reversed(wire.sent) if len(told) == 128 * 128 // 2)
    glass = Image.new("L", (128, 128))
    glass.putdata([17 * half for byte in nibbles for half in (byte & 15, byte >> 4)])
    if not glass.getpixel((0, 0)):
        glass.putdata([17 * half for byte in nibbles for half in (byte >> 4, byte & 15)])
    assert read(glass) == FISCAL
    display.close()


@pytest.mark.parametrize(
    ("driver", "size"),
    [
        *[("ili9486", (320, 480)), ("st7735", (160, 128)), ("sh1106", (128, 64))],
        *[("sh1107", (128, 128)), ("ssd1305", (128, 64)), ("ssd1315", (128, 64))],
        *[("ssd1322", (256, 64)), ("ssd1325", (128, 64)), ("ssd1331", (96, 64))],
        ("ssd1351", (128, 128)),
    ],
)
async def test_every_driver_of_the_configuration_takes_a_picture(
    driver: str, size: tuple[int, int]
) -> None:
    display, wire = made(driver, Panel(*size), short_link=True)
    before = len(wire.sent)
    await shown(display)
    assert len(wire.sent) > before
    display.close()


async def test_luma_s_own_dummy_sees_the_code_as_well() -> None:
    dummy = pytest.importorskip("luma.core.device").dummy(width=128, height=128, mode="1")
    image = draw(READY, Panel(128, 128), mono=True).convert("1", dither=Image.Dither.NONE)
    dummy.display(image)
    assert read(dummy.image.convert("L")) == FISCAL


async def test_a_panel_that_was_pulled_off_is_begun_anew_with_the_next_picture(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wires: list[Wire] = []

    def wire() -> Wire:
        wires.append(Wire())
        return wires[-1]

    display, seen = Luma("ssd1306", wire, Panel(128, 64), short_link=True), list[str]()
    await shown(display)
    wires[0].loose = True
    display.show(READY, seen.append)
    await until(lambda: wires[0].let_go)
    assert seen == []
    await shown(display)
    assert len(wires) == 2
    assert read(paged_glass(wires[1], (128, 64))) == LINK.upper()
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    assert "Remote I/O error" in caplog.messages[0]
    display.close()
    assert wires[1].let_go


async def test_closing_puts_the_light_out() -> None:
    pins = Pins()
    display = Luma("ili9341", Wire, Panel(320, 240), gpio=pins, gpio_LIGHT=12)
    assert pins.levels == {12: 1}
    display.close()
    assert pins.levels == {}


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: made("ssd1306", Panel(100, 60)), ConfigError, r"Unsupported .*width and height"),
        (lambda: made("st7789", Panel(240, 240), bgr=True), ConfigError, r"has no `bgr`"),
        (lambda: made("ssd1306", Panel(128, 64), _loose()), StartError, r"ssd1306: .*raspi-config"),
        (lambda: Luma("st7789", Wire, Panel(240, 240)), StartError, r"RPi.* is not installed"),
        (lambda: open_line("i2c", 29, 60), StartError, r"i2c 29: .*device not found"),
        (lambda: open_line("spi", 0, 0), StartError, r"is not installed.*rpi-lgpio"),
    ],
    ids=["size", "keyword", "silent", "no pins", "no bus", "no spi"],
)
def test_what_is_wrong_is_told_with_what_to_do(
    make: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


def _loose() -> Wire:
    wire = Wire()
    wire.loose = True
    return wire


def test_a_missing_extra_is_told_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("luma")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "luma.oled", None)
    with pytest.raises(ConfigError, match=r'is not installed: pip install "chekomat\[luma\]"'):
        made("ssd1306", Panel(128, 64))

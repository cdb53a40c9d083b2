"""``[[display]]``: the screens of a machine, one table each."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.buyer.panel import Panel
from edge.wire.settings import Listen, Table

Millimetres = Annotated[float, Meta(gt=0, le=5000)]
Pixels = Annotated[int, Meta(ge=32, le=8192)]
Turn = Literal[0, 90, 180, 270]


class PanelTable(Table, frozen=True, kw_only=True):
    """What every panel with pixels may tell of itself."""

    code: Annotated[
        Literal["fiscal", "short_link"],
        Meta(
            description='What the QR code holds. "fiscal" is the one that the law wants on the screen.\n'
            '"short_link" is for a panel too small for that one: the address of the receipt, in capitals,\n'
            "plainly marked as not the fiscal code; print the receipt as well."
        ),
    ] = "fiscal"
    width_mm: Annotated[
        Millimetres | None,
        Meta(
            description="Width of the picture in millimetres, by the data sheet, before any turn. With it the\n"
            "start checks that the code is 20 mm wide.",
            examples=[154.1],
        ),
    ] = None
    height_mm: Annotated[
        Millimetres | None,
        Meta(description="Height of the picture in millimetres.", examples=[85.9]),
    ] = None
    contrast: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description="The first number of the contrast in the data sheet, 500 for 500:1. The law wants 250.",
            examples=[500.0],
        ),
    ] = None
    nits: Annotated[
        Annotated[int, Meta(gt=0)] | None,
        Meta(
            description="Brightness in cd/m². The law wants 250 of a panel with a backlight.",
            examples=[400],
        ),
    ] = None

    def __post_init__(self) -> None:
        """What one key alone cannot tell."""
        if (self.width_mm is None) != (self.height_mm is None):
            raise ValueError("width_mm and height_mm belong together")

    def glass(
        self,
        width: int,
        height: int,
        *,
        backlit: bool,
        size_mm: tuple[float, float] | None = None,
    ) -> Panel:
        """The panel of so many pixels; `size_mm` is what it says of itself if the table does not."""
        told = (self.width_mm, self.height_mm) if self.width_mm is not None else size_mm
        width_mm, height_mm = told or (None, None)
        return Panel(width, height, width_mm, height_mm, self.contrast, self.nits, backlit)


class BacklitTable(PanelTable, frozen=True, kw_only=True):
    """The same, of a panel that may have a light behind it."""

    backlit: Annotated[
        bool,
        Meta(description="Whether it has a backlight; false for an OLED, and for paper."),
    ] = True


class TerminalDisplay(Table, frozen=True, kw_only=True, tag="terminal", tag_field="kind"):
    """``[[display]] kind = "terminal"``: the code as text, to be seen over ssh or in the journal."""


class PngDisplay(BacklitTable, frozen=True, kw_only=True, tag="png", tag_field="kind"):
    """``[[display]] kind = "png"``: a picture in a file, for a program of yours that shows it."""

    file: Annotated[
        str,
        Meta(
            description="The file; it is replaced as a whole.",
            examples=["/var/lib/chekomat-edge/screen.png"],
        ),
    ]
    width: Annotated[int, Meta(ge=74, le=8192, description="Width in pixels.")] = 800
    height: Annotated[int, Meta(ge=32, le=8192, description="Height in pixels.")] = 480


class KioskDisplay(BacklitTable, frozen=True, kw_only=True, tag="kiosk", tag_field="kind"):
    """``[[display]] kind = "kiosk"``: a page for a full-screen browser on the HDMI panel; chekomat-kiosk.service opens it."""

    listen: Annotated[
        Listen, Meta(description="HOST:PORT of the page. On loopback, as there is no password.")
    ] = "127.0.0.1:8081"
    width: Annotated[
        Pixels | None,
        Meta(
            description="Width of the panel in pixels. With it and width_mm the start checks the code's size;\n"
            "the page itself takes what the browser has.",
            examples=[800],
        ),
    ] = None
    height: Annotated[
        Pixels | None, Meta(description="Height of the panel in pixels.", examples=[480])
    ] = None

    def __post_init__(self) -> None:
        """What one key alone cannot tell."""
        super().__post_init__()
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height belong together")


class FramebufferDisplay(
    BacklitTable, frozen=True, kw_only=True, tag="framebuffer", tag_field="kind"
):
    """``[[display]] kind = "framebuffer"``: any panel that the kernel drives (HDMI, DSI, SPI overlay), without a browser."""

    device: Annotated[
        str,
        Meta(description="The frame buffer. Its pixels and bits are read from the kernel."),
    ] = "/dev/fb0"
    rotate: Annotated[
        Turn,
        Meta(description="Degrees that the picture is turned to the right: 0, 90, 180 or 270."),
    ] = 0


class LumaDisplay(PanelTable, frozen=True, kw_only=True, tag="luma", tag_field="kind"):
    """``[[display]] kind = "luma"``: a small TFT or OLED on SPI or I2C without a kernel driver. Needs the extra: pip install "chekomat[luma]"."""

    driver: Annotated[
        Literal[
            "ili9341",
            "ili9486",
            "ili9488",
            "st7735",
            "st7789",
            "sh1106",
            "sh1107",
            "ssd1305",
            "ssd1306",
            "ssd1309",
            "ssd1315",
            "ssd1322",
            "ssd1325",
            "ssd1327",
            "ssd1331",
            "ssd1351",
        ],
        Meta(description="The controller, by the panel's data sheet.", examples=["ili9341"]),
    ]
    width: Annotated[
        int, Meta(ge=32, le=8192, description="Width in pixels, before any turn.", examples=[320])
    ]
    height: Annotated[
        int, Meta(ge=32, le=8192, description="Height in pixels, before any turn.", examples=[240])
    ]
    rotate: Annotated[
        Turn,
        Meta(description="Degrees that the picture is turned to the right: 0, 90, 180 or 270."),
    ] = 0
    interface: Annotated[
        Literal["spi", "i2c"], Meta(description="How it is wired; switch it on with raspi-config.")
    ] = "spi"
    port: Annotated[
        int,
        Meta(ge=0, le=31, description="The bus: 0 for /dev/spidev0.x; on a Pi 1 for /dev/i2c-1."),
    ] = 0
    device: Annotated[
        int, Meta(ge=0, le=3, description="SPI: the chip select, 0 for /dev/spidev0.0.")
    ] = 0
    address: Annotated[
        int, Meta(ge=3, le=119, description="I2C: the address, 60 or 61 (0x3c, 0x3d) for an OLED.")
    ] = 0x3C
    speed_mhz: Annotated[
        Literal[1, 2, 4, 8, 16, 20, 24, 32, 40, 48],
        Meta(description="SPI: clock in MHz. Less for long wires."),
    ] = 16
    gpio_dc: Annotated[
        int, Meta(ge=0, le=53, description="SPI: the GPIO (BCM number) at the panel's D/C.")
    ] = 24
    gpio_rst: Annotated[
        int, Meta(ge=0, le=53, description="SPI: the GPIO (BCM number) at the panel's RST.")
    ] = 25
    gpio_light: Annotated[
        int, Meta(ge=0, le=53, description="TFT: the GPIO (BCM number) that switches its light.")
    ] = 18
    light_active_low: Annotated[
        bool, Meta(description="TFT: whether the light is on when that pin is low.")
    ] = False
    bgr: Annotated[
        bool,
        Meta(description="TFT: red and blue are the other way round. Black and white do not mind."),
    ] = False
    invert: Annotated[
        bool | None,
        Meta(
            description="TFT: set it where the picture is white on black: true or false, as the driver allows.",
            examples=[True],
        ),
    ] = None


class PoleDisplay(Table, frozen=True, kw_only=True, tag="pole", tag_field="kind"):
    """``[[display]] kind = "pole"``: a customer display with rows of text on a serial line, Epson's commands. It shows no QR code."""

    port: Annotated[
        str,
        Meta(
            description="The serial port; by-id names survive another USB socket.",
            examples=["/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"],
        ),
    ]
    baud: Annotated[
        Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200],
        Meta(description="Bits a second, as its switches say."),
    ] = 9600
    columns: Annotated[int, Meta(ge=8, le=80, description="Letters a row.")] = 20
    rows: Annotated[int, Meta(ge=1, le=8, description="Rows of text.")] = 2
    encoding: Annotated[
        Literal["cp866", "cp1251", "cp855", "koi8-r", "ascii"],
        Meta(description="How it takes Cyrillic letters."),
    ] = "cp866"
    code_page: Annotated[
        int,
        Meta(
            ge=-1,
            le=255,
            description="The number by which it calls that code page (ESC t); -1 leaves it at its own.",
        ),
    ] = 17


DisplayTable = (
    TerminalDisplay | PngDisplay | KioskDisplay | FramebufferDisplay | LumaDisplay | PoleDisplay
)

"""``[[printer]]``: the receipt printers of a machine, one table each."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.wire.settings import Table

ProfileName = Literal[
    "generic-58", "pos-5890-clones", "generic-80", "custom-vkp80", "custom-kpm", "epson-tm"
]
"""As in `edge.printers.profiles`."""
HeaderLine = Annotated[str, Meta(min_length=1, max_length=200)]


class Printer(Table, frozen=True, kw_only=True):
    """What every receipt printer is asked, whatever it is plugged into."""

    profile: Annotated[
        ProfileName,
        Meta(
            description="The kind of printer. generic-58 fits most heads for 58 mm paper."
            " pos-5890-clones is for the cheap ones that print Chinese or nothing readable with it."
        ),
    ] = "generic-58"
    code_page: Annotated[
        Annotated[int, Meta(ge=0, le=255)] | None,
        Meta(
            description="The printer's number of code page 866, if the slip's Russian is garbled."
            " The printer's self-test lists its pages. Without it the profile's number is used.",
            examples=[17],
        ),
    ] = None
    dots: Annotated[
        Annotated[int, Meta(ge=96, le=2048)] | None,
        Meta(
            description="Dots across the printable width, if the printer has others than its"
            " profile: 384 on 58 mm paper, 576 on 80 mm.",
            examples=[384],
        ),
    ] = None
    dots_per_mm: Annotated[
        Annotated[float, Meta(ge=4, le=24)] | None,
        Meta(
            description="Dots per millimetre, if the printer has others than its profile; 203 dpi"
            " are 8. The law wants the QR code at least 20 mm wide on paper.",
            examples=[8.0],
        ),
    ] = None
    native: Annotated[
        bool,
        Meta(
            description="Let the printer draw the QR code itself. It is for slow serial lines only,"
            " where a drawn code takes ten seconds. Scan a printed code before you rely on it."
        ),
    ] = False
    status: Annotated[
        bool | None,
        Meta(
            description="Whether the printer answers when it is asked for paper and cover."
            " Set false for one that is always reported as unknown. It then prints unasked, and"
            " nobody is told when its paper ends.",
            examples=[False],
        ),
    ] = None
    ttl_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="For how many seconds a slip waits for a printer without paper. Then it is"
            " dropped, as its buyer has gone.",
        ),
    ] = 120.0
    header: Annotated[
        tuple[HeaderLine, ...],
        Meta(
            max_length=8,
            description="Lines above every slip, such as your name, tax number and telephone.",
            examples=[["ООО «Кофе рядом»", "ИНН 7707083893"]],
        ),
    ] = ()


class UsbPrinter(Printer, frozen=True, kw_only=True, tag="usb", tag_field="kind"):
    """A receipt printer on USB that the kernel shows as /dev/usb/lp0."""

    device: Annotated[
        str,
        Meta(
            min_length=1,
            description="The printer's device file; `ls /dev/usb` shows it once it is plugged in.",
        ),
    ] = "/dev/usb/lp0"


class SerialPrinter(Printer, frozen=True, kw_only=True, tag="serial", tag_field="kind"):
    """A receipt printer on a serial port, or on a USB adapter for one."""

    port: Annotated[
        str,
        Meta(
            min_length=1,
            description="The serial port. A name from /dev/serial/by-id stays the same when"
            " devices are plugged in anew.",
            examples=["/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"],
        ),
    ]
    baud: Annotated[
        Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200],
        Meta(
            description="The speed that is set in the printer; its self-test prints it."
            " Choose the highest that both can: at 9600 a slip takes ten seconds."
        ),
    ] = 115200
    flow: Annotated[
        Literal["none", "rtscts", "xonxoff"],
        Meta(
            description="How the printer says that it cannot take more. Use what its switches are"
            " set to; without any, a slow printer may lose parts of a slip."
        ),
    ] = "none"


class NetworkPrinter(Printer, frozen=True, kw_only=True, tag="network", tag_field="kind"):
    """A receipt printer on the network."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=253,
            description="The printer's address. Give it a fixed one in your router.",
            examples=["192.168.1.50"],
        ),
    ]
    port: Annotated[
        int,
        Meta(ge=1, le=65535, description="The port it listens on; nearly always 9100."),
    ] = 9100


class FilePrinter(Printer, frozen=True, kw_only=True, tag="file", tag_field="kind"):
    """No printer at all: slips as files and pictures, to try everything out."""

    folder: Annotated[
        str,
        Meta(
            min_length=1,
            description="The folder for the slips: each as the bytes and as a PNG of the paper.",
            examples=["/var/lib/chekomat-edge/slips"],
        ),
    ]


PrinterTable = UsbPrinter | SerialPrinter | NetworkPrinter | FilePrinter

"""The configuration: one TOML file, strict, checked as a whole before anything starts."""

from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, field

from edge.buyer.presenter import STATUTORY_S
from edge.config.displays import (
    DisplayTable,
    KioskDisplay,
    PngDisplay,
    PoleDisplay,
    TerminalDisplay,
)
from edge.config.printers import FilePrinter, PrinterTable
from edge.config.receipts import Receipts
from edge.config.technician import Technician
from edge.errors import ConfigError
from edge.wire.messages import MachineId
from edge.wire.settings import Broker, Item, SettingsError, Table, parsed, read
from edge.wire.topics import CLOUD

__all__ = [
    "Config",
    "DisplayTable",
    "FilePrinter",
    "KioskDisplay",
    "PngDisplay",
    "PrinterTable",
    "Receipts",
    "Technician",
    "TerminalDisplay",
    "load",
    "read_text",
]


TAKEN: Final = {
    CLOUD: "the cloud's own name",
    "operator": "the name of who gives commands",
}
"""Names of the broker's users that are no machines."""
SAMPLE: Final = "what `python -m edge sample` prints"


class Config(Table, frozen=True, kw_only=True):
    """The whole file."""

    machine: Annotated[
        MachineId,
        Meta(
            description="Who this machine is: the first part of its topics, the name in its certificate, and its\n"
            "name in the fiscaliser's fleet. Letters, digits, '_', '.', '-', at most 64. Keep it when\n"
            "the computer is replaced; it belongs to the machine.",
            examples=["vm-000123"],
        ),
    ]
    tap: Annotated[
        str,
        Meta(
            description="""\
Where the bus is heard.
  virtual:ITEM=PRICE,…   a machine in memory; item in four hex digits, price in kopecks (tens).
                         It is operated at http://127.0.0.1:8081/machine. To try everything out.
  qibixx:PORT            a Qibixx MDB Pi HAT or MDB-USB: qibixx:/dev/ttyACM0
  uart:PORT,PORT2        the Pi's own PL011 ports, the VMC's line first: uart:/dev/ttyAMA0,/dev/ttyAMA3
  lines:PORT             a microcontroller that prints our trace format: lines:/dev/ttyUSB0
  replay:FILE            a capture, once, at its own pace; FILE?pace=0 at once.
How each is wired: python -m mdb wiring. What it hears: python -m mdb watch TAP.""",
            examples=["virtual:0001=12000,0002=9000"],
        ),
    ]
    data: Annotated[
        str,
        Meta(
            description="The folder of the outbox: sales that are not acknowledged yet, and what the bus once told of\n"
            "its money. On a disk that keeps its word; never on a tmpfs. The service may write here only."
        ),
    ] = "/var/lib/chekomat-edge"
    broker: Broker = Broker()
    receipts: Receipts = Receipts()
    display: Annotated[
        tuple[DisplayTable, ...],
        Meta(
            description="Where it is shown: one [[display]] for each screen; all show the same. Without any: the\n"
            "terminal."
        ),
    ] = (TerminalDisplay(),)
    printer: Annotated[
        tuple[PrinterTable, ...],
        Meta(description="Where it is printed: one [[printer]] for each; a machine needs none."),
    ] = ()
    technician: Technician | None = None
    products: Annotated[
        dict[Item, str],
        Meta(
            description="What the screen calls things: item number on the bus = name of the product. What is\n"
            "missing is shown by amount and time alone. The receipt takes its names from the fiscaliser,\n"
            "not from here.",
            examples=[{"0001": "Эспрессо", "0002": "Чай чёрный"}],
        ),
    ] = field(default_factory=dict)


def load(file: Path) -> Config:
    """Read and check a configuration.

    Raises:
        ConfigError: the file is missing, no TOML, or a key is unknown, missing or out of range.
    """
    try:
        config = read(file, Config, sample=SAMPLE)
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    check(str(file), config)
    return config


def read_text(text: str, name: str) -> Config:
    """Read and check what a file would hold; `name` is what mistakes are told of.

    Raises:
        ConfigError: it is no TOML, or a key is unknown, missing or out of range.
    """
    try:
        config = parsed(text, Config, name)
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    check(name, config)
    return config


def check(file: str, config: Config) -> None:
    """What one key alone cannot tell.

    Raises:
        ConfigError: two keys do not go together, or the law wants another value.
    """
    if config.machine in TAKEN:
        whose = TAKEN[config.machine]
        raise ConfigError(f"{file}: machine: {config.machine!r} is {whose}; choose another")
    shown = config.receipts.show_s
    if config.receipts.profile == "ru" and shown < STATUTORY_S:
        raise ConfigError(
            f"{file}: receipts.show_s: expected at least {STATUTORY_S:.0f}, found {shown:g};"
            " the law wants the QR on the screen for forty seconds or until the next settlement"
            ' (profile = "none" where that law is not yours)'
        )
    if config.receipts.profile == "ru" and config.receipts.qr == "link":
        raise ConfigError(
            f'{file}: receipts.qr: expected "link_then_fiscal" or "fiscal", found "link"; the law wants'
            " the receipt's own code on the screen"
            ' (profile = "none" where that law is not yours)'
        )
    if (
        config.receipts.profile == "ru"
        and not config.printer
        and not any(map(_lawful, config.display))
    ):
        raise ConfigError(
            f"{file}: display: none of them shows the fiscal QR code, and there is no printer;"
            " add a panel that can, or a [[printer]]"
            ' (profile = "none" where that law is not yours)'
        )
    if config.receipts.qr != "fiscal" and config.receipts.link is None:
        raise ConfigError(
            f"{file}: receipts.link: missing; give the address of your receipt pages, such as"
            ' "https://chek.example/r/", or set receipts.qr = "fiscal"'
        )


def _lawful(table: DisplayTable) -> bool:
    """Whether it shows the receipt's own code, if its panel lets it."""
    return not isinstance(table, PoleDisplay) and getattr(table, "code", "fiscal") == "fiscal"

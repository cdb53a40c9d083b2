"""The configuration: one TOML file, strict, checked as a whole before anything starts."""

from pathlib import Path

from msgspec import field

from edge.buyer.presenter import STATUTORY_S
from edge.config.displays import DisplayTable, KioskDisplay, PngDisplay, TerminalDisplay
from edge.config.printers import FilePrinter, PrinterTable
from edge.config.receipts import Receipts
from edge.errors import ConfigError
from edge.wire.messages import MachineId
from edge.wire.settings import Broker, Item, SettingsError, Table, read
from edge.wire.topics import CLOUD

__all__ = [
    "Config",
    "DisplayTable",
    "FilePrinter",
    "KioskDisplay",
    "PngDisplay",
    "PrinterTable",
    "Receipts",
    "TerminalDisplay",
    "load",
]


class Config(Table, frozen=True, kw_only=True):
    """The whole file."""

    machine: MachineId
    tap: str
    data: str = "/var/lib/chekomat-edge"
    broker: Broker = Broker()
    receipts: Receipts = Receipts()
    display: tuple[DisplayTable, ...] = (TerminalDisplay(),)
    printer: tuple[PrinterTable, ...] = ()
    products: dict[Item, str] = field(default_factory=dict)


def load(file: Path) -> Config:
    """Read and check a configuration.

    Raises:
        ConfigError: the file is missing, no TOML, or a key is unknown, missing or out of range.
    """
    try:
        config = read(file, Config, sample="deploy/edge/config.toml")
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    _check(file, config)
    return config


def _check(file: Path, config: Config) -> None:
    """What one key alone cannot tell."""
    if config.machine == CLOUD:
        raise ConfigError(f"{file}: machine: {CLOUD!r} is the cloud's own name; choose another")
    shown = config.receipts.show_s
    if config.receipts.profile == "ru" and shown < STATUTORY_S:
        raise ConfigError(
            f"{file}: receipts.show_s: expected at least {STATUTORY_S:.0f}, found {shown:g};"
            " the law wants the QR on the screen for forty seconds or until the next settlement"
            ' (profile = "none" where that law is not yours)'
        )
    if config.receipts.qr != "fiscal" and config.receipts.link is None:
        raise ConfigError(
            f"{file}: receipts.link: missing; give the address of your receipt pages, such as"
            ' "https://chek.example/r/", or set receipts.qr = "fiscal"'
        )

"""The configuration: one TOML file, strict, checked as a whole before anything starts."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from edge.errors import ConfigError
from edge.presenter import STATUTORY_S
from edge.wire.messages import END, MachineId
from edge.wire.settings import Broker, Item, Listen, SettingsError, Table, read
from edge.wire.topics import CLOUD


class Receipts(Table, frozen=True, kw_only=True):
    """``[receipts]``: what the screen says of receipts, and for how long (seconds)."""

    link: Annotated[str, Meta(pattern=r"^https?://\S+/" + END, max_length=200)] | None = None
    qr: Literal["link_then_fiscal", "fiscal", "link"] = "link_then_fiscal"
    profile: Literal["ru", "none"] = "ru"
    show_s: Annotated[float, Meta(gt=0, le=86400)] = 60.0
    patience_s: Annotated[float, Meta(gt=0, le=600)] = 15.0


class TerminalDisplay(Table, frozen=True, kw_only=True, tag="terminal", tag_field="kind"):
    """``[[display]] kind = "terminal"``."""


class PngDisplay(Table, frozen=True, kw_only=True, tag="png", tag_field="kind"):
    """``[[display]] kind = "png"``: an image file of the panel's size in pixels."""

    file: str
    width: Annotated[int, Meta(ge=74, le=8192)] = 800
    height: Annotated[int, Meta(ge=74, le=8192)] = 480


class KioskDisplay(Table, frozen=True, kw_only=True, tag="kiosk", tag_field="kind"):
    """``[[display]] kind = "kiosk"``: a page for a full-screen browser."""

    listen: Listen = "127.0.0.1:8081"


DisplayTable = TerminalDisplay | PngDisplay | KioskDisplay


class Config(Table, frozen=True, kw_only=True):
    """The whole file."""

    machine: MachineId
    tap: str
    data: str = "/var/lib/chekomat-edge"
    broker: Broker = Broker()
    receipts: Receipts = Receipts()
    display: tuple[DisplayTable, ...] = (TerminalDisplay(),)
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

"""The printers that a configuration asks for, opened. Each kind's library is imported only for it.

A printer that is not there now is no reason not to sell: it is offline, and tried again.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from edge.config.printers import (
    FilePrinter,
    NetworkPrinter,
    PrinterTable,
    SerialPrinter,
    UsbPrinter,
)
from edge.errors import ConfigError
from edge.printers import Printer
from edge.printers.profiles import PROFILES, Profile
from edge.printers.slip import TooWideError, check


def open_printers(tables: Sequence[PrinterTable]) -> dict[str, Printer]:
    """Every printer by its name, such as ``1-usb``.

    Raises:
        ConfigError: as `open_printer`, and which table it is.
    """
    printers: dict[str, Printer] = {}
    for number, table in enumerate(tables, 1):
        try:
            printers[f"{number}-{table.__struct_config__.tag}"] = open_printer(table)
        except ConfigError as error:
            raise ConfigError(f"printer[{number - 1}].{error}") from error
    return printers


def open_printer(table: PrinterTable) -> Printer:
    """The printer of a table; it touches no device yet.

    Raises:
        ConfigError: the code cannot be 20 mm wide on this paper, or the printer has no QR of its
            own and was asked for it.
    """
    profile = profile_of(table)
    match table:
        case UsbPrinter():
            from edge.printers.device import Device  # noqa: PLC0415
            from edge.printers.usb import open_usb  # noqa: PLC0415

            return Device(profile, partial(open_usb, table.device))
        case SerialPrinter():
            from edge.printers.device import Device  # noqa: PLC0415
            from edge.printers.serial_port import open_serial  # noqa: PLC0415

            return Device(profile, partial(open_serial, table))
        case NetworkPrinter():
            from edge.printers.device import Device  # noqa: PLC0415
            from edge.printers.network import open_network  # noqa: PLC0415

            return Device(profile, partial(open_network, table.host, table.port), hold=False)
        case FilePrinter():
            from edge.printers import file  # noqa: PLC0415

            return file.FilePrinter(Path(table.folder), profile)


def profile_of(table: PrinterTable) -> Profile:
    """The profile it names, with what the table says otherwise.

    Raises:
        ConfigError: as `open_printer`.
    """
    named = PROFILES[table.profile]
    if table.native and named.qr_form is None:
        raise ConfigError(
            f"native: {table.profile} has no QR code of its own that we know of;"
            " leave native out, and the code is drawn"
        )
    profile = replace(
        named,
        code_page=named.code_page if table.code_page is None else table.code_page,
        dots=table.dots or named.dots,
        dots_per_mm=table.dots_per_mm or named.dots_per_mm,
        native=table.native,
        has_status=named.has_status if table.status is None else table.status,
        header=table.header,
        ttl_s=table.ttl_s,
    )
    try:
        check(profile)
    except TooWideError as error:
        raise ConfigError(f"dots: {error}; use wider paper, or correct dots_per_mm") from error
    return profile

"""The panels that a configuration asks for, opened as displays; a kiosk brings its server along.

Under profile "ru" a panel that cannot show a lawful code is refused here, before anything is sold.
Pillow, aiohttp, pyserial and luma are imported only where they are needed.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from edge.buyer.panel import Panel, doubts, objections
from edge.config.displays import (
    DisplayTable,
    FramebufferDisplay,
    KioskDisplay,
    LumaDisplay,
    PanelTable,
    PngDisplay,
    PoleDisplay,
)
from edge.displays import Display
from edge.displays.absent import Absent
from edge.displays.terminal import Terminal
from edge.errors import ConfigError, StartError

if TYPE_CHECKING:
    from edge.face import Face

log = logging.getLogger(__name__)

Profile = Literal["ru", "none"]
ALTERNATIVES: Final = (
    'Take a panel on which it can; or print the receipt and set code = "short_link" here, which'
    " shows the link in capitals, plainly marked as not the fiscal code"
    ' (profile = "none" where that law is not yours)'
)


@asynccontextmanager
async def open_panels(
    tables: Sequence[DisplayTable], face: "Face | None", profile: Profile = "ru"
) -> AsyncIterator[Mapping[str, Display]]:
    """Open every display; a kiosk serves the face of a virtual machine as well.

    The names are ``1-kiosk``, ``2-pole``, …, in the order of the tables. A device that is not there
    is no reason not to sell: it is looked for again with each picture.

    Raises:
        ConfigError: a panel cannot show a lawful code, or cannot be what its table says.
        StartError: a kiosk's port is taken; the message says what to do.
    """
    async with AsyncExitStack() as stack:
        displays: dict[str, Display] = {}
        for number, table in enumerate(tables):
            check = partial(_check, number, table) if profile == "ru" else _unchecked
            try:
                display = await stack.enter_async_context(open_display(table, face))
                check(display.panel)
            except StartError as error:
                if isinstance(table, KioskDisplay):
                    raise
                check(_said(table))
                log.error("%s; going on without it until it is there", error)  # noqa: TRY400
                display = Absent(partial(_open_device, table), check)
                stack.callback(display.close)
            displays[f"{number + 1}-{table.__struct_config__.tag}"] = display
        yield displays


@asynccontextmanager
async def open_display(table: DisplayTable, face: "Face | None") -> AsyncIterator[Display]:
    """Open one display, whatever the law says of it; it is closed at the end.

    Raises:
        ConfigError: it cannot be what its table says.
        StartError: it cannot be opened; the message says why and what to do.
    """
    async with AsyncExitStack() as stack:
        display = await _open(table, face, stack)
        stack.callback(display.close)
        yield display


def refusal(table: DisplayTable, panel: Panel | None) -> str | None:
    """Why a display is not lawful under profile "ru", with figures and alternatives; or None."""
    if panel is None or not isinstance(table, PanelTable) or table.code == "short_link":
        return None
    wrong = objections(panel)
    if not wrong:
        return None
    return f"cannot show a lawful fiscal QR code: {'; '.join(wrong)}. {ALTERNATIVES}"


def _unchecked(_panel: Panel | None) -> None:
    """No law here asks for anything."""


def _check(number: int, table: DisplayTable, panel: Panel | None) -> None:
    wrong = refusal(table, panel)
    where = f"display[{number}] ({table.__struct_config__.tag})"
    if wrong:
        raise ConfigError(f"{where}: {wrong}")
    if panel is not None and isinstance(table, PanelTable) and table.code == "fiscal":
        for doubt in doubts(panel):
            log.warning("%s: %s", where, doubt)


async def _open(table: DisplayTable, face: "Face | None", stack: AsyncExitStack) -> Display:
    if isinstance(table, KioskDisplay):
        return await _kiosk(table, face, stack)
    return _open_device(table)


def _open_device(table: DisplayTable) -> Display:
    match table:
        case PngDisplay():
            from edge.displays.png import Png  # noqa: PLC0415

            panel = table.glass(table.width, table.height, backlit=table.backlit)
            return Png(Path(table.file), panel, short_link=table.code == "short_link")
        case FramebufferDisplay():
            return _framebuffer(table)
        case LumaDisplay():
            return _luma(table)
        case PoleDisplay():
            from edge.displays.pole import Pole  # noqa: PLC0415

            return Pole(
                table.port,
                baud=table.baud,
                columns=table.columns,
                rows=table.rows,
                encoding=table.encoding,
                code_page=table.code_page if table.code_page >= 0 else None,
            )
        case _:
            return Terminal()


async def _kiosk(table: KioskDisplay, face: "Face | None", stack: AsyncExitStack) -> Display:
    from edge.displays._edid import size_mm  # noqa: PLC0415
    from edge.displays.kiosk import Kiosk  # noqa: PLC0415
    from edge.server import serve  # noqa: PLC0415

    panel = None
    if table.width is not None and table.height is not None:
        panel = table.glass(table.width, table.height, backlit=table.backlit, size_mm=size_mm())
    kiosk = Kiosk(panel, short_link=table.code == "short_link")
    server = await serve(table.listen, [*kiosk.routes(), *(face.routes() if face else ())])
    stack.push_async_callback(server.cleanup)
    return kiosk


def _framebuffer(table: FramebufferDisplay) -> Display:
    from edge.displays._edid import size_mm  # noqa: PLC0415
    from edge.displays.framebuffer import Framebuffer, geometry  # noqa: PLC0415

    device = Path(table.device)
    memory = geometry(device)
    panel = table.glass(memory.width, memory.height, backlit=table.backlit, size_mm=size_mm())
    short_link = table.code == "short_link"
    return Framebuffer(device, memory, panel, rotate=table.rotate, short_link=short_link)


def _said(table: DisplayTable) -> Panel | None:
    """The panel as its table says it is, where the device cannot be asked."""
    if isinstance(table, LumaDisplay):
        from edge.displays.luma import BACKLIT  # noqa: PLC0415

        panel = table.glass(table.width, table.height, backlit=table.driver in BACKLIT)
        return panel.turned(table.rotate)
    return None


def _luma(table: LumaDisplay) -> Display:
    from edge.displays.luma import BACKLIT, Luma, open_line  # noqa: PLC0415

    spi = table.interface == "spi"
    wires: dict[str, object] = (
        {
            "gpio_DC": table.gpio_dc,
            "gpio_RST": table.gpio_rst,
            "bus_speed_hz": table.speed_mhz * 1_000_000,
        }
        if spi
        else {}
    )
    address = table.device if spi else table.address
    wished: dict[str, object] = {"bgr": table.bgr, "active_low": table.light_active_low}
    if table.invert is not None:
        wished["inverse" if table.driver == "st7735" else "invert"] = table.invert
    return Luma(
        table.driver,
        partial(open_line, table.interface, table.port, address, **wires),
        table.glass(table.width, table.height, backlit=table.driver in BACKLIT),
        rotate=table.rotate,
        short_link=table.code == "short_link",
        gpio_LIGHT=table.gpio_light,
        **wished,
    )

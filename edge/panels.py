"""The panels that a configuration asks for, opened as displays; a kiosk brings its server along.

Pillow and aiohttp are imported only where they are needed: a pole display saves their 30 MB.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import DisplayTable, KioskDisplay, PngDisplay
from edge.displays import Display
from edge.displays.terminal import Terminal

if TYPE_CHECKING:
    from edge.face import Face


@asynccontextmanager
async def open_panels(
    tables: Sequence[DisplayTable], face: "Face | None"
) -> AsyncIterator[Mapping[str, Display]]:
    """Open every display; a kiosk serves the face of a virtual machine as well.

    Raises:
        StartError: a display cannot be opened; the message says why and what to do.
    """
    async with AsyncExitStack() as stack:
        displays: dict[str, Display] = {}
        for number, table in enumerate(tables, 1):
            displays[f"{number}-{table.__struct_config__.tag}"] = await _open(table, face, stack)
        yield displays


async def _open(table: DisplayTable, face: "Face | None", stack: AsyncExitStack) -> Display:
    match table:
        case KioskDisplay():
            from edge.displays.kiosk import Kiosk  # noqa: PLC0415
            from edge.server import serve  # noqa: PLC0415

            kiosk = Kiosk()
            routes = [*kiosk.routes(), *(face.routes() if face else ())]
            server = await serve(table.listen, routes)
            stack.push_async_callback(server.cleanup)
            return kiosk
        case PngDisplay():
            from edge.displays.png import Png  # noqa: PLC0415

            return Png(Path(table.file), table.width, table.height)
        case _:
            return Terminal()

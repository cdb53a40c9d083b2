"""A microcontroller that prints the trace format, with a clock of its own that wraps."""

import asyncio
from collections.abc import Iterable

from boards.outlet import Socket

WRAP_S = 4.0


class Microcontroller:
    """Prints a few bytes at a time. Its clock starts anywhere and wraps every four seconds."""

    def __init__(self, socket: Socket, end: str = "\r\n", started: float = 2.5) -> None:
        self.socket = socket
        self.end = end
        self.clock = started

    async def prints(self, lines: Iterable[str]) -> None:
        """The lines' own times are put aside: a line every tenth of a second of its clock."""
        await self.socket.opened()
        for line in lines:
            self.clock = (self.clock + 0.1) % WRAP_S
            _, rest = line.split(maxsplit=1)
            await self.says(f"{self.clock:.4f} {rest}{self.end}")

    async def says(self, text: str) -> None:
        said = text.encode("latin-1")
        for first in range(0, len(said), 5):
            self.socket.write(said[first : first + 5])
            await asyncio.sleep(0)

"""The Pi's UARTs and the kernel above them: bytes of nine bits, marked as PARMRK marks them.

A pseudo-terminal has no parity. It keeps PARMRK, though, and would double FF itself: the flag is
taken off again once the tap has set it, and what the kernel would write is written here.
"""

import asyncio
import termios
from collections.abc import Iterable

from boards.outlet import Socket

from mdb.byte import BYTE_S, Break, Line, Signal

BREAK_S = 0.1
SETUP_S = 0.2


def marked(value: int, *, mode: bool) -> bytes:
    """What the kernel hands over for one byte, with INPCK and PARMRK and space parity."""
    if mode:
        return bytes([0xFF, 0x00, value])
    return bytes([0xFF, 0xFF]) if value == 0xFF else bytes([value])


class Bus:
    """One socket a line, the VMC's first. A line without a socket is not heard."""

    def __init__(self, *sockets: Socket) -> None:
        self.sockets = dict(zip(Line, sockets, strict=False))

    def plug(self) -> None:
        for socket in self.sockets.values():
            socket.plug()

    async def opened(self) -> None:
        for socket in self.sockets.values():
            await socket.opened()
            attributes = termios.tcgetattr(socket.end)
            attributes[0] &= ~(termios.PARMRK | termios.INPCK)
            termios.tcsetattr(socket.end, termios.TCSANOW, attributes)

    async def carries(self, signals: Iterable[Signal]) -> None:
        """At the bus's own pace, the silences between blocks cut short."""
        before: Line | None = None
        for each in signals:
            if isinstance(each, Break):
                self.put(Line.VMC, marked(0, mode=True))
                await asyncio.sleep(BREAK_S + SETUP_S)
                continue
            if each.line is not before or each.mode:
                await asyncio.sleep(0.002)
            await asyncio.sleep(BYTE_S)
            self.put(each.line, marked(each.value, mode=each.mode))
            before = each.line

    def put(self, line: Line, read: bytes) -> None:
        if line in self.sockets:
            self.sockets[line].write(read)

    def close(self) -> None:
        for socket in self.sockets.values():
            socket.close()

"""A Qibixx MDB-USB as its host sees it (reference: docs.qibixx.com, public scripts)."""

import asyncio
from collections.abc import Iterable

from boards.outlet import Socket
from parts import until


class Board:
    """Deaf while it starts, forgetful when it restarts, and slow to speak."""

    def __init__(self, socket: Socket, boot_s: float = 0.05) -> None:
        self.socket = socket
        self.boot_s = boot_s
        self.asked: list[str] = []
        self.sniffing = False
        self.refusals = 0
        self.mute = False
        self._task: asyncio.Task[None] | None = None

    async def plug(self) -> None:
        self.socket.plug()
        self.start()

    def start(self) -> None:
        """Power on, or reset: it knows nothing any more."""
        self._stop()
        self.sniffing = False
        self._task = asyncio.create_task(self._run())

    def unplug(self) -> None:
        self._stop()
        self.socket.unplug()
        self.sniffing = False

    def close(self) -> None:
        self._stop()
        self.socket.close()

    async def hears_bus(self, lines: Iterable[str], cut: str = "") -> None:
        """Print sniff lines, if somebody asked for them; `cut` is left over when it is unplugged."""
        await until(lambda: self.sniffing)
        for line in lines:
            await self._say(line)
        self.socket.write(cut.encode())

    async def _run(self) -> None:
        await self.socket.opened()
        self.socket.write(b"\0\0")
        await asyncio.sleep(self.boot_s)
        self.socket.read()  # what was said while it booted, it has not heard
        text = b""
        while True:
            text += self.socket.read()
            *lines, text = text.split(b"\n")
            for line in lines:
                await self._hear(line.decode())
            await asyncio.sleep(0.002)

    async def _hear(self, command: str) -> None:
        self.asked.append(command)
        if self.mute:
            return
        if self.refusals:
            self.refusals -= 1
            await self._say('x,ERR,"busy"')
        elif command == "V":
            await self._say("v,4.0.2.0,30ff6d06")
        elif command == "X,1":
            await self._say("x,ACK")
            self.sniffing = True

    async def _say(self, line: str) -> None:
        for index, byte in enumerate(f"{line}\n".encode()):
            self.socket.write(bytes([byte]) if index % 7 else bytes([0, byte]))
            await asyncio.sleep(0)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

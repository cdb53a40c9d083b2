"""A bad network: a TCP proxy that cuts, stalls, slows or refuses what goes through it."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a RST."""
MOST: Final = 65_536
CHUNK: Final = 256
"""Of a slow wire."""


class Wire:
    """From a port of its own to another. Its methods may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int, seed: str) -> None:
        self._loop = loop
        self._target = target
        self._chance = random.Random(seed)
        self._open = asyncio.Event()
        self._open.set()
        self._refuses = False
        self._slow_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])

    async def run(self) -> None:
        server = await asyncio.start_server(self._carry, sock=self._listening)
        async with server:
            await server.serve_forever()

    def cut(self) -> None:
        """RST to both ends of every connection."""
        self._loop.call_soon_threadsafe(self._cut)

    def refuse(self) -> None:
        """The same, and to whoever connects from now on."""
        self._loop.call_soon_threadsafe(self._weather, True, 0.0, True)
        self.cut()

    def stall(self) -> None:
        """A black hole: nothing arrives, and nobody is told so."""
        self._loop.call_soon_threadsafe(self._weather, False, 0.0, False)

    def slow(self, pause_s: float) -> None:
        """A few bytes at a time, each after a random pause of up to so long."""
        self._loop.call_soon_threadsafe(self._weather, True, pause_s, False)

    def clear(self) -> None:
        """What was held back arrives; all is well again."""
        self._loop.call_soon_threadsafe(self._weather, True, 0.0, False)

    def _weather(self, is_open: bool, slow_s: float, refuses: bool) -> None:  # noqa: FBT001
        self._slow_s, self._refuses = slow_s, refuses
        if is_open:
            self._open.set()
        else:
            self._open.clear()

    def _cut(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(back)
        forth: asyncio.StreamWriter | None = None
        try:
            await self._open.wait()
            if self._refuses:
                _reset(back)
                return
            far, forth = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(forth)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(near, forth))
                group.create_task(self._pump(far, back))
        except (OSError, ExceptionGroup):
            _reset(back)
        finally:
            for writer in (back, forth):
                if writer is not None:
                    self._writers.discard(writer)
                    writer.close()
            self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while said := await source.read(CHUNK if self._slow_s else MOST):
            if self._slow_s:
                await asyncio.sleep(self._chance.random() * self._slow_s)
            await self._open.wait()
            sink.write(said)
            await sink.drain()
        # One end has gone: so does the other, behind the last byte.
        sink.close()
        raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    told = writer.get_extra_info("socket")
    if told is not None:
        with contextlib.suppress(OSError):
            told.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def _some_turns() -> None:
    """More than a loop needs from a connection that comes to who carries it, or to its end."""
    for _ in range(10):
        await asyncio.sleep(0)


class Network:
    """Wires, on a loop and in a thread of their own."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._running: list[Future[None]] = []
        self.wires: dict[str, Wire] = {}

    def wire(self, name: str, target: int) -> Wire:
        made = Wire(self._loop, target, f"{self._seed} {name}")
        self._running.append(asyncio.run_coroutine_threadsafe(made.run(), self._loop))
        self.wires[name] = made
        return made

    def close(self) -> None:
        async def end() -> None:
            for each in self._running:
                each.cancel()
            await _some_turns()  # whoever was let in just now is carried before that is cancelled
            for wire in self.wires.values():
                wire.cut()  # else what is closed with bytes unsent stays open
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _some_turns()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextlib.contextmanager
def network(seed: int) -> Iterator[Network]:
    made = Network(seed)
    try:
        yield made
    finally:
        made.close()

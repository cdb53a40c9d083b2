"""The network: connections between processes, in memory, with time between their ends.

Bytes arrive in order or not at all. A road can be slow, can be closed (bytes wait, and so does who
connects; what a closed connection has left is given up soon), and its connections can be cut (both
ends see a reset).
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from simulation.process import PROCESS, Process

QUICK_S: Final = 0.002
AGAIN_S: Final = 0.5
"""How often packets are sent again on a closed road."""
ORPHAN_S: Final = 2.0
"""So long a kernel goes on with what a closed connection has left; on this day an hour is 45 s."""
Protocol = Any


@dataclass
class Road:
    """How it goes on the way to one listener."""

    delay_s: float = QUICK_S
    closed: bool = False
    refused: bool = False
    """The computer is there and nobody listens."""


class Pipe(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: "Network", road: Road, process: Process | None) -> None:
        super().__init__()
        self._network = network
        self.road = road
        self.process = process
        self.context = contextvars.copy_context()
        self.protocol: Protocol = None
        self.other: Pipe
        self.open = True
        self.closing = False
        self.closed_at: float | None = None
        self.given_up = False
        self._reading = True
        self._unread: list[bytes] = []
        self._arrives = 0.0
        self.on_its_way: deque[Callable[[], None]] = deque()
        """What goes to the other end, in order."""
        if process is not None:
            process.at_death.append(self._died)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)

    def set_protocol(self, protocol: Protocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Protocol:
        return self.protocol

    def is_closing(self) -> bool:
        return self.closing or not self.open

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        unread, self._unread = self._unread, []
        for each in unread:
            self.protocol.data_received(each)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nobody writes so much."""

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.open and not self.closing and self._lives():
            self._carry(self.other._arrived, bytes(data))

    def close(self) -> None:
        """What was written arrives; then both ends are told."""
        if self.open and not self.closing:
            self.closing = True
            self.closed_at = self._network.loop.time()
            if self._lives():
                self._carry(self.other.broken, None)
                self._network.soon(self, self.broken, None)

    def abort(self) -> None:
        self.cut(ConnectionResetError("reset"))

    def cut(self, error: Exception) -> None:
        """Both ends see a reset; what is on its way is lost."""
        for each in (self, self.other):
            self._network.soon(each, each.broken, error)
            each.closing = True

    def broken(self, error: Exception | None) -> None:
        if self.open:
            self.open = False
            self._network.pipes.discard(self)
            self.protocol.connection_lost(error)

    def _died(self) -> None:
        if self.open:
            self.open = False
            self._network.pipes.discard(self)
            # Behind all that it had written: that is the kernel's already, and is sent.
            self._carry(self.other.broken, ConnectionResetError("the peer is gone"))

    def _lives(self) -> bool:
        return self.process is None or self.process.alive

    def _arrived(self, data: bytes) -> None:
        if not self.open:
            return
        if self._reading:
            self.protocol.data_received(data)
        else:
            self._unread.append(data)

    def _carry(self, deliver: Callable[..., None], *told: Any) -> None:
        self._arrives = self._network.carry(self, self._arrives, deliver, *told)


@dataclass
class _Listener:
    """What `create_server` gives."""

    network: "Network"
    address: tuple[str, int]
    factory: Callable[[], Protocol]
    process: Process | None
    context: contextvars.Context
    sockets: tuple[()] = ()

    def close(self) -> None:
        if self.network.listeners.get(self.address) is self:
            del self.network.listeners[self.address]

    async def wait_closed(self) -> None:
        """Nobody is behind it."""

    def is_serving(self) -> bool:
        return self.network.listeners.get(self.address) is self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self.network.loop


class _Pipes(dict[Pipe, None]):
    """A set that remembers the order: nothing may hang on where an object lies in memory."""

    def add(self, pipe: Pipe) -> None:
        self[pipe] = None

    def discard(self, pipe: Pipe) -> None:
        self.pop(pipe, None)


@dataclass
class Network:
    """All listeners and all connections."""

    loop: Any
    chance: Random
    listeners: dict[tuple[str, int], _Listener] = field(default_factory=dict)
    roads: dict[int, Road] = field(default_factory=dict)
    """By the port of who listens there."""
    pipes: _Pipes = field(default_factory=_Pipes)

    def road(self, port: int) -> Road:
        return self.roads.setdefault(port, Road())

    def listen(self, factory: Callable[[], Protocol], host: str, port: int) -> _Listener:
        process = PROCESS.get()
        if (host, port) in self.listeners:
            raise OSError(98, f"{host}:{port} is in use")
        new = _Listener(self, (host, port), factory, process, contextvars.copy_context())
        self.listeners[host, port] = new
        if process is not None:
            process.at_death.append(new.close)
        return new

    async def connect(
        self, factory: Callable[[], Protocol], host: str, port: int
    ) -> tuple[Pipe, Protocol]:
        road = self.road(port)
        while road.closed:  # its packets are lost, and sent again
            await asyncio.sleep(AGAIN_S)
        await asyncio.sleep(self._takes(road))
        listener = self.listeners.get((host, port))
        if listener is None or road.refused:
            raise ConnectionRefusedError(111, f"{host}:{port} refuses")
        near = Pipe(self, road, PROCESS.get())
        far = Pipe(self, road, listener.process)
        far.context = listener.context.copy()
        near.other, far.other = far, near
        near.protocol = factory()
        far.protocol = far.context.run(listener.factory)
        self.pipes.add(near)
        self.pipes.add(far)
        self.loop.call_soon(far.protocol.connection_made, far, context=far.context)
        near.protocol.connection_made(near)
        return near, near.protocol

    def cut(self, port: int) -> None:
        """Every connection on a road is reset."""
        road = self.road(port)
        for pipe in list(self.pipes):
            if pipe.road is road:
                pipe.cut(ConnectionResetError("cut"))

    def carry(self, pipe: Pipe, after: float, deliver: Callable[..., None], *told: Any) -> float:
        """Deliver at the other end, in order; when that will be."""
        arrives = max(after, self.loop.time() + self._takes(pipe.road))
        context = pipe.other.context
        pipe.on_its_way.append(lambda: deliver(*told))

        def arrive() -> None:
            if pipe.road.closed:
                closed_at = pipe.closed_at
                pipe.given_up |= closed_at is not None and self.loop.time() - closed_at > ORPHAN_S
                self.loop.call_later(AGAIN_S, arrive, context=context)
            else:
                if pipe.given_up:
                    pipe.other.broken(ConnectionResetError("given up"))
                pipe.on_its_way.popleft()()

        self.loop.call_at(arrives, arrive, context=context)
        return arrives

    def soon(self, pipe: Pipe, deliver: Callable[..., None], told: Any) -> None:
        self.loop.call_later(0, deliver, told, context=pipe.context)

    def _takes(self, road: Road) -> float:
        return road.delay_s * (0.5 + self.chance.random())


class Connector(aiohttp.TCPConnector):
    """aiohttp's client on this network: no resolver, no sockets."""

    async def _create_connection(self, req: Any, _traces: Any, _timeout: Any) -> ResponseHandler:
        try:
            _, protocol = await self._loop.create_connection(
                self._factory, req.url.raw_host, req.url.port
            )
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol

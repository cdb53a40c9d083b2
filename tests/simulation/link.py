"""`edge.wire.link.Link` as its user sees it, over a simulated broker.

It does what paho does, for better or worse: what is published while there is no connection waits
for the next attempt to make one, and is dropped there; at most `WINDOW` messages are under way, the
others wait; a connection in which nothing passes is noticed by its pings.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from simulation.broker import Broker
from simulation.process import PROCESS
from simulation.session import Client, Connection, Message

from edge.wire.link import (
    KEEPALIVE_S,
    STOP_S,
    Connected,
    Disconnected,
    Happening,
    Incoming,
    LinkLostError,
)
from edge.wire.settings import Broker as Settings

WINDOW: Final = 20
KNOCKS_S: Final = (1.0, 2.0, 2.0)
"""When a kernel asks again for a connection, and when paho has waited enough."""
FAREWELL_S: Final = 0.002


class SimLink:
    """One client of the broker `at`, with the life of the process that starts it."""

    def __init__(
        self,
        broker: Settings,
        client_id: str,
        subscriptions: Sequence[str],
        will: tuple[str, bytes],
        *,
        at: Broker,
    ) -> None:
        self._settings = broker
        self._client_id = client_id
        self._subscriptions = list(subscriptions)
        self._will = Message(*will, qos=1, retain=True)
        self._at = at
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.connected = False
        self.connections = 0
        self.last_error = ""
        self._soonest_s = at.chance.uniform(0.3, 1.0)
        self._latest_s = at.chance.uniform(60, 120)
        self._wait_s = 0.0
        self._stopping = False
        self._client: Client | None = None
        self._context = contextvars.Context()
        self._connection: Connection | None = None
        self._next: asyncio.TimerHandle | None = None
        """The next attempt without a connection, the next ping with one."""
        self._last_in = self._last_out = 0.0
        self._pinged = False
        self._mid = 0
        self._publishing: dict[int, asyncio.Future[bool]] = {}
        self._waiting: deque[tuple[int, Message]] = deque()
        """Not sent yet: there is no connection, or the window is full."""
        self._under_way = 0

    def start(self) -> None:
        self._context = contextvars.copy_context()
        process = PROCESS.get()
        if process is not None:
            process.at_death.append(self._died)
        self._client = Client(
            self._client_id,
            version5=self._settings.mqtt == "5",
            will=self._will,
            context=self._context,
            accepted=self._accepted,
            published=self._published,
            delivered=self._delivered,
            ended=self._ended,
        )
        self._later(0, self._attempt)

    @property
    def alive(self) -> bool:
        return self._client is not None and not self._stopping

    async def stop(self) -> None:
        self._stopping = True
        if self._next is not None:
            self._next.cancel()
        connection = self._connection
        if connection is not None:
            connection.up(self._at.goodbye)
            self._ended(connection, "Normal disconnection")
            await asyncio.sleep(FAREWELL_S)
        elif self._at.closed_to(self._client_id):
            await asyncio.sleep(STOP_S)
        else:  # paho sleeps in naps of a second
            await asyncio.sleep(self._at.chance.random())

    async def __aiter__(self) -> AsyncIterator[Happening]:
        while True:
            yield await self._happenings.get()

    def publish(
        self, topic: str, payload: bytes, qos: int, *, retain: bool = False
    ) -> "asyncio.Future[bool]":
        if self._client is None:
            raise RuntimeError("the link was not started")
        done: asyncio.Future[bool] = self._at.loop.create_future()
        done.add_done_callback(_looked_at)
        message = Message(topic, bytes(payload), min(qos, 1), retain)
        if qos == 0:
            done.set_result(True)
            if self.connected:
                self._send(0, message)
            return done
        self._mid = self._mid % 65535 + 1
        self._publishing[self._mid] = done
        if self.connected and self._under_way < WINDOW:
            self._under_way += 1
            self._send(self._mid, message)
        else:
            self._waiting.append((self._mid, message))
        return done

    # Towards the broker. -----------------------------------------------------------------------

    def _later(self, after_s: float, call: Callable[..., None], *told: object) -> None:
        self._next = self._at.loop.call_later(after_s, call, *told, context=self._context)

    def _attempt(self, knocks: int = 0) -> None:
        if knocks == 0:
            self._begin_anew()
        if self._at.closed_to(self._client_id):
            if knocks < len(KNOCKS_S):
                self._later(KNOCKS_S[knocks], self._attempt, knocks + 1)
            else:
                self._failed("timed out")
        elif self._at.away:
            self._later(self._at.takes(), self._failed, "[Errno 111] Connection refused")
        else:
            assert self._client is not None
            self._connection = self._at.open(self._client)
            self._last_in = self._last_out = self._at.loop.time()
            self._pinged = False
            self._later(KEEPALIVE_S, self._keep_alive)

    def _begin_anew(self) -> None:
        self._waiting.clear()
        self._under_way = 0
        lost, self._publishing = self._publishing, {}
        for done in lost.values():
            if not done.done():
                done.set_exception(LinkLostError("the connection broke"))

    def _failed(self, reason: str) -> None:
        self.last_error = f"no connection: {reason}"
        self._try_again()

    def _try_again(self) -> None:
        if not self._stopping:
            self._wait_s = min(self._wait_s * 2, self._latest_s) or self._soonest_s
            self._later(self._wait_s, self._attempt)

    def _keep_alive(self) -> None:
        connection, now = self._connection, self._at.loop.time()
        if connection is None:
            return
        due = min(self._last_in, self._last_out) + KEEPALIVE_S
        if due > now:
            self._later(due - now, self._keep_alive)
        elif self._pinged or not self.connected:
            self._ended(connection, "Keep alive timeout")
        else:
            # The answer to a ping is not worth a step: it comes, or the connection is silent.
            self._pinged = connection.silent
            if not connection.silent:
                connection.heard = now
            self._last_in = self._last_out = now
            self._later(KEEPALIVE_S, self._keep_alive)

    def _send(self, mid: int, message: Message) -> None:
        if self._connection is not None:
            self._last_out = self._at.loop.time()
            self._connection.up(self._at.publish, mid, message)

    def _acknowledge(self, of: Connection, mid: int) -> None:
        if mid and of is self._connection:
            self._last_out = self._at.loop.time()
            of.up(self._at.acknowledge, mid)

    def _died(self) -> None:
        """Without a connection nothing goes out, and its steps are no longer taken."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._at.gone(connection)

    # From the broker, in the context of the process. -------------------------------------------

    def _accepted(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._last_in = self._at.loop.time()
        self._wait_s = 0.0
        self.connected = True
        self.connections += 1
        # paho sends all of it, outside its window, and before it is told what to subscribe to.
        self._under_way += len(self._waiting)
        while self._waiting:
            self._send(*self._waiting.popleft())
        if self._subscriptions:
            connection.up(self._at.subscribe, self._subscriptions)
        self._happenings.put_nowait(Connected())

    def _published(self, connection: Connection, mid: int, heard: bool) -> None:  # noqa: FBT001
        if connection is not self._connection:
            return
        self._last_in = self._at.loop.time()
        self._under_way -= 1
        if self._waiting and self._under_way < WINDOW:
            self._under_way += 1
            self._send(*self._waiting.popleft())
        done = self._publishing.pop(mid, None)
        if done is not None and not done.done():
            done.set_result(heard)

    def _delivered(self, connection: Connection, mid: int, message: Message) -> None:
        if connection is self._connection:
            self._last_in = self._at.loop.time()
            acknowledge = partial(self._acknowledge, connection, mid)
            self._happenings.put_nowait(Incoming(message.topic, message.payload, acknowledge))

    def _ended(self, connection: Connection, reason: str) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        if self._next is not None:
            self._next.cancel()
        self.last_error = reason
        was, self.connected = self.connected, False
        if was:
            self._happenings.put_nowait(Disconnected(reason))
        self._try_again()


def _looked_at(future: "asyncio.Future[bool]") -> None:
    """Nobody may be waiting for it."""
    if not future.cancelled():
        future.exception()

"""What a broker keeps of a client: its session, and the one connection that it has just now."""

import contextvars
from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LAST_MID: Final = 65535


class Message(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True)
class Client:
    """What a CONNECT says, and how the client is reached; all of it is called in its context."""

    client_id: str
    version5: bool
    will: Message
    context: contextvars.Context
    accepted: Callable[["Connection"], None]
    published: Callable[["Connection", int, bool], None]
    delivered: Callable[["Connection", int, Message], None]
    ended: Callable[["Connection", str], None]


class Connection:
    """One connection. What goes either way arrives in the order it was sent, or not at all."""

    __slots__ = ("_down", "_loop", "_takes", "_up", "_world", "client", "heard")
    __slots__ += ("open", "session", "silent", "watch")

    def __init__(
        self,
        client: Client,
        loop: AbstractEventLoop,
        world: contextvars.Context,
        takes: Callable[[], float],
    ) -> None:
        self.client = client
        self.session: Session | None = None
        self.open = True
        """As the broker sees it."""
        self.silent = False
        """Nothing passes any more, whether anybody was told or not."""
        self.heard = loop.time()
        self.watch: TimerHandle | None = None
        self._loop = loop
        self._world = world
        self._takes = takes
        # The connection itself takes a way there and back.
        self._up = self._down = loop.time() + takes() + takes()

    def up(self, take: Callable[..., None], *told: object) -> None:
        """From the client to the broker."""
        self._up = when = max(self._up, self._loop.time() + self._takes())
        self._loop.call_at(when, self._arrives_up, take, told, context=self._world)

    def down(self, take: Callable[..., None], *told: object) -> None:
        """From the broker to the client; also what is on its way when the broker closes."""
        self._down = when = max(self._down, self._loop.time() + self._takes())
        self._loop.call_at(when, self._arrives_down, take, told, context=self.client.context)

    def reset(self, reason: str) -> None:
        """The client sees it at once; what is on its way to it is lost."""
        if not self.silent:
            context = self.client.context
            self._loop.call_soon(self.client.ended, self, reason, context=context)
            self.silent = True

    def _arrives_up(self, take: Callable[..., None], told: tuple[object, ...]) -> None:
        if self.open and not self.silent:
            self.heard = self._loop.time()
            take(self, *told)

    def _arrives_down(self, take: Callable[..., None], told: tuple[object, ...]) -> None:
        if not self.silent:
            take(self, *told)


@dataclass(eq=False)
class Session:
    """Subscriptions, and what the client has not acknowledged, in order."""

    client: Client
    window: int
    limit: int
    filters: list[str] = field(default_factory=list)
    connection: Connection | None = None
    queue: deque[Message] = field(default_factory=deque)
    in_flight: dict[int, Message] = field(default_factory=dict)
    will: Message | None = None
    will_due: TimerHandle | None = None
    expires: TimerHandle | None = None
    _mid: int = 0

    def offer(self, message: Message) -> None:
        """Send it, or keep it until the client comes, or has room for it."""
        if message.qos == 0:
            if self.connection is not None:
                self.connection.down(self.client.delivered, 0, message)
        elif self.connection is not None and len(self.in_flight) < self.window:
            self._send(message)
        elif len(self.queue) < self.limit:
            self.queue.append(message)

    def resume(self, connection: Connection) -> None:
        """Say again what was not acknowledged, then what came meanwhile."""
        self.connection, self.client = connection, connection.client
        for mid, message in self.in_flight.items():
            connection.down(self.client.delivered, mid, message)
        self._fill()

    def acknowledge(self, mid: int) -> None:
        if self.in_flight.pop(mid, None) is not None:
            self._fill()

    def settle(self) -> None:
        """No will is said and nothing expires: the client is here, or nobody asks any more."""
        for timer in (self.will_due, self.expires):
            if timer is not None:
                timer.cancel()
        self.will_due = self.expires = None

    def copies(self, topic: str) -> int:
        """How often it gets a message: MQTT 5 counts subscriptions, 3.1.1 does not."""
        several = sum(matches(each, topic) for each in self.filters)
        return several if self.client.version5 else min(1, several)

    def _fill(self) -> None:
        while self.queue and len(self.in_flight) < self.window:
            self._send(self.queue.popleft())

    def _send(self, message: Message) -> None:
        assert self.connection is not None
        self._mid = self._mid % LAST_MID + 1
        while self._mid in self.in_flight:
            self._mid = self._mid % LAST_MID + 1
        self.in_flight[self._mid] = message
        self.connection.down(self.client.delivered, self._mid, message)


def matches(pattern: str, topic: str) -> bool:
    """Whether a subscription with `+` and `#` takes a topic."""
    if topic.startswith("$") and not pattern.startswith("$"):
        return False
    wanted, levels = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)

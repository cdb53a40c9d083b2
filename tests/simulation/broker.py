"""A broker as its clients see mosquitto 2: sessions, subscriptions, retained messages, wills.

And its bad days, which the world switches. Probabilities count messages:

- `lose`: a QoS 1 message is acknowledged, and nobody gets it;
- `repeat`: a subscriber gets it twice;
- `reorder`: it comes up to `LATE_S` behind its followers. Not a retained one: what is retained
  says how things are, and every broker keeps at least that in order;
- `drop_puback`: it is stored, and the connection breaks before the publisher knows.

Times: `delay_s` is what a message takes one way, `slow_s` what it takes more.
"""

import asyncio
import contextvars
from random import Random
from typing import Final, NamedTuple

from simulation.process import PROCESS
from simulation.session import Client, Connection, Message, Session, matches

from edge.wire.link import KEEPALIVE_S, RECEIVE_MAXIMUM, SESSION_S, WILL_DELAY_S

OVERDUE_S: Final = 1.5 * KEEPALIVE_S
LATE_S: Final = (0.05, 5.0)
QUEUED: Final = 5000
"""As in deploy/broker/mosquitto.conf; more is dropped, and nobody is told."""
OLD_WINDOW: Final = 100
"""max_inflight_messages there: MQTT 3.1.1 cannot say how many it takes."""
LARGEST: Final = 65536
"""max_packet_size there; who sends more is cut."""
LOST: Final = "Unspecified error"
"""What paho calls every end of a connection but its own."""


class Passed(NamedTuple):
    """A line of the ledger: what reached the broker."""

    at: float
    client_id: str
    topic: str
    payload: bytes


class Broker:
    """Make it in the world, not in a process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: Random) -> None:
        self.loop = loop
        self.chance = chance
        self.delay_s = (0.002, 0.010)
        self.slow_s = 0.0
        self.lose = self.repeat = self.reorder = self.drop_puback = 0.0
        self.keeps_ledger = True
        self.ledger: list[Passed] = []
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, Message] = {}
        self._away = 0
        self._closed: set[str] = set()
        self._connections: dict[Connection, None] = {}
        self._takers: dict[str, list[tuple[Session, int]]] = {}
        self._wiped = 0
        self._world = contextvars.copy_context()
        self._world.run(PROCESS.set, None)

    # The world's switches. ---------------------------------------------------------------------

    def restart(self, away_s: float, *, forget: bool) -> None:
        """SIGTERM: all is on disk, and every will was said. With `forget`, SIGKILL: all is lost."""
        self._away += 1
        self.loop.call_later(away_s, self._back, context=self._world)
        if not forget:
            self._say_wills()
        for connection in list(self._connections):
            self._end(connection)
            if forget:
                connection.reset(LOST)
            else:
                connection.down(connection.client.ended, LOST)
        if forget:
            self._forget()
            self.retained.clear()

    def forget_sessions(self) -> None:
        """Every session ends, with its will and its connection; what is retained stays."""
        self._say_wills()
        for connection in list(self._connections):
            self._end(connection)
            connection.reset(LOST)
        self._forget()

    def cut(self, client_id: str) -> None:
        """Its connection is reset; what is on its way is lost."""
        for connection in self._connections_of(client_id):
            connection.reset(LOST)
            self._end(connection)

    def partition(self, client_id: str, *, closed: bool) -> None:
        """Nothing passes, nobody is told, and the connection of now is never heard of again."""
        if closed:
            self._closed.add(client_id)
            for connection in self._connections_of(client_id):
                connection.silent = True
        else:
            self._closed.discard(client_id)

    def heal(self) -> None:
        """A good day; what is away comes back in its time."""
        self.slow_s = self.lose = self.repeat = self.reorder = self.drop_puback = 0.0
        self._closed.clear()

    def publish_as_stranger(
        self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False
    ) -> bool:
        """Whether anybody has subscribed to it."""
        return self._take("stranger", Message(topic, payload, qos, retain))

    # What a link does. -------------------------------------------------------------------------

    @property
    def away(self) -> bool:
        """Whether nobody listens at its port."""
        return self._away > 0

    def closed_to(self, client_id: str) -> bool:
        """Whether nothing passes between it and the client."""
        return client_id in self._closed

    def takes(self) -> float:
        soonest, latest = self.delay_s
        return soonest + (latest - soonest) * self.chance.random() + self.slow_s

    def open(self, client: Client) -> Connection:
        """A connection, with the CONNECT on its way."""
        connection = Connection(client, self.loop, self._world, self.takes)
        self._connections[connection] = None
        connection.up(self._connect)
        return connection

    def subscribe(self, connection: Connection, filters: list[str]) -> None:
        session = _session(connection)
        if new := [each for each in filters if each not in session.filters]:
            session.filters += new
            self._takers.clear()
        for each in filters:
            for message in list(self.retained.values()):
                if matches(each, message.topic):
                    session.offer(message)

    def publish(self, connection: Connection, mid: int, message: Message) -> None:
        """PUBLISH; at QoS 0 without a PUBACK."""
        client = connection.client
        if len(message.payload) + len(message.topic) > LARGEST:
            self.cut(client.client_id)
            return
        if mid and self._happens(self.lose):
            self._note(client.client_id, message)
            connection.down(client.published, mid, True)
            return
        heard = self._take(client.client_id, message)
        if mid and self._happens(self.drop_puback):
            self.cut(client.client_id)
        elif mid:
            connection.down(client.published, mid, heard or not client.version5)

    def acknowledge(self, connection: Connection, mid: int) -> None:
        _session(connection).acknowledge(mid)

    def goodbye(self, connection: Connection) -> None:
        """DISCONNECT: no will is said."""
        if connection.session is not None:
            connection.session.will = None
        self._end(connection)

    def gone(self, connection: Connection) -> None:
        """The process of a client ended: its kernel sends what it was given, and then says so."""
        connection.up(self._heard_it_end)

    # Inside. -----------------------------------------------------------------------------------

    def _connect(self, connection: Connection) -> None:
        client = connection.client
        session = self.sessions.get(client.client_id)
        if session is None:
            window = RECEIVE_MAXIMUM if client.version5 else OLD_WINDOW
            session = self.sessions[client.client_id] = Session(client, window, QUEUED)
        if (former := session.connection) is not None:
            self._end(former)
            former.down(former.client.ended, LOST)
        session.settle()
        session.will = client.will
        connection.session = session
        connection.down(client.accepted)
        session.resume(connection)
        self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Whether it was heard of lately; asked when it would be overdue."""
        if (due := connection.heard + OVERDUE_S) > self.loop.time():
            connection.watch = self.loop.call_at(due, self._watch, connection, context=self._world)
        else:
            connection.down(connection.client.ended, LOST)
            self._end(connection)

    def _heard_it_end(self, connection: Connection) -> None:
        if not connection.silent:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        """The connection is no more; the session waits for another."""
        connection.open = False
        self._connections.pop(connection, None)
        if connection.watch is not None:
            connection.watch.cancel()
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        version5 = connection.client.version5
        if session.will is not None:
            delay_s = WILL_DELAY_S if version5 else 0
            session.will_due = self.loop.call_later(
                delay_s, self._say_will, session, context=self._world
            )
        if version5:
            session.expires = self.loop.call_later(
                SESSION_S, self._expire, session, context=self._world
            )

    def _say_will(self, session: Session) -> None:
        will, session.will = session.will, None
        if will is not None:
            self._take(session.client.client_id, will)

    def _say_wills(self) -> None:
        for session in list(self.sessions.values()):
            self._say_will(session)

    def _expire(self, session: Session) -> None:
        del self.sessions[session.client.client_id]
        self._takers.clear()

    def _forget(self) -> None:
        for session in self.sessions.values():
            session.settle()
        self.sessions.clear()
        self._takers.clear()
        self._wiped += 1

    def _back(self) -> None:
        self._away -= 1

    def _connections_of(self, client_id: str) -> list[Connection]:
        return [each for each in self._connections if each.client.client_id == client_id]

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.chance.random() < probability

    def _note(self, client_id: str, message: Message) -> None:
        if self.keeps_ledger:
            self.ledger.append(Passed(self.loop.time(), client_id, message.topic, message.payload))

    def _take(self, client_id: str, message: Message) -> bool:
        """Keep it if it is to be retained, and send it on; whether anybody wants it."""
        self._note(client_id, message)
        topic = message.topic
        if message.retain and message.payload:
            self.retained[topic] = message
        elif message.retain:
            self.retained.pop(topic, None)
        if not self._wanted(topic):
            return False
        if not message.retain and self._happens(self.reorder):
            late_s = self.chance.uniform(*LATE_S)
            self.loop.call_later(late_s, self._spread, message, self._wiped, context=self._world)
        else:
            self._spread(message, self._wiped)
        return True

    def _wanted(self, topic: str) -> list[tuple[Session, int]]:
        """Who gets it and how often; known until somebody subscribes or a session ends."""
        if topic not in self._takers:
            counted = [(each, each.copies(topic)) for each in self.sessions.values()]
            self._takers[topic] = [(session, copies) for session, copies in counted if copies]
        return self._takers[topic]

    def _spread(self, message: Message, wiped: int) -> None:
        if wiped != self._wiped:
            return
        for session, copies in self._wanted(message.topic):
            for _ in range(copies + self._happens(self.repeat)):
                session.offer(message)


def _session(connection: Connection) -> Session:
    assert connection.session is not None
    return connection.session

"""A session keeps what its client has not acknowledged, and a connection keeps its order."""

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from random import Random
from typing import Literal

import pytest
from parts import Mosquitto, until
from simulation.broker import Broker
from simulation.clockwork import Clockwork
from simulation.link import SimLink
from simulation.session import Client, Connection, Message, Session, matches

from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker as Settings


@pytest.fixture
def loop() -> Iterator[Clockwork]:
    loop = Clockwork()
    yield loop
    loop.close()


class Ear:
    """A client that notes what comes, with its time."""

    def __init__(self, loop: Clockwork, *, version5: bool = True) -> None:
        self.loop = loop
        self.heard: list[tuple[int, str]] = []
        self.times: list[float] = []
        self.ends: list[str] = []
        self.client = Client(
            "ear",
            version5,
            Message("gone", b"", 1, retain=True),
            contextvars.copy_context(),
            lambda _: None,
            lambda *_: None,
            self._delivered,
            lambda _, reason: self.ends.append(reason),
        )

    def connect(self, chance: Random | None = None) -> Connection:
        drawn = chance or Random(1)
        return Connection(
            self.client, self.loop, contextvars.copy_context(), lambda: drawn.uniform(0.1, 0.5)
        )

    def _delivered(self, _: Connection, mid: int, message: Message) -> None:
        self.heard.append((mid, message.payload.decode()))
        self.times.append(self.loop.time())


def said(number: int, qos: int = 1) -> Message:
    return Message("a/b", str(number).encode(), qos, retain=False)


def pass_s(loop: Clockwork, seconds: float) -> None:
    loop.call_later(seconds, loop.stop)
    loop.run_forever()


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/b/c", "a/b", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("a/+", "a/b/c", False),
        ("+/b", "a/b", True),
        ("+/+", "/b", True),
        ("+", "/b", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("#", "a/b", True),
        ("#", "$SYS/up", False),
        ("+/up", "$SYS/up", False),
        ("$SYS/#", "$SYS/up", True),
    ],
)
def test_a_pattern_takes_the_topics_that_the_standard_gives_it(
    pattern: str, topic: str, *, fits: bool
) -> None:
    assert matches(pattern, topic) is fits


def test_what_goes_one_way_arrives_in_its_order_however_long_each_piece_takes(
    loop: Clockwork,
) -> None:
    ear = Ear(loop)
    session = Session(ear.client, window=200, limit=5000)
    session.resume(ear.connect())
    for number in range(100):
        session.offer(said(number))
    pass_s(loop, 10)
    assert [text for _, text in ear.heard] == [str(number) for number in range(100)]
    assert ear.times == sorted(ear.times)
    assert 0.3 < ear.times[0] <= ear.times[-1] <= 1.5


def test_no_more_than_the_window_is_unacknowledged_and_each_acknowledgement_makes_room(
    loop: Clockwork,
) -> None:
    ear = Ear(loop)
    session = Session(ear.client, window=3, limit=5000)
    session.resume(ear.connect())
    for number in range(5):
        session.offer(said(number))
    pass_s(loop, 2)
    assert ear.heard == [(1, "0"), (2, "1"), (3, "2")]
    session.acknowledge(2)
    session.acknowledge(2)
    session.acknowledge(77)
    pass_s(loop, 2)
    assert ear.heard[3:] == [(4, "3")]


def test_the_next_connection_begins_with_what_was_not_acknowledged_then_with_what_waited(
    loop: Clockwork,
) -> None:
    ear = Ear(loop)
    session = Session(ear.client, window=3, limit=5000)
    session.resume(ear.connect())
    for number in range(5):
        session.offer(said(number))
    pass_s(loop, 2)
    session.acknowledge(1)
    session.connection = None
    session.offer(said(5))
    session.offer(said(6, qos=0))
    ear.heard.clear()
    session.resume(ear.connect())
    for mid in (2, 3, 4):
        session.acknowledge(mid)
    pass_s(loop, 2)
    assert [text for _, text in ear.heard] == ["3", "1", "2", "3", "4", "5"]
    assert [mid for mid, _ in ear.heard] == [4, 2, 3, 4, 5, 6]


def test_a_number_in_use_is_not_given_again_when_the_numbers_begin_anew(loop: Clockwork) -> None:
    ear = Ear(loop)
    session = Session(ear.client, window=3, limit=5000)
    session.resume(ear.connect())
    session.offer(said(0))
    session._mid = 65534
    session.offer(said(1))
    session.offer(said(2))
    assert list(session.in_flight) == [1, 65535, 2]


def test_a_full_queue_drops_what_comes_and_says_nothing(loop: Clockwork) -> None:
    session = Session(Ear(loop).client, window=3, limit=2)
    for number in range(4):
        session.offer(said(number))
    assert list(session.queue) == [said(0), said(1)]


def test_mqtt_5_counts_the_subscriptions_that_take_a_topic_and_3_1_1_does_not(
    loop: Clockwork,
) -> None:
    both = ["a/#", "a/+", "b"]
    for version5, copies in ((True, 2), (False, 1)):
        session = Session(Ear(loop, version5=version5).client, 3, 5, filters=both)
        assert [session.copies("a/b"), session.copies("c")] == [copies, 0]


def test_what_a_broker_closes_ends_after_what_it_sent_and_what_is_reset_ends_at_once(
    loop: Clockwork,
) -> None:
    for how, heard in (("down", [(0, "1")]), ("reset", [])):
        ear = Ear(loop)
        connection = ear.connect()
        connection.down(ear.client.delivered, 0, said(1))
        if how == "down":
            connection.down(ear.client.ended, "over")
        else:
            connection.reset("over")
        while not ear.ends:
            pass_s(loop, 0.01)
        assert (ear.heard, ear.ends) == (heard, ["over"])


def test_on_a_silent_connection_nothing_arrives_and_nobody_is_told(loop: Clockwork) -> None:
    ear, taken = Ear(loop), []
    connection = ear.connect()
    connection.down(ear.client.delivered, 0, said(1))
    connection.up(lambda *told: taken.append(told))
    connection.silent = True
    connection.reset("over")
    pass_s(loop, 10)
    assert (ear.heard, ear.ends, taken) == ([], [], [])


async def habits(link: Callable[[str, list[str]], SimLink | Link], copies: int) -> list[object]:
    """What an end sees of a broker, where it is not written in any standard."""
    seen: list[object] = []
    told: list[bool] = []
    unacknowledged: list[Incoming] = []

    async def listen(to: SimLink | Link) -> None:
        async for happening in to:
            if isinstance(happening, Incoming):
                seen.append((happening.topic, happening.payload))
                unacknowledged.append(happening)
            elif isinstance(happening, Connected):
                seen.append(Connected)

    async def begin(name: str, *topics: str) -> tuple[SimLink | Link, "asyncio.Task[None]"]:
        begun = link(name, list(topics))
        begun.start()
        await until(lambda: begun.connected)
        return begun, asyncio.create_task(listen(begun))

    async def end(ended: SimLink | Link, task: "asyncio.Task[None]") -> None:
        await ended.stop()
        task.cancel()
        await asyncio.wait([task])

    here, at_here = await begin("here")
    await until(lambda: seen == [Connected])
    there, at_there = await begin("there", "x/#", "x/+", "end")
    await until(lambda: len(seen) == 2)
    told.extend(
        [await here.publish("nobody", b"1", 1), await here.publish("no", b"", 1, retain=True)]
    )
    told.append(await here.publish("x/1", b"twice", 1))
    await until(lambda: len(unacknowledged) == copies)
    unacknowledged[0].acknowledge()
    await here.publish("end", b"1", 1)
    await until(lambda: len(unacknowledged) == copies + 1)
    await end(there, at_there)
    told.append(await here.publish("x/away", b"queued", 1))
    await here.publish("x/away", b"not queued", 0)
    await here.publish("x/kept", b"kept", 1, retain=True)
    there, at_there = await begin("there", "x/#", "x/+", "end")
    await until(lambda: seen.count(("x/kept", b"kept")) == copies + 2)
    for each in unacknowledged[copies + 1 :]:
        each.acknowledge()
    await here.publish("end", b"2", 1)
    await until(lambda: seen[-1] == ("end", b"2"))
    await end(there, at_there)
    await end(here, at_here)
    return [*seen, *told]


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize(("mqtt", "copies"), [("5", 2), ("3.1.1", 1)])
def test_mosquitto_and_the_real_link_have_the_same_habits(
    loop: Clockwork, broker: Mosquitto, mqtt: Literal["5", "3.1.1"], copies: int
) -> None:
    at = Broker(loop, Random(1))

    def simulated(name: str, topics: list[str]) -> SimLink:
        return SimLink(Settings(mqtt=mqtt), name, topics, (f"gone/{name}", b"gone"), at=at)

    def real(name: str, topics: list[str]) -> Link:
        where = Settings(port=broker.port, mqtt=mqtt)
        return Link(where, name, topics, (f"gone/{name}", b"gone"))

    told = loop.run_until_complete(habits(simulated, copies))
    assert told == asyncio.run(habits(real, copies))

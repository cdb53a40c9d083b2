"""The simulated link keeps the promises of the real one, and loses what the real one loses."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from itertools import pairwise
from random import Random

import pytest
from simulation.broker import Broker
from simulation.clockwork import Clockwork
from simulation.link import WINDOW, SimLink
from simulation.process import Computer, Process

from edge.wire.link import Connected, Disconnected, Happening, Incoming, LinkLostError
from edge.wire.settings import Broker as Settings

LONG_S = 10 * 86400
"""No story takes so long; one that hangs would go on for ever, as its links live on."""


class End:
    """One end of a link, in a process of its own, and all that happened there."""

    def __init__(self, at: Broker, name: str, *topics: str) -> None:
        self.link = SimLink(Settings(), name, topics, (f"gone/{name}", b"gone"), at=at)
        self.loop = at.loop
        self.happened: list[Happening] = []
        self.times: list[float] = []
        self.acknowledges = True
        self.process = Process(name, Computer(name))
        self.process.begin(self._run)

    @property
    def messages(self) -> list[Incoming]:
        return [each for each in self.happened if isinstance(each, Incoming)]

    @property
    def texts(self) -> list[str]:
        return [each.payload.decode() for each in self.messages]

    @property
    def changes(self) -> list[tuple[str, float]]:
        """When it was connected and disconnected."""
        return [
            (type(what).__name__, when)
            for what, when in zip(self.happened, self.times, strict=True)
            if not isinstance(what, Incoming)
        ]

    async def _run(self) -> None:
        self.link.start()
        async for happening in self.link:
            self.happened.append(happening)
            self.times.append(self.loop.time())
            if isinstance(happening, Incoming) and self.acknowledges:
                happening.acknowledge()


Story = Callable[[Broker], Coroutine[object, object, None]]


@pytest.fixture
def tell() -> Iterator[Callable[..., Broker]]:
    """Play a story from a seed."""
    loops: list[Clockwork] = []

    def play(story: Story, seed: int = 1) -> Broker:
        loop = Clockwork()
        loops.append(loop)
        broker = Broker(loop, Random(seed))

        async def whole() -> None:
            async with asyncio.timeout(LONG_S):
                await story(broker)
            for each in asyncio.all_tasks() - {asyncio.current_task()}:
                each.cancel()

        loop.run_until_complete(whole())
        loop.run_until_complete(loop.shutdown_asyncgens())
        return broker

    yield play
    for loop in loops:
        loop.close()


Tell = Callable[..., Broker]


def test_a_message_goes_from_one_end_to_the_other_and_is_known_there(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        there, here = End(broker, "there", "a/+"), End(broker, "here")
        await asyncio.sleep(1)
        assert there.link.connected
        assert await here.link.publish("a/1", "чек".encode(), 1) is True
        assert await here.link.publish("b/1", b"for nobody", 1) is False
        assert await here.link.publish("a/2", b"last", 0) is True
        await asyncio.sleep(1)
        assert isinstance(there.happened[0], Connected)
        assert [(each.topic, each.payload.decode()) for each in there.messages] == [
            ("a/1", "чек"),
            ("a/2", "last"),
        ]

    tell(story)


def test_messages_come_in_the_order_they_were_sent_and_a_window_of_them_at_a_time(
    tell: Tell,
) -> None:
    async def story(broker: Broker) -> None:
        there, here = End(broker, "there", "a"), End(broker, "here")
        await asyncio.sleep(1)
        for number in range(300):
            here.link.publish("a", str(number).encode(), 1)
        await asyncio.sleep(0.011)
        assert len(broker.ledger) == WINDOW
        await asyncio.sleep(10)
        assert there.texts == [str(number) for number in range(300)]

    tell(story)


def test_what_is_published_without_a_connection_is_its_owner_s_again_at_the_next_attempt(
    tell: Tell,
) -> None:
    async def story(broker: Broker) -> None:
        here, there = End(broker, "here"), End(broker, "there", "a")
        await asyncio.sleep(1)
        under_way = here.link.publish("a", b"under way", 1)
        broker.cut("here")
        await asyncio.sleep(0.001)
        assert not here.link.connected
        waiting = here.link.publish("a", b"waiting", 1)
        assert here.link.publish("a", b"at once or never", 0).result() is True
        assert not under_way.done()
        for lost in (under_way, waiting):
            with pytest.raises(LinkLostError):
                await lost
        assert not here.link.connected
        between = here.link.publish("a", b"between attempt and answer", 1)
        assert await between
        assert here.link.connected
        await asyncio.sleep(1)
        assert there.texts == ["between attempt and answer"]

    tell(story)


def test_the_window_is_empty_again_after_a_cut(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        here, there = End(broker, "here"), End(broker, "there", "a")
        await asyncio.sleep(1)
        for _ in range(2 * WINDOW):
            here.link.publish("a", b"lost", 1)
        broker.cut("here")
        await asyncio.sleep(2)
        assert await here.link.publish("a", b"1", 1)
        await asyncio.sleep(1)
        assert there.texts == ["1"]

    tell(story)


def test_a_link_tries_for_ever_and_waits_twice_as_long_each_time(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        here = End(broker, "here")
        await asyncio.sleep(1)
        broker.restart(1200, forget=False)
        tries = []
        for _ in range(12):
            with pytest.raises(LinkLostError):
                await here.link.publish("a", b"", 1)
            tries.append(broker.loop.time())
        waits = [later - earlier for earlier, later in pairwise(tries)]
        assert 0.6 < waits[0] < 2.1
        for shorter, longer in pairwise(waits[:6]):
            assert longer == pytest.approx(2 * shorter, rel=0.05)
        assert 60 <= waits[-1] < 121
        assert waits[-1] == pytest.approx(waits[-2], abs=0.02)
        assert here.link.last_error == "no connection: [Errno 111] Connection refused"
        await asyncio.sleep(1200)
        assert here.link.connected
        assert here.link.connections == 2
        assert [what for what, _ in here.changes] == ["Connected", "Disconnected", "Connected"]
        broker.cut("here")
        await asyncio.sleep(1.2)
        assert here.link.connected

    tell(story)


def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        there, here = End(broker, "there", "a"), End(broker, "here")
        there.acknowledges = False
        await asyncio.sleep(1)
        for text in (b"1", b"2", b"3"):
            await here.link.publish("a", text, 1)
        await asyncio.sleep(0.1)
        there.messages[0].acknowledge()
        there.messages[1].acknowledge()
        await asyncio.sleep(0.1)
        there.process.kill()
        await here.link.publish("a", b"4", 1)
        again = End(broker, "there", "a")
        await asyncio.sleep(1)
        assert again.texts == ["3", "4"]

    tell(story)


def test_the_acknowledgement_of_an_older_connection_has_no_effect(tell: Tell) -> None:
    """The wiped broker numbers its messages anew: the old number is another message's now."""

    async def story(broker: Broker) -> None:
        there, here = End(broker, "there", "a"), End(broker, "here")
        there.acknowledges = False
        await asyncio.sleep(1)
        await here.link.publish("a", b"old", 1)
        await asyncio.sleep(0.1)
        broker.restart(0.1, forget=True)
        await asyncio.sleep(0.05)
        there.messages[0].acknowledge()
        await asyncio.sleep(5)
        await here.link.publish("a", b"new", 1)
        await asyncio.sleep(0.1)
        there.messages[0].acknowledge()
        await asyncio.sleep(0.1)
        broker.cut("there")
        await asyncio.sleep(2)
        assert there.texts == ["old", "new", "new"]

    tell(story)


def test_the_will_is_said_for_who_dies_and_not_for_who_leaves_or_is_back(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        watcher = End(broker, "watcher", "gone/#")
        leaves, dies, returns = (End(broker, name) for name in ("leaves", "dies", "returns"))
        await asyncio.sleep(1)
        leaves.process.begin(leaves.link.stop)
        dies.process.kill()
        returns.process.kill()
        await asyncio.sleep(3)
        assert not leaves.link.alive
        End(broker, "returns")
        await asyncio.sleep(60)
        assert [each.topic for each in watcher.messages] == ["gone/dies"]
        assert 6 < watcher.times[-1] < 6.02

    tell(story)


def test_a_dead_process_says_nothing_more_and_hears_nothing_more(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        there, here = End(broker, "there", "a"), End(broker, "here", "b")
        there.acknowledges = False
        await asyncio.sleep(1)
        here.link.publish("a", b"1", 1)
        await asyncio.sleep(0.1)
        there.process.kill()
        here.process.kill()
        here.link.publish("a", b"2", 1)
        here.link.publish("a", b"3", 0)
        there.messages[0].acknowledge()
        broker.publish_as_stranger("b", b"for the dead")
        await asyncio.sleep(1)
        assert [each.payload for each in broker.ledger] == [b"1", b"for the dead"]
        assert here.messages == []
        again = End(broker, "there", "a")
        await asyncio.sleep(1)
        assert again.texts == ["1"]

    tell(story)


def test_who_dies_while_it_connects_is_not_taken_for_connected(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        here = End(broker, "here", "a")
        await asyncio.sleep(0.001)
        here.process.kill()
        await asyncio.sleep(60)
        assert [each.connection for each in broker.sessions.values()] == [None]

    tell(story)


def test_what_a_process_had_said_when_it_died_arrives(tell: Tell) -> None:
    """It was given to the kernel."""

    async def story(broker: Broker) -> None:
        here = End(broker, "here")
        await asyncio.sleep(1)
        here.link.publish("a", b"1", 1)
        here.process.kill()
        await asyncio.sleep(1)
        assert [each.payload for each in broker.ledger] == [b"1"]

    tell(story)


def test_what_is_sent_to_a_process_that_stands_waits_for_it(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        there = End(broker, "there", "a")
        await asyncio.sleep(1)
        there.process.stand()
        broker.publish_as_stranger("a", b"1")
        await asyncio.sleep(30)
        there.process.go_on()
        await asyncio.sleep(0.1)
        assert there.texts == ["1"]
        assert len(there.changes) == 1

    tell(story)


def test_who_stands_too_long_is_dropped_by_the_broker_and_comes_back(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        there, watcher = End(broker, "there", "a"), End(broker, "watcher", "gone/#")
        await asyncio.sleep(1)
        there.process.stand()
        broker.publish_as_stranger("a", b"1")
        await asyncio.sleep(75)
        broker.publish_as_stranger("a", b"2")
        assert [each.topic for each in watcher.messages] == ["gone/there"]
        assert watcher.times[-1] == pytest.approx(67.5 + 5, abs=0.1)
        there.process.go_on()
        await asyncio.sleep(5)
        assert there.texts == ["1", "1", "2"]
        assert [what for what, _ in there.changes] == ["Connected", "Disconnected", "Connected"]

    tell(story)


def test_a_link_that_has_nothing_to_say_stays_for_days(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        here = End(broker, "here", "a")
        await asyncio.sleep(3 * 86400)
        assert here.link.connections == 1
        assert here.link.connected

    tell(story)


def test_a_partition_is_noticed_by_its_pings_and_lasts_until_the_road_is_open(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        there, here = End(broker, "there", "a"), End(broker, "here", "a")
        await asyncio.sleep(10)
        broker.partition("here", closed=True)
        lost = here.link.publish("a", b"lost", 1)
        broker.publish_as_stranger("a", b"1")
        with pytest.raises(LinkLostError):
            await lost
        [(_, _), (_, noticed)] = here.changes
        assert 45 < noticed - 10 < 91
        assert here.happened[-1] == Disconnected("Keep alive timeout")
        await asyncio.sleep(10)
        assert here.link.last_error == "no connection: timed out"
        broker.partition("here", closed=False)
        await asyncio.sleep(30)
        assert here.link.connected
        assert (here.texts, there.texts) == (["1"], ["1"])

    tell(story)


def test_who_dies_behind_a_partition_is_not_missed_until_it_is_overdue(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        here, watcher = End(broker, "here"), End(broker, "watcher", "gone/#")
        await asyncio.sleep(1)
        broker.partition("here", closed=True)
        here.process.kill()
        await asyncio.sleep(120)
        assert watcher.texts == ["gone"]
        assert watcher.times[-1] == pytest.approx(67.5 + 5, abs=0.1)

    tell(story)


def test_a_link_that_ends_before_its_first_attempt_makes_none(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        link = SimLink(Settings(), "here", [], ("gone", b""), at=broker)
        link.start()
        await link.stop()
        await asyncio.sleep(10)
        assert broker.sessions == {}

    tell(story)


def test_a_link_of_a_partition_is_taken_over_by_the_next_one(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        here = End(broker, "here", "a")
        await asyncio.sleep(1)
        broker.partition("here", closed=True)
        broker.partition("here", closed=False)
        broker.publish_as_stranger("a", b"1")
        again = End(broker, "here", "a")
        await asyncio.sleep(1)
        assert again.texts == ["1"]
        assert here.texts == []

    tell(story)


def test_two_of_one_name_throw_each_other_out_for_ever(tell: Tell) -> None:
    async def story(broker: Broker) -> None:
        one, two = End(broker, "same"), End(broker, "same")
        await asyncio.sleep(60)
        assert one.link.connections > 10
        assert two.link.connections > 10

    tell(story)


@pytest.mark.parametrize("road", ["open", "refused", "closed"])
def test_a_link_ends_in_its_time_whatever_the_road_is_like(tell: Tell, road: str) -> None:
    async def story(broker: Broker) -> None:
        if road == "refused":
            broker.restart(600, forget=False)
        broker.partition("here", closed=road == "closed")
        here = End(broker, "here")
        await asyncio.sleep(3)
        assert here.link.alive
        begun = broker.loop.time()
        await here.process.begin(here.link.stop)
        assert broker.loop.time() - begun <= 1.5
        assert not here.link.alive
        await asyncio.sleep(600)
        assert here.link.connections == (road == "open")

    tell(story)


def test_a_link_that_was_not_started_says_so() -> None:
    loop = Clockwork()
    link = SimLink(Settings(), "here", [], ("gone", b""), at=Broker(loop, Random(1)))
    assert not link.alive
    with pytest.raises(RuntimeError, match="the link was not started"):
        link.publish("a", b"", 1)
    loop.close()


async def troubled(broker: Broker) -> None:
    """Cuts, restarts, lost PUBACKs and partitions; both sides follow the rules of QoS 1."""
    there, here = End(broker, "there", "a"), End(broker, "here")
    await asyncio.sleep(1)
    broker.drop_puback = 0.05
    trouble = asyncio.create_task(_trouble(broker))
    for number in range(200):
        while True:
            try:
                await here.link.publish("a", str(number).encode(), 1)
                break
            except LinkLostError:
                continue
    await trouble
    broker.heal()
    await asyncio.sleep(300)
    firsts = list(dict.fromkeys(there.texts))
    assert firsts == [str(number) for number in range(200)]
    assert there.link.connections + here.link.connections > 6
    assert len(broker.ledger) > 200


async def _trouble(broker: Broker) -> None:
    for _ in range(20):
        await asyncio.sleep(broker.chance.uniform(0.1, 5))
        whom = broker.chance.choice(["here", "there"])
        kind = broker.chance.choice(["cut", "cut", "restart", "partition"])
        if kind == "cut":
            broker.cut(whom)
        elif kind == "restart":
            broker.restart(broker.chance.uniform(0.1, 5), forget=False)
        else:
            broker.partition(whom, closed=True)
            await asyncio.sleep(broker.chance.uniform(1, 100))
            broker.partition(whom, closed=False)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_where_both_sides_follow_the_rules(tell: Tell, seed: int) -> None:
    tell(troubled, seed)


def test_the_same_seed_tells_the_same_story_and_another_one_another(tell: Tell) -> None:
    assert tell(troubled, 1).ledger == tell(troubled, 1).ledger != tell(troubled, 2).ledger

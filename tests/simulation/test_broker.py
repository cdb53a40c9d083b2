"""The broker keeps what mosquitto keeps, and its bad days lose what they say, and no more."""

import contextvars
from collections.abc import Iterator
from random import Random

import pytest
from simulation.broker import LARGEST, OVERDUE_S, Broker
from simulation.clockwork import Clockwork
from simulation.session import Client, Connection, Message

from edge.wire.link import SESSION_S, WILL_DELAY_S


class World:
    """A broker, the time, and callers."""

    def __init__(self, seed: int = 1) -> None:
        self.loop = Clockwork()
        self.broker = Broker(self.loop, Random(seed))

    def pass_s(self, seconds: float = 1.0) -> None:
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()

    def caller(self, name: str, *topics: str, version5: bool = True) -> "Caller":
        caller = Caller(self, name, topics, version5=version5)
        caller.call()
        self.pass_s()
        return caller


class Caller:
    """A client with no will of its own: it connects when it is told, and acknowledges."""

    def __init__(self, world: World, name: str, topics: tuple[str, ...], *, version5: bool) -> None:
        self.broker = world.broker
        self.topics = list(topics)
        self.acknowledges = True
        self.got: list[str] = []
        self.told: list[tuple[int, bool]] = []
        self.ends: list[str] = []
        self.connection: Connection | None = None
        self._client = Client(
            name,
            version5,
            Message(f"gone/{name}", b"gone", 1, retain=True),
            contextvars.copy_context(),
            accepted=lambda connection: connection.up(self.broker.subscribe, self.topics),
            published=lambda _, mid, heard: self.told.append((mid, heard)),
            delivered=self._delivered,
            ended=lambda _, reason: self.ends.append(reason),
        )

    def call(self) -> None:
        self.connection = self.broker.open(self._client)

    def say(self, topic: str, text: str, mid: int = 1, *, retain: bool = False) -> None:
        assert self.connection is not None
        message = Message(topic, text.encode(), min(mid, 1), retain)
        self.connection.up(self.broker.publish, mid, message)

    def leave(self) -> None:
        assert self.connection is not None
        self.connection.up(self.broker.goodbye)

    def _delivered(self, connection: Connection, mid: int, message: Message) -> None:
        self.got.append(message.payload.decode())
        if mid and self.acknowledges:
            connection.up(self.broker.acknowledge, mid)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.loop.close()


def test_a_publisher_is_told_whether_anybody_listens_but_not_in_3_1_1(world: World) -> None:
    world.caller("there", "a/+").leave()
    for version5, nobody in ((True, False), (False, True)):
        here = world.caller("here", version5=version5)
        here.say("a/1", "for who is away as well", 1)
        here.say("b", "for nobody", 2)
        here.say("b", "for nobody, and kept", 3, retain=True)
        here.say("a/2", "without an answer", 0)
        world.pass_s()
        assert here.told == [(1, True), (2, nobody), (3, nobody)]


def test_who_is_away_gets_it_later_but_not_what_was_sent_at_qos_0(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    there.leave()
    world.pass_s()
    for number in range(300):
        here.say("a", str(number), 1)
    here.say("a", "at once or never", 0)
    world.pass_s()
    assert there.got == []
    there.call()
    world.pass_s(10)
    assert there.got == [str(number) for number in range(300)]


def test_what_is_retained_is_replaced_and_cleared_and_found_by_who_comes_later(
    world: World,
) -> None:
    here = world.caller("here")
    for topic, text in (("a/1", "old"), ("a/1", "new"), ("a/2", "gone"), ("a/2", ""), ("b", "b")):
        here.say(topic, text, retain=True)
    world.pass_s()
    assert world.caller("there", "a/#").got == ["new"]
    again = world.caller("there", "a/#")
    assert again.got == ["new"]


def test_the_will_comes_after_its_delay_and_is_retained(world: World) -> None:
    there, here = world.caller("there", "gone/#"), world.caller("here")
    assert here.connection is not None
    world.broker.gone(here.connection)
    world.pass_s(WILL_DELAY_S - 0.1)
    assert there.got == []
    world.pass_s(0.2)
    assert there.got == ["gone"]
    assert world.caller("later", "gone/+").got == ["gone"]


def test_no_will_comes_of_who_is_back_in_time_or_said_goodbye_or_was_taken_over(
    world: World,
) -> None:
    there = world.caller("there", "gone/#")
    back, polite, twice = (world.caller(name) for name in ("back", "polite", "twice"))
    world.broker.cut("back")
    world.pass_s(3)
    back.call()
    polite.leave()
    world.caller("twice")
    world.pass_s(30)
    assert there.got == []
    assert twice.ends == ["Unspecified error"]
    twice.say("a", "from who is thrown out")
    world.pass_s()
    assert world.broker.ledger == []


def test_in_3_1_1_the_will_has_no_delay(world: World) -> None:
    there = world.caller("there", "gone/#")
    world.caller("here", version5=False)
    world.broker.cut("here")
    world.pass_s(0.1)
    assert there.got == ["gone"]


def test_a_session_ends_a_week_after_its_client_left(world: World) -> None:
    there = world.caller("there", "a")
    there.leave()
    world.pass_s(SESSION_S - 10)
    assert world.broker.publish_as_stranger("a", b"kept")
    there.call()
    world.pass_s()
    there.leave()
    world.pass_s(SESSION_S + 10)
    assert not world.broker.publish_as_stranger("a", b"for nobody")
    there.call()
    world.pass_s()
    assert there.got == ["kept"]


def test_a_restart_keeps_everything_and_says_every_will(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    there.acknowledges = False
    here.say("a", "1")
    here.say("b", "kept", retain=True)
    world.pass_s()
    world.broker.restart(3, forget=False)
    world.pass_s()
    assert world.broker.away
    assert there.ends == here.ends == ["Unspecified error"]
    world.pass_s(2.1)
    assert not world.broker.away
    there.call()
    world.pass_s()
    assert there.got == ["1", "1"]
    assert world.caller("later", "b", "gone/#").got == ["kept", "gone", "gone"]


def test_a_wiped_broker_has_nothing(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    there.acknowledges = False
    world.broker.reorder = 1.0
    here.say("a", "late")
    world.pass_s(0.04)
    world.broker.reorder = 0.0
    here.say("a", "unacknowledged")
    here.say("b", "kept", retain=True)
    world.pass_s(0.04)
    world.broker.restart(1, forget=True)
    world.pass_s(10)
    assert not world.broker.sessions
    assert not world.broker.retained
    assert not world.broker.publish_as_stranger("a", b"for nobody")
    there.got.clear()
    there.call()
    world.pass_s(10)
    assert there.got == []
    assert world.caller("later", "b", "gone/#").got == []


def test_what_is_late_when_the_broker_is_wiped_is_lost_even_for_who_is_back(world: World) -> None:
    there = world.caller("there", "a")
    world.broker.reorder = 1.0
    for _ in range(20):
        world.broker.publish_as_stranger("a", b"late")
    world.broker.reorder = 0.0
    world.broker.restart(0, forget=True)
    world.pass_s(0.001)
    there.call()
    world.pass_s(0.1)
    there.got.clear()
    world.broker.publish_as_stranger("a", b"new")
    world.pass_s(10)
    assert there.got == ["new"]


def test_what_is_late_comes_even_where_somebody_subscribes_meanwhile(world: World) -> None:
    there = world.caller("there", "a")
    world.broker.reorder = 1.0
    world.broker.publish_as_stranger("a", b"late")
    later = world.caller("later", "b", "a")
    world.pass_s(10)
    assert there.got == later.got == ["late"]


def test_forgotten_sessions_leave_what_is_retained_and_their_wills(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    here.say("b", "kept", retain=True)
    world.pass_s()
    world.broker.forget_sessions()
    world.pass_s()
    assert there.ends == ["Unspecified error"]
    assert not world.broker.publish_as_stranger("a", b"for nobody")
    assert world.caller("later", "b", "gone/#").got == ["kept", "gone", "gone"]


def test_what_is_lost_was_acknowledged(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    world.broker.lose = 0.5
    for number in range(1, 101):
        here.say("a", str(number), number)
    world.pass_s()
    assert here.told == [(number, True) for number in range(1, 101)]
    assert 30 < len(there.got) < 70
    assert there.got == sorted(there.got, key=int)
    assert len(world.broker.ledger) == 100


def test_what_is_repeated_comes_twice(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    world.broker.repeat = 0.5
    for number in range(100):
        here.say("a", str(number))
    world.pass_s()
    assert sorted(set(there.got), key=int) == [str(number) for number in range(100)]
    assert 130 < len(there.got) < 170
    assert max(there.got.count(each) for each in there.got) == 2


def test_what_is_reordered_comes_all_the_same_but_what_is_retained_keeps_its_order(
    world: World,
) -> None:
    there, here = world.caller("there", "a", "b"), world.caller("here")
    world.broker.reorder = 0.2
    for number in range(100):
        here.say("a", str(number))
        here.say("b", f"b{number}", retain=True)
    world.pass_s(10)
    loose = [each for each in there.got if each[0] != "b"]
    assert sorted(loose, key=int) == [str(number) for number in range(100)] != loose
    assert [each for each in there.got if each[0] == "b"] == [f"b{each}" for each in range(100)]


def test_a_lost_puback_costs_the_connection_and_not_the_message(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    world.broker.drop_puback = 1.0
    here.say("a", "1")
    world.pass_s()
    assert there.got == ["1"]
    assert here.told == []
    assert here.ends == ["Unspecified error"]


def test_a_cut_loses_what_is_on_its_way_both_ways(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    world.broker.publish_as_stranger("a", b"down")
    here.say("a", "up")
    world.broker.cut("there")
    world.broker.cut("here")
    world.pass_s()
    assert there.got == []
    there.call()
    world.pass_s()
    assert there.got == ["down"]


def test_a_partition_is_noticed_only_when_the_client_is_overdue(world: World) -> None:
    there, watcher = world.caller("there", "a"), world.caller("watcher", "gone/#")
    world.broker.partition("there", closed=True)
    assert world.broker.closed_to("there")
    world.broker.publish_as_stranger("a", b"1")
    there.say("a", "never arrives")
    world.pass_s(OVERDUE_S - 2)
    assert watcher.connection is not None
    watcher.connection.heard = world.loop.time()
    assert "there" in [each.client.client_id for each in world.broker._connections]
    world.pass_s(WILL_DELAY_S + 2)
    assert watcher.got == ["gone"]
    assert (there.got, there.ends) == ([], [])
    world.broker.partition("there", closed=False)
    assert not world.broker.closed_to("there")
    there.call()
    world.pass_s()
    assert there.got == ["1"]


def test_what_is_slow_is_so_for_every_hop(world: World) -> None:
    there, here = world.caller("there", "a"), world.caller("here")
    world.broker.slow_s = 10
    here.say("a", "1")
    world.pass_s(19.9)
    assert there.got == []
    world.pass_s(0.2)
    assert there.got == ["1"]


def test_who_sends_more_than_the_broker_takes_is_cut(world: World) -> None:
    here = world.caller("here")
    here.say("a", "x" * LARGEST)
    world.pass_s()
    assert here.ends == ["Unspecified error"]
    assert world.broker.ledger == []


def test_a_good_day_ends_all_bad_ones(world: World) -> None:
    broker = world.broker
    broker.partition("there", closed=True)
    broker.lose = broker.repeat = broker.reorder = broker.drop_puback = broker.slow_s = 1
    broker.heal()
    there, here = world.caller("there", "a"), world.caller("here")
    here.say("a", "1")
    world.pass_s(0.1)
    assert (there.got, here.told, there.ends) == (["1"], [(1, True)], [])


def test_the_ledger_has_what_reached_the_broker_and_can_be_switched_off(world: World) -> None:
    here = world.caller("here")
    here.say("a", "1")
    world.pass_s()
    world.broker.keeps_ledger = False
    here.say("a", "2")
    world.pass_s()
    [passed] = world.broker.ledger
    assert passed[1:] == ("here", "a", b"1")
    assert 1 < passed.at < 1.1


def bad_day(seed: int) -> list[object]:
    world = World(seed)
    there, here = world.caller("there", "a"), world.caller("here")
    world.broker.lose = world.broker.repeat = world.broker.reorder = 0.2
    for number in range(50):
        here.say("a", str(number))
    world.pass_s(10)
    world.loop.close()
    return [*world.broker.ledger, *there.got]


def test_the_same_seed_makes_the_same_day_and_another_seed_another() -> None:
    assert bad_day(1) == bad_day(1)
    assert bad_day(1) != bad_day(2)

"""The network: bytes arrive in order or not at all, and both ends hear of the end."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from simulation.clockwork import Clockwork
from simulation.network import Network, Pipe
from simulation.process import PROCESS, Computer, Process

PORT = 7000
OTHER_PORT = 7001
HERE = "127.0.0.1"
Happening = bytes | str


class End(asyncio.Protocol):
    """One end: what it was told, when, and as whose step."""

    def __init__(self) -> None:
        self.happened: list[Happening] = []
        self.times: list[float] = []
        self.whose: list[Process | None] = []
        self.pipe: Pipe

    def connection_made(self, transport: Any) -> None:
        self.pipe = transport
        self._note("made")

    def data_received(self, data: bytes) -> None:
        self._note(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._note("closed" if error is None else type(error).__name__)

    def _note(self, happening: Happening) -> None:
        self.happened.append(happening)
        self.times.append(asyncio.get_running_loop().time())
        self.whose.append(PROCESS.get())


class Two:
    """A server and a client, each a process, and the connection between them."""

    def __init__(self, loop: Clockwork, seed: int = 1) -> None:
        self.loop = loop
        self.network = loop.network = Network(loop, Random(seed))
        self.road = self.network.road(PORT)
        self.server = Process("server", Computer("there"))
        self.client = Process("client", Computer("here"))
        self.ends: list[End] = []

    def run(self, story: Callable[["Two"], Awaitable[None]]) -> "Two":
        async def whole() -> None:
            await self.server.begin(self.listen)
            await story(self)

        self.loop.run_until_complete(whole())
        return self

    async def listen(self) -> None:
        await self.loop.create_server(self._accepted, HERE, PORT)

    async def connected(self) -> tuple[End, End]:
        """The client's end and the server's."""
        _, near = await self.client.begin(lambda: self.loop.create_connection(End, HERE, PORT))
        await asyncio.sleep(0.1)
        return near, self.ends[-1]

    def _accepted(self) -> End:
        self.ends.append(End())
        return self.ends[-1]


@pytest.fixture
def two(loop: Clockwork) -> Two:
    return Two(loop)


@pytest.mark.parametrize("seed", range(10))
def test_bytes_arrive_in_order_both_ways_each_in_its_time(loop: Clockwork, seed: int) -> None:
    async def story(two: Two) -> None:
        two.road.delay_s = 1.0
        near, far = await two.connected()
        words = [b"%d" % number for number in range(30)]
        for word in words:
            near.pipe.write(word)
            far.pipe.write(bytearray(word))
            await asyncio.sleep(two.network.chance.uniform(0, 0.2))
        await asyncio.sleep(5)
        for end, whose in ((near, two.client), (far, two.server)):
            assert end.happened == ["made", *words]
            assert set(end.whose) == {whose}
            assert end.times == sorted(end.times)

    Two(loop, seed).run(story)


def test_a_slow_road_takes_its_time(two: Two) -> None:
    async def story(two: Two) -> None:
        two.road.delay_s = 10.0
        began = two.loop.time()
        near, far = await two.connected()
        assert 5 <= near.times[0] - began <= 15
        written = two.loop.time()
        near.pipe.write(b"word")
        await asyncio.sleep(20)
        assert 5 <= far.times[-1] - written <= 15

    two.run(story)


def test_on_a_closed_road_bytes_wait_and_lose_nothing_of_their_order(two: Two) -> None:
    async def story(two: Two) -> None:
        near, far = await two.connected()
        near.pipe.write(b"before")
        two.road.closed = True
        near.pipe.write(b"amid")
        await asyncio.sleep(60)
        near.pipe.write(b"late")
        await asyncio.sleep(60)
        assert far.happened == ["made"]
        two.loop.call_later(0.2, setattr, two.road, "closed", False)
        two.loop.call_later(0.21, near.pipe.write, b"after")
        await asyncio.sleep(5)
        assert far.happened == ["made", b"before", b"amid", b"late", b"after"]

    two.run(story)


@pytest.mark.parametrize(
    ("closed_s", "heard"), [(1.0, [b"word", "closed"]), (60.0, ["ConnectionResetError"])]
)
def test_what_a_closed_connection_left_is_sent_for_a_little_while_only(
    two: Two, closed_s: float, heard: list[Happening]
) -> None:
    """A request that was given up does not arrive hours later: its key may be forgotten by then."""

    async def story(two: Two) -> None:
        near, far = await two.connected()
        two.road.closed = True
        near.pipe.write(b"word")
        near.pipe.close()
        two.loop.call_later(closed_s, setattr, two.road, "closed", False)
        await asyncio.sleep(closed_s + 5)
        assert far.happened == ["made", *heard]

    two.run(story)


def test_who_connects_over_a_closed_road_waits_until_it_is_open(two: Two) -> None:
    async def story(two: Two) -> None:
        two.road.closed = True
        two.loop.call_later(100, setattr, two.road, "closed", False)
        near, _ = await two.connected()
        assert 100 < near.times[0] < 102

    two.run(story)


async def _refused(two: Two, port: int = PORT) -> None:
    with pytest.raises(ConnectionRefusedError) as told:
        await two.loop.create_connection(End, HERE, port)
    assert told.value.errno == 111


def test_where_nobody_listens_or_may_be_reached_it_is_refused(two: Two) -> None:
    async def story(two: Two) -> None:
        await _refused(two, OTHER_PORT)
        two.road.refused = True
        await _refused(two)
        two.road.refused = False
        assert (await two.connected())[0].happened == ["made"]

    two.run(story)


def test_a_port_is_one_listeners_until_it_is_closed(two: Two) -> None:
    async def story(two: Two) -> None:
        with pytest.raises(OSError, match="in use"):
            await two.listen()
        old = two.network.listeners[HERE, PORT]
        old.close()
        assert not old.is_serving()
        await _refused(two)
        await two.listen()
        old.close()
        assert (await two.connected())[0].happened == ["made"]

    two.run(story)


def test_a_cut_resets_both_ends_and_what_is_on_its_way_is_lost(two: Two) -> None:
    async def story(two: Two) -> None:
        ends = [*await two.connected(), *await two.connected()]
        for each in ends:
            each.pipe.write(b"on its way")
        two.network.cut(PORT)
        for each in ends:
            each.pipe.write(b"into the void")
        await asyncio.sleep(5)
        assert [each.happened for each in ends] == [["made", "ConnectionResetError"]] * 4
        assert all(each.pipe.is_closing() for each in ends)
        assert not two.network.pipes
        assert (await two.connected())[0].happened == ["made"]

    two.run(story)


def test_a_cut_of_another_road_is_not_noticed(two: Two) -> None:
    async def story(two: Two) -> None:
        near, far = await two.connected()
        two.network.cut(OTHER_PORT)
        near.pipe.write(b"word")
        await asyncio.sleep(1)
        assert far.happened == ["made", b"word"]
        assert near.happened == ["made"]

    two.run(story)


def test_what_was_written_before_a_close_arrives_and_then_both_are_told(two: Two) -> None:
    async def story(two: Two) -> None:
        near, far = await two.connected()
        near.pipe.write(b"word")
        near.pipe.close()
        near.pipe.close()
        near.pipe.write(b"too late")
        assert near.pipe.is_closing()
        await asyncio.sleep(1)
        assert far.happened == ["made", b"word", "closed"]
        assert near.happened == ["made", "closed"]

    two.run(story)


def test_an_abort_is_a_reset(two: Two) -> None:
    async def story(two: Two) -> None:
        near, far = await two.connected()
        near.pipe.abort()
        await asyncio.sleep(1)
        assert near.happened == far.happened == ["made", "ConnectionResetError"]

    two.run(story)


@pytest.mark.parametrize("who", ["server", "client"])
def test_who_is_killed_says_nothing_and_its_kernel_resets_the_other(two: Two, who: str) -> None:
    async def story(two: Two) -> None:
        ends = dict(zip(("client", "server"), await two.connected(), strict=True))
        dead = ends.pop(who)
        (other,) = ends.values()
        process: Process = getattr(two, who)
        process.kill()
        dead.pipe.write(b"from the grave")
        other.pipe.write(b"to the grave")
        await asyncio.sleep(1)
        assert other.happened == ["made", "ConnectionResetError"]
        assert dead.happened == ["made"]
        assert not two.network.pipes

    two.run(story)


@pytest.mark.parametrize("seed", range(5))
def test_what_it_had_written_before_it_was_killed_arrives_before_the_reset(
    loop: Clockwork, seed: int
) -> None:
    async def story(two: Two) -> None:
        two.road.delay_s = 3.0
        near, far = await two.connected()
        near.pipe.write(b"a request")
        two.client.kill()
        await asyncio.sleep(20)
        assert far.happened == ["made", b"a request", "ConnectionResetError"]

    Two(loop, seed).run(story)


def test_over_a_closed_road_not_even_a_death_is_heard(two: Two) -> None:
    async def story(two: Two) -> None:
        near, _ = await two.connected()
        two.road.closed = True
        two.server.kill()
        await asyncio.sleep(60)
        assert near.happened == ["made"]
        two.road.closed = False
        await asyncio.sleep(1)
        assert near.happened == ["made", "ConnectionResetError"]

    two.run(story)


def test_the_port_of_the_dead_is_free_for_its_next_life(two: Two) -> None:
    async def story(two: Two) -> None:
        two.server.kill()
        await _refused(two)
        two.server = Process("server", Computer("there"))
        await two.server.begin(two.listen)
        _, far = await two.connected()
        assert far.whose == [two.server]

    two.run(story)


def test_what_is_sent_to_who_stands_still_waits_for_it(two: Two) -> None:
    async def story(two: Two) -> None:
        near, far = await two.connected()
        two.server.stand()
        for word in (b"one", b"two"):
            near.pipe.write(word)
            await asyncio.sleep(10)
        assert far.happened == ["made"]
        two.server.go_on()
        await asyncio.sleep(1)
        assert far.happened == ["made", b"one", b"two"]

    two.run(story)


def test_who_does_not_read_is_given_it_when_he_reads(two: Two) -> None:
    async def story(two: Two) -> None:
        near, far = await two.connected()
        far.pipe.pause_reading()
        near.pipe.write(b"one")
        near.pipe.write(b"two")
        await asyncio.sleep(1)
        assert far.happened == ["made"]
        far.pipe.resume_reading()
        assert far.happened == ["made", b"one", b"two"]

    two.run(story)


def test_connections_are_cut_in_the_order_they_were_made(two: Two) -> None:
    async def story(two: Two) -> None:
        made = [end.pipe for _ in range(5) for end in await two.connected()]
        assert list(two.network.pipes) == made

    two.run(story)

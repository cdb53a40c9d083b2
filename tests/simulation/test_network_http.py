"""aiohttp over the network: its client and its server are themselves, the road between them is ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import pytest
from aiohttp import web
from simulation.clockwork import Clockwork
from simulation.network import Connector, Network, Road
from simulation.process import Computer, Process

PORT = 7000
HERE = "127.0.0.1"


async def _answer(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query.get("in", "0")))
    return web.Response(text=f"{await request.text()}, {request.query_string}")


async def _serve() -> None:
    app = web.Application()
    app.router.add_post("/", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HERE, PORT).start()
    await asyncio.Event().wait()


class Asked:
    """A page at a server, asked by a client in this network."""

    def __init__(self, loop: Clockwork) -> None:
        self.loop = loop
        self.network = loop.network = Network(loop, Random(1))
        self.road: Road = self.network.road(PORT)
        self.server = Process("server", Computer("there"))
        self.client: aiohttp.ClientSession

    @asynccontextmanager
    async def client_at_work(self) -> AsyncIterator[None]:
        self.loop.remembered.append(self.server.begin(_serve))
        await asyncio.sleep(0.1)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(connector=Connector(), timeout=timeout) as self.client:
            yield
        await asyncio.sleep(1)

    async def ask(self, in_s: float = 0, body: str = "hello") -> str:
        async with self.client.post(f"http://{HERE}:{PORT}/?in={in_s}", data=body) as answer:
            return await answer.text()

    def run(self, story: Callable[["Asked"], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with self.client_at_work():
                await story(self)

        self.loop.run_until_complete(whole())


@pytest.fixture
def asked(loop: Clockwork) -> Asked:
    return Asked(loop)


def test_a_page_is_asked_and_answered_and_its_connection_kept(asked: Asked) -> None:
    async def story(asked: Asked) -> None:
        assert await asked.ask() == "hello, in=0"
        first = list(asked.network.pipes)
        large = "long " * 100_000
        assert await asked.ask(5, large) == f"{large}, in=5"
        assert list(asked.network.pipes) == first

    asked.run(story)


def test_many_ask_at_once_and_each_gets_his_own_answer(asked: Asked) -> None:
    async def story(asked: Asked) -> None:
        began = asked.loop.time()
        told = await asyncio.gather(*(asked.ask(n / 8, f"buyer {n}") for n in range(20)))
        assert told == [f"buyer {n}, in={n / 8}" for n in range(20)]
        assert asked.loop.time() - began < 3

    asked.run(story)


def test_a_client_hears_that_nobody_is_there(asked: Asked) -> None:
    async def story(asked: Asked) -> None:
        asked.road.refused = True
        with pytest.raises(aiohttp.ClientConnectorError, match="refuses"):
            await asked.ask()
        asked.road.refused = False
        assert await asked.ask() == "hello, in=0"

    asked.run(story)


@pytest.mark.parametrize("how", ["cut", "killed"])
def test_a_client_hears_that_its_answer_will_never_come(asked: Asked, how: str) -> None:
    async def story(asked: Asked) -> None:
        act = {"cut": lambda: asked.network.cut(PORT), "killed": asked.server.kill}[how]
        asked.loop.call_later(5, act)
        began = asked.loop.time()
        with pytest.raises(aiohttp.ClientError):
            await asked.ask(10)
        assert 5 <= asked.loop.time() - began < 6
        if how == "cut":
            assert await asked.ask() == "hello, in=0"

    asked.run(story)


@pytest.mark.parametrize("connected", [False, True])
def test_a_client_waits_at_a_closed_road_as_long_as_it_has_patience(
    asked: Asked, *, connected: bool
) -> None:
    async def story(asked: Asked) -> None:
        if connected:
            await asked.ask()
        asked.road.closed = True
        began = asked.loop.time()
        with pytest.raises(TimeoutError):
            await asked.ask()
        assert 30 <= asked.loop.time() - began <= 31  # aiohttp rounds up
        asked.loop.call_later(20, setattr, asked.road, "closed", False)
        assert await asked.ask() == "hello, in=0"

    asked.run(story)

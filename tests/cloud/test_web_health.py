import threading
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from parts import Mosquitto, free_port, until

from cloud.seat import seat
from cloud.store import Store
from cloud.web.health import Health
from edge.wire.link import Link
from edge.wire.settings import Broker


def a_link(port: int) -> Link:
    return Link(Broker(port=port), client_id="health", subscriptions=(), will=("x", b""))


async def healthz(store: Store, link: Link | None) -> tuple[int, dict[str, bool]]:
    app = web.Application()
    app.add_routes(Health(store, link, "one").routes())
    async with TestClient(TestServer(app)) as client, client.get("/healthz") as answer:
        return answer.status, await answer.json()


@pytest.mark.needs("mosquitto")
async def test_all_is_well(store: Store, broker: Mosquitto) -> None:
    link = a_link(broker.port)
    link.start()
    await until(lambda: link.connected)
    assert await healthz(store, link) == (200, {"ok": True, "store": True, "broker": True})
    broker.kill()
    await until(lambda: not link.connected)
    assert await healthz(store, link) == (503, {"ok": False, "store": True, "broker": False})
    await link.stop()


async def test_without_a_broker_it_is_not_well(store: Store) -> None:
    told = await healthz(store, a_link(free_port()))
    assert told == (503, {"ok": False, "store": True, "broker": False})


@pytest.mark.usefixtures("patient")
async def test_who_waits_for_the_seat_is_well_while_another_speaks(store: Store) -> None:
    waits = a_link(free_port())
    well = {"ok": True, "store": True, "broker": True}
    async with seat(store, "link", "two"):
        assert await healthz(store, waits) == (200, well)
    assert (await healthz(store, waits))[0] == 503
    # Who has the seat, and no broker, is not.
    async with seat(store, "link", "one"):
        assert (await healthz(store, waits))[0] == 503


async def test_a_process_that_does_not_speak_to_the_broker_says_nothing_of_it(
    store: Store,
) -> None:
    assert await healthz(store, None) == (200, {"ok": True, "store": True})


async def test_without_its_store_it_is_not_well(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    gone = Store(tmp_path / "no such folder" / "cloud.sqlite")
    told = await healthz(gone, a_link(free_port()))
    assert told == (503, {"ok": False, "store": False, "broker": False})
    await gone.close()
    # The driver's thread of a connection that failed says goodbye by itself.
    await until(lambda: set(threading.enumerate()) <= threads)

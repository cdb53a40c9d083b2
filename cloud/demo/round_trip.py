"""A bare round trip: two clients that only echo, QoS 1 both ways, through the demo's own broker.

What the way up and down costs before anything is stored or issued: the figure to hold ours against.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final, Literal

from cloud.errors import StartError
from edge.wire.link import Happening, Incoming, Link
from edge.wire.settings import Broker

TRIPS: Final = 200
BODY: Final = b"x" * 400
PATIENCE_S: Final = 10.0


async def round_trips(port: int, mqtt: Literal["5", "3.1.1"]) -> list[float]:
    """Seconds of each trip.

    Raises:
        StartError: a message did not come back.
    """
    broker = Broker(port=port, mqtt=mqtt)
    there = Link(broker, "bare-there", ["bare/up"], ("bare/will", b""))
    here = Link(broker, "bare-here", ["bare/down"], ("bare/will", b""))
    there.start()
    here.start()
    echoing = asyncio.ensure_future(_echo(there))
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _go(here)
    except TimeoutError:
        raise StartError("a message did not come back from the broker") from None
    finally:
        echoing.cancel()
        await here.stop()
        await there.stop()


async def _go(here: Link) -> list[float]:
    happenings = aiter(here)
    await anext(happenings)
    # The echo subscribes at its own pace: the first that comes back says that it has.
    while True:
        here.publish("bare/up", BODY, 1)
        try:
            async with asyncio.timeout(0.2):
                await _back(happenings)
        except TimeoutError:
            happenings = aiter(here)
        else:
            break
    trips = []
    for _ in range(TRIPS):
        began = time.perf_counter()
        here.publish("bare/up", BODY, 1)
        await _back(happenings)
        trips.append(time.perf_counter() - began)
    return trips


async def _back(happenings: AsyncIterator[Happening]) -> None:
    async for happening in happenings:
        if isinstance(happening, Incoming):
            happening.acknowledge()
            return


async def _echo(link: Link) -> None:
    async for happening in link:
        if isinstance(happening, Incoming):
            link.publish("bare/down", happening.payload, 1)
            happening.acknowledge()

"""The whole chain: vend on the bus to fiscal QR on the kiosk page, beside a bare round trip.

The round trip is two clients that only echo, QoS 1 both ways, through the same broker in the same
run: what the way up and down costs before anything is stored or issued.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figure import Figure

from cloud.demo.places import Places
from cloud.demo.selling import sell
from cloud.demo.show import parts
from edge.wire.link import Broker, Connected, Incoming, Link

SALES = 60
TRIPS = 300


async def measure_chain() -> Iterator[Figure]:
    places = Places.free()
    with tempfile.TemporaryDirectory() as folder:
        async with parts(Path(folder), places) as http:
            kiosk, register = places.url(places.kiosk), places.url(places.emulator)
            summary = await sell(http, kiosk, register, SALES, progress=lambda _: None)
            trips = await _round_trips(places.broker)
    assert summary.good, summary
    p50, p95 = 1000 * statistics.median(trips), 1000 * sorted(trips)[len(trips) * 95 // 100]
    peer = "bare QoS 1 round trip"
    return iter(
        [
            Figure(
                "vend to fiscal QR on the kiosk page, p50",
                summary.p50_ms,
                p50,
                "ms",
                peer,
                "< 60 ms",
            ),
            Figure("vend to fiscal QR on the kiosk page, p95", summary.p95_ms, p95, "ms", peer),
        ]
    )


async def _round_trips(port: int) -> list[float]:
    there = Link(Broker(port=port), "bench-there", ["bench/up"], ("bench/will", b""))
    here = Link(Broker(port=port), "bench-here", ["bench/down"], ("bench/will", b""))
    there.start()
    here.start()
    echo = asyncio.ensure_future(_echo(there))
    trips = []
    happenings = aiter(here)
    await _connected(happenings)
    body = b"x" * 400
    began = 0.0
    while len(trips) < TRIPS:
        began = time.perf_counter()
        here.publish("bench/up", body, 1)
        async with asyncio.timeout(5):
            happening = await anext(happenings)
        assert isinstance(happening, Incoming)
        happening.acknowledge()
        trips.append(time.perf_counter() - began)
    echo.cancel()
    await here.stop()
    await there.stop()
    return trips


async def _connected(happenings: object) -> None:
    happening = await anext(happenings)  # type: ignore[call-overload]
    assert isinstance(happening, Connected)
    # The other side subscribes at its own pace.
    await asyncio.sleep(0.5)


async def _echo(link: Link) -> None:
    async for happening in link:
        if isinstance(happening, Incoming):
            link.publish("bench/down", happening.payload, 1)
            happening.acknowledge()

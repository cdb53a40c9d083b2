"""The whole chain: vend on the bus to the fiscal picture at the kiosk page, beside a bare round trip."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from figure import Figure

from cloud.demo.places import Places
from cloud.demo.selling import sell
from cloud.demo.show import parts

SALES = 60


async def measure_chain() -> Iterator[Figure]:
    places = Places.free()
    with tempfile.TemporaryDirectory() as folder:
        async with parts(Path(folder), places) as running:
            summary = await sell(running, SALES, progress=lambda _: None)
    assert summary.good, summary
    peer = "bare QoS 1 round trip, p50"
    name = "vend to fiscal QR at the kiosk page"
    bare = summary.bare_p50_ms
    return iter(
        [
            Figure(f"{name}, p50", summary.p50_ms, bare, "ms", peer, "< 60 ms"),
            Figure(f"{name}, p95", summary.p95_ms, bare, "ms", peer),
        ]
    )

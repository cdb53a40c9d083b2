"""The listener: bytes a second through the whole sniffer, beside both lines of a saturated bus."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from figure import Figure

from mdb import Signal, Sniffer, read_trace
from mdb.byte import BYTE_S

TRACE = Path(__file__).parent.parent / "traces/ap113-single-vend.mdb"
BYTES = 400_000


def measure_listener() -> Iterator[Figure]:
    vend = list(read_trace(TRACE.read_text("utf-8").splitlines()))
    day: list[Signal] = list(islice(_repeated(vend), BYTES))
    sniffer = Sniffer()
    began = time.perf_counter()
    for signal in day:
        sniffer.feed(signal)
    ours = BYTES / (time.perf_counter() - began)
    yield Figure(
        "bus heard, bytes to conclusions",
        ours,
        2 / BYTE_S,
        "bytes/s",
        "both lines saturated",
        "≥ 150",
    )


def _repeated(vend: list[Signal]) -> Iterator[Signal]:
    while True:
        yield from vend

"""The listener: bytes a second, memory over half a day, and a day's trace from the command line."""

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from figure import Figure

from mdb import Signal, Sniffer, read_trace
from mdb.byte import BYTE_S

TRACE = Path(__file__).parent.parent / "traces/ap113-single-vend.mdb"
BYTES = 400_000
ROUNDS = 3
DAY_BYTES = 5_000_000
POLL_S = 0.125
POLLS = ((0x0B, 0x0B), (0x12, 0x12), (0x33, 0x33))
VEND_EVERY_S = 120.0


def measure_listener() -> Iterator[Figure]:
    vend = list(read_trace(TRACE.read_text("utf-8").splitlines()))
    day: list[Signal] = list(islice(_repeated(vend), BYTES))
    ours = BYTES / min(_heard(day) for _ in range(ROUNDS))
    yield Figure(
        "bus heard, bytes to conclusions",
        ours,
        2 / BYTE_S,
        "bytes/s",
        "both lines saturated",
        "≥ 150",
    )
    with tempfile.TemporaryDirectory() as folder:
        yield from _day(Path(folder) / "day.mdb")


def _heard(signals: list[Signal]) -> float:
    sniffer = Sniffer()
    began = time.perf_counter()
    for signal in signals:
        sniffer.feed(signal)
    return time.perf_counter() - began


def _day(trace: Path) -> Iterator[Figure]:
    """A day of a machine that polls three peripherals (3 bytes, 2 lines each) and sells."""
    with trace.open("w", encoding="ascii") as written:
        written.writelines(itertools.islice(_lines(), 2 * DAY_BYTES // 3))
    decode = [sys.executable, "-m", "mdb", "decode", str(trace), "--json"]
    read = [sys.executable, "-c", f"for line in open({str(trace)!r}): bytes.fromhex('0B')"]
    yield Figure(
        "a day's trace decoded",
        _seconds(decode),
        _seconds(read),
        "s",
        "python that reads its lines",
        "< 20 s",
    )
    grown = [sys.executable, "-c", MEMORY, str(trace)]
    early, late = subprocess.run(grown, capture_output=True, text=True, check=True).stdout.split()
    yield Figure(
        "memory after 12 hours of bus", float(late), float(early), "MB RSS", "after 1 hour", "1.00"
    )


MEMORY = """
import itertools, sys
from mdb import Sniffer, read_trace

def megabytes():
    status = open("/proc/self/status").read().split()
    return int(status[status.index("VmRSS:") + 1]) / 1024

sniffer = Sniffer()
with open(sys.argv[1]) as trace:
    for signal in read_trace(trace):
        for event in sniffer.feed(signal):
            hour = event.at / 3600
        if signal.at > 3600:
            break
    print(megabytes())
    for signal in read_trace(trace):
        sniffer.feed(signal)
        if signal.at > 12 * 3600:
            break
print(megabytes())
"""


def _lines() -> Iterator[str]:
    vend = [
        (float(line.split()[0]), line.split(maxsplit=1)[1].split("#")[0].strip())
        for line in TRACE.read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    at, next_vend = 0.0, 0.0
    while True:
        if at >= next_vend:
            next_vend = at + VEND_EVERY_S
            for then, told in vend:
                yield f"{at + then:.4f} {told}\n"
            at += vend[-1][0]
        for poll, check in POLLS:
            at += POLL_S / len(POLLS)
            yield f"{at:.4f} > {poll:02X} {check:02X}\n"
            yield f"{at + 0.005:.4f} < 00\n"


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _repeated(vend: list[Signal]) -> Iterator[Signal]:
    while True:
        yield from vend

"""What is captured is read by the decoder as the bus itself would be."""

import asyncio
import gzip
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from parts import ROOT, python, until
from specimens import StillClock

from edge import capture as module
from edge.capture import Capture, Captured
from mdb import Break, Signal, Sniffer, read_trace

TRACE = ROOT / "tests/traces/ap113-single-vend.mdb"
SIGNALS = list(read_trace(TRACE.read_text("utf-8").splitlines()))
BOOTING_S = 1.5
"""Until here the machine tells its money, once; a capture begins later."""


def sales(*files: Path) -> list[dict[str, object]]:
    told = subprocess.run(
        python("mdb", "decode", "--json", *map(str, files)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    events = [json.loads(line) for line in told.stdout.splitlines()]
    return [event for event in events if event["event"] == "sale"]


async def record(
    folder: Path, signals: Sequence[Signal], capture: Capture, clock: StillClock
) -> tuple[Path, Captured]:
    file = folder / "bus.mdb.gz"
    recording = asyncio.ensure_future(capture.record(5, file))
    await asyncio.sleep(0)  # it has begun; in a second its first lines are too many already
    assert capture.busy
    for signal in signals:
        capture.feed(signal)
    clock.seconds += 300
    return file, await recording


async def test_a_vend_in_a_capture_is_the_sale_it_was_on_the_bus(tmp_path: Path) -> None:
    clock, sniffer = StillClock(), Sniffer()
    capture = Capture(clock, lambda: sniffer.context, title="vm-000123, command a1")
    for signal in SIGNALS:
        if signal.at < BOOTING_S:
            capture.feed(signal)  # nobody records: it is forgotten
            sniffer.feed(signal)
    sniffer.flush()
    later = [signal for signal in SIGNALS if signal.at >= BOOTING_S]
    file, captured = await record(tmp_path, later, capture, clock)
    assert sales(file) == sales(TRACE) != []
    assert captured == Captured(lines=6, seconds=300, cut=None)
    assert captured.words == "6 blocks of the bus in 300 s"
    assert not capture.busy


async def test_a_capture_says_whose_it_is_and_what_time_it_was(tmp_path: Path) -> None:
    clock = StillClock()
    capture = Capture(clock, dict, title="vm-000123, command a1", vmc_only=True)
    begun = clock.now().iso
    file, _ = await record(tmp_path, [Break(12.5)], capture, clock)
    assert gzip.decompress(file.read_bytes()).decode().splitlines() == [
        "# vm-000123, command a1",
        f"# begun at {begun}, by a clock that is synced",
        "# vmc-only",
        f"# at 12.500000 it was {begun}",
        "12.500000 > BREAK",
        f"# ended at {clock.now().iso}",
    ]


async def test_what_was_being_said_at_the_end_is_in_the_capture(tmp_path: Path) -> None:
    clock = StillClock()
    said = list(read_trace(["3.000 > 13 00 04 E3 00 01 FB"]))
    file, captured = await record(tmp_path, said, Capture(clock, dict, title="t"), clock)
    assert captured.lines == 1
    assert "\n3.000000 > 13 00 04 E3 00 01 FB\n" in gzip.decompress(file.read_bytes()).decode()


async def test_a_silent_bus_is_an_empty_capture(tmp_path: Path) -> None:
    clock = StillClock()
    file, captured = await record(tmp_path, [], Capture(clock, dict, title="t"), clock)
    assert captured.lines == 0
    assert sales(file) == []


async def test_there_is_one_recording_at_a_time_and_the_next_begins_anew(tmp_path: Path) -> None:
    clock = StillClock()
    capture = Capture(clock, dict, title="t")
    first = asyncio.ensure_future(capture.record(5, tmp_path / "1"))
    await until(lambda: capture.busy)
    with pytest.raises(RuntimeError, match="under way"):
        await capture.record(5, tmp_path / "2")
    capture.feed(Break(1))
    clock.seconds += 300
    assert (await first).lines == 1
    _, second = await record(tmp_path, [Break(2), Break(3)], capture, clock)
    assert second.lines == 2


async def test_a_capture_ends_when_its_room_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    capture = Capture(StillClock(), dict, title="t")
    file = tmp_path / "1"
    recording = asyncio.ensure_future(capture.record(5, file))
    await asyncio.sleep(0)  # it has begun; in a second its first lines are too many already
    assert capture.busy
    capture.feed(Break(1))
    captured = await recording
    assert captured.cut is not None
    assert captured.cut.startswith("it was stopped early")
    assert captured.words.endswith(captured.cut)
    assert b"# ended at" in gzip.decompress(file.read_bytes())


async def test_a_bus_that_is_faster_than_the_disk_is_told_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", 2000)
    clock = StillClock()
    breaks = [Break(float(number)) for number in range(1000)]
    _, captured = await record(tmp_path, breaks, Capture(clock, dict, title="t"), clock)
    assert captured.lines < 1000
    assert captured.cut == f"{1000 - captured.lines} blocks are lost, as the disk was slow"


async def test_a_disk_that_refuses_ends_the_recording_and_not_the_listening(
    tmp_path: Path,
) -> None:
    capture = Capture(StillClock(), dict, title="t")
    with pytest.raises(OSError, match="No such file"):
        await capture.record(5, tmp_path / "none" / "1")
    assert not capture.busy
    capture.feed(Break(1))


async def test_a_recording_that_is_cancelled_leaves_the_recorder_free(tmp_path: Path) -> None:
    capture = Capture(StillClock(), dict, title="t")
    recording = asyncio.ensure_future(capture.record(5, tmp_path / "1"))
    await until(lambda: capture.busy)
    recording.cancel()
    await asyncio.wait([recording])
    assert not capture.busy

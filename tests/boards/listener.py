"""Somebody who listens to a tap while a test plays its device, and concludes from what it heard."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from parts import ROOT

from mdb import Signal, Sniffer, read_trace
from mdb.block import Block, Fault, Single
from mdb.byte import Break
from mdb.event import as_json
from mdb.framing import Framed, Framer
from mdb.taps import Tap

TRACES = sorted((ROOT / "tests" / "traces").glob("*.mdb"))


@asynccontextmanager
async def listening(tap: Tap) -> AsyncIterator[list[Signal]]:
    """What a tap yields, as it comes."""
    heard: list[Signal] = []

    async def listen() -> None:
        async for signal in tap:
            heard.append(signal)  # noqa: PERF401, it is looked at as it grows

    task = asyncio.create_task(listen())
    try:
        yield heard
        assert not task.done(), "a device's tap never ends"
    finally:
        task.cancel()
        await asyncio.wait([task])


def signals_of(trace: Path) -> list[Signal]:
    return list(read_trace(trace.read_text("utf-8").splitlines()))


def framed(signals: Iterable[Signal]) -> list[Framed]:
    framer = Framer()
    return [each for signal in signals for each in framer.feed(signal)] + framer.flush()


def words(signals: Iterable[Signal]) -> str:
    """Blocks as a person writes them: who, and the bytes."""
    told = []
    for each in framed(signals):
        match each:
            case Block():
                told.append(f"{each.line.value}{each.data.hex()}")
            case Single():
                told.append(f"{each.line.value}{each.answer.name}")
            case Fault():
                told.append(f"{each.line.value}!{each.raw.hex()}")
            case Break():
                told.append(">BREAK")
    return " ".join(told)


def concluded(signals: Iterable[Signal], *, vmc_only: bool = False) -> list[dict[str, Any]]:
    """Every event without its time."""
    sniffer = Sniffer(vmc_only=True) if vmc_only else Sniffer()
    heard = [each for signal in signals for each in sniffer.listen(signal)]
    events = [as_json(event) for each in [*heard, *sniffer.flush()] for event in each.events]
    return [{key: value for key, value in each.items() if key != "at"} for each in events]

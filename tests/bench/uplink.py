"""The uplink: a sale on the disk to its PUBLISH at a subscriber, beside a bare publish."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from disk import _sale
from figure import Figure
from parts import mosquitto

from edge.clock import SystemClock
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.timeline import Timeline
from edge.uplink import Answers, Uplink
from edge.wire import Ack, Channel, encode
from edge.wire.link import Connected, Incoming, Link
from edge.wire.settings import Broker

SALES = 200
MACHINE = "vm-1"
BARE = "bench/bare"


async def measure_uplink() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, mosquitto(Path(folder)) as broker:
        ours, bare = await _published(Path(folder), broker.port)
    return iter(
        [
            Figure(
                "sale on the disk to PUBLISH on the wire, p50",
                1000 * statistics.median(ours),
                1000 * statistics.median(bare),
                "ms",
                "bare publish, both to a subscriber",
            )
        ]
    )


async def _published(folder: Path, port: int) -> tuple[list[float], list[float]]:
    outbox, disk, clock = Outbox(folder / "outbox.sqlite", "0" * 8), Disk(), SystemClock()
    link, subscriber = _link(port, "machine"), _link(port, "subscriber", [BARE, "vend/v1/+/sale"])

    async def nothing(*_: object) -> None:
        pass

    uplink = Uplink(
        machine=MACHINE,
        link=link,
        outbox=outbox,
        disk=disk,
        clock=clock,
        timeline=Timeline(clock, outbox, disk),
        answers=Answers(lambda _: None, nothing, lambda _: None, nothing, nothing, nothing),
    )
    arrived = asyncio.Queue[float]()
    tasks = [
        asyncio.create_task(_hear(subscriber, arrived)),
        asyncio.create_task(_follow(link, uplink)),
        asyncio.create_task(uplink.run()),
    ]
    link.start()
    subscriber.start()
    while not (link.connected and subscriber.connected):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    ours, bare = [], []
    for seq in range(1, SALES + 1):
        kept = await disk.do(outbox.put, _sale(seq))
        began = time.perf_counter()
        uplink.offer(kept)
        ours.append(await arrived.get() - began)
        ack = Ack(epoch=outbox.epoch, upto=seq, time="")
        subscriber.publish(Channel.ACK.of(MACHINE), encode(ack), 1)
        while uplink.in_flight:
            await asyncio.sleep(0.001)
        began = time.perf_counter()
        link.publish(BARE, kept.body, 1)
        bare.append(await arrived.get() - began)
    for task in tasks:
        task.cancel()
    await link.stop()
    await subscriber.stop()
    disk.close()
    outbox.close()
    return ours, bare


def _link(port: int, name: str, topics: list[str] | None = None) -> Link:
    subscriptions = topics or [Channel.ACK.of(MACHINE)]
    return Link(Broker(port=port), name, subscriptions, ("bench/will", b""))


async def _hear(subscriber: Link, arrived: "asyncio.Queue[float]") -> None:
    async for happening in subscriber:
        if isinstance(happening, Incoming):
            arrived.put_nowait(time.perf_counter())
            happening.acknowledge()


async def _follow(link: Link, uplink: Uplink) -> None:
    async for happening in link:
        match happening:
            case Connected():
                uplink.connected("")
            case Incoming():
                await uplink.receive(happening)

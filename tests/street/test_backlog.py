"""Weeks without a network: 100 000 sales go up in order, and nobody waits behind them."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import Mosquitto, until
from specimens import receipt, sale
from street.living import MACHINE, Watched, a_life, sell
from street.sink import Sink, a_sink

from edge.storage.file import File
from edge.storage.outbox import OpenSale, Outbox
from edge.window import PATIENCE_S, SIZE
from edge.wire import Channel, encode

pytestmark = pytest.mark.needs("mosquitto")
EPOCH = "7f3a9c1e"
BACKLOG = 100_000
LIVE = 40
HOLD_S = 1


def fill(folder: Path, count: int) -> None:
    """Through the outbox's own verbs and its schema; only the commits are put together."""

    @contextlib.contextmanager
    def at_the_end(_file: File) -> Iterator[None]:
        yield

    outbox = Outbox(folder / "outbox.sqlite", EPOCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(File, "committed", at_the_end)
        for seq in range(1, count + 1):
            outbox.put(sale(seq))
    outbox.close()


async def test_a_hundred_thousand_sales_go_up_in_order_and_starve_nobody(
    broker: Mosquitto, tmp_path: Path
) -> None:
    fill(tmp_path, BACKLOG)
    kept_at: dict[int, int] = {}
    """How many had arrived when a live sale was on the disk."""
    in_flight: list[int] = []
    async with a_sink(MACHINE, broker.port) as sink, a_life(tmp_path, broker.port) as life:
        offer, watched = life.agent.uplink.offer, Watched(life.link)

        def offered(kept: OpenSale) -> None:
            kept_at[kept.place] = len(sink.arrivals)
            offer(kept)

        life.agent.uplink.offer = offered  # type: ignore[method-assign]
        watched.happened = lambda: in_flight.append(  # type: ignore[method-assign]
            life.agent.uplink.in_flight
        )
        for number in range(LIVE):
            due = (number + 1) * BACKLOG // (LIVE + 1)
            await until(lambda due=due: len(sink.arrivals) >= due, 60)  # type: ignore[misc]
            sell(life)
            if number == LIVE // 2:
                await holds(sink)
        await until(lambda: len(sink.sales) == BACKLOG + LIVE, 60)
        await until(lambda: life.outbox.pending()[0] == 0, 60)
    most = max(in_flight)
    assert most <= SIZE
    first_time = list(dict.fromkeys(sink.arrivals))
    backlog = [seq for seq in first_time if seq <= BACKLOG]
    live = [seq for seq in first_time if seq > BACKLOG]
    assert backlog == list(range(1, BACKLOG + 1))
    assert live == list(range(BACKLOG + 1, BACKLOG + LIVE + 1))
    waited = {seq: sink.arrivals.index(seq) - kept_at[seq] for seq in live}
    assert max(waited.values()) <= SIZE, waited
    assert all(
        bodies == {encode(sale(seq))} for seq, bodies in sink.bodies.items() if seq <= BACKLOG
    )


async def holds(sink: Sink) -> None:
    """The cloud asks for a pause: nothing comes in it, neither old nor new."""
    asked = time.monotonic()
    sink.answers = False
    sink.acknowledge(hold_s=HOLD_S)
    sink.say(Channel.RECEIPT, encode(receipt(sale(1))))
    await until(lambda: sink.receipt_acks)  # it has heard of the pause before
    before = len(sink.arrivals)
    sink.answers = True
    # What came unanswered as the pause began is asked about only after the window's patience.
    await until(lambda: len(sink.arrivals) > before, 2 * PATIENCE_S)
    assert sink.at[before] >= asked + HOLD_S

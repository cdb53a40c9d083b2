"""The clock jumps by years, by a day, and is wrong from the start: the order and the count do not.

The clock is the test's. The truth is what it says without its error.
"""

from pathlib import Path

import pytest
from parts import Mosquitto, until
from street.living import DAY_S, YEAR_S, OwnClock, a_life, hears, sell
from street.mortal import Mortal
from street.sink import Sink, a_sink

from edge.clock import unix_ms
from edge.wire.messages import Quality

pytestmark = pytest.mark.needs("mosquitto")
MACHINE = "vm-000123"
NEAR_MS = 60_000
"""Clocks jump by hours here. An anchor is wrong by two seconds at most, and this machine may stand
still for longer than that."""


async def sold(life: Mortal, sink: Sink, clock: OwnClock) -> int:
    """Sell one and wait until it is stored and acknowledged; when it truly was, in milliseconds."""
    await until(lambda: life.agent.uplink.cloud_online)
    before, truth = len(sink.sales), clock.truth_ms()
    sell(life)
    await until(lambda: len(sink.sales) > before and life.outbox.pending()[0] == 0)
    return truth


@pytest.mark.parametrize("wrong_s", [-10 * YEAR_S, DAY_S, 10 * YEAR_S])
@pytest.mark.parametrize("quality", ["unsynced", "synced"])
async def test_a_jump_of_the_clock_moves_no_sale_and_sends_none_again(
    broker: Mosquitto, tmp_path: Path, wrong_s: float, quality: Quality
) -> None:
    clock = OwnClock()
    truths: list[int] = []
    async with a_sink(MACHINE, broker.port) as sink, a_life(tmp_path, broker.port, clock) as life:
        await hears(life, sink)
        for error_s, told in ((0.0, "synced"), (wrong_s, quality), (0.0, "synced")):
            clock.wrong_s, clock.quality = error_s, told
            truths += [await sold(life, sink, clock) for _ in range(3)]
    assert sink.arrivals == list(range(1, 10))  # in order, and none twice
    if quality == "unsynced":
        for seq, truth in enumerate(truths, 1):
            assert abs((unix_ms(sink.sales[seq].sold_at) or 0) - truth) < NEAR_MS, sink.sales[seq]
        assert [sink.sales[seq].clock for seq in (1, 5, 9)] == ["synced", "corrected", "synced"]
    boots = [sink.sales[seq].boottime_ms for seq in range(1, 10)]
    assert boots == sorted(boots)


async def test_a_jump_between_publishing_and_acknowledging_neither_expires_nor_repeats(
    broker: Mosquitto, tmp_path: Path
) -> None:
    clock = OwnClock()
    async with a_sink(MACHINE, broker.port) as sink, a_life(tmp_path, broker.port, clock) as life:
        await hears(life, sink)
        await sold(life, sink, clock)
        sink.answers = False
        for _ in range(5):
            sell(life)
        await until(lambda: len(sink.sales) == 6)
        for wrong_s in (-10 * YEAR_S, DAY_S, 10 * YEAR_S, 0):
            clock.wrong_s = wrong_s
            life.agent.uplink.look()
            await life.agent.presence.say_health()
        assert life.outbox.pending()[0] == 5
        sink.answers = True
        sink.acknowledge()
        await until(lambda: life.outbox.pending()[0] == 0)
    assert sink.arrivals == [1, 2, 3, 4, 5, 6]


async def test_a_machine_that_starts_in_the_past_tells_the_right_time_once_the_cloud_says_it(
    broker: Mosquitto, tmp_path: Path
) -> None:
    clock = OwnClock(quality="unsynced", wrong_s=-10 * YEAR_S)
    broker.kill()
    truths: list[int] = []
    async with a_life(tmp_path, broker.port, clock) as life:
        for _ in range(4):
            truths.append(clock.truth_ms())
            sell(life)
        await until(lambda: life.agent.keeper.waiting == 0)
        broker.start()
        async with a_sink(MACHINE, broker.port) as sink:
            await until(lambda: len(sink.sales) == 4)
    assert sink.arrivals == [1, 2, 3, 4]
    for seq, truth in enumerate(truths, 1):
        told = sink.sales[seq]
        assert told.clock == "corrected"
        assert abs((unix_ms(told.sold_at) or 0) - truth) < NEAR_MS
        assert told.wall is not None
        assert told.wall.startswith(str(int(told.sold_at[:4]) - 10))


async def test_sales_of_a_boot_that_never_knew_the_time_lie_between_the_boots_around_it(
    broker: Mosquitto, tmp_path: Path
) -> None:
    truth: dict[int, int] = {}
    known = OwnClock("boot-1")
    async with a_sink(MACHINE, broker.port) as sink:
        async with a_life(tmp_path, broker.port, known) as life:
            truth[1] = await sold(life, sink, known)
        broker.kill()
        lost = OwnClock("boot-2", quality="unsynced", wrong_s=-10 * YEAR_S)
        lost.forward_s = 3600
        async with a_life(tmp_path, broker.port, lost) as life:
            for seq in (2, 3):
                truth[seq] = lost.truth_ms()
                sell(life)
            await until(lambda: life.agent.keeper.waiting == 0)
        found = OwnClock("boot-3", quality="unsynced", wrong_s=-10 * YEAR_S)
        found.forward_s = 7200
        async with a_life(tmp_path, broker.port, found) as life:
            truth[4] = found.truth_ms()
            sell(life)
            await until(lambda: life.agent.keeper.waiting == 0)
            found.wrong_s, found.quality = 0, "synced"
            broker.start()
            await until(lambda: len(sink.sales) == 4)
            truth[5] = await sold(life, sink, found)
    assert list(dict.fromkeys(sink.arrivals)) == [1, 2, 3, 4, 5]
    assert [sink.sales[seq].clock for seq in truth] == [
        *("synced", "bounded", "bounded", "corrected", "synced"),
    ]
    for seq in (2, 3):
        told = sink.sales[seq]
        after, before = unix_ms(told.sold_after or ""), unix_ms(told.sold_before or "")
        assert after is not None
        assert before is not None
        assert after <= truth[seq] <= before
        assert after <= (unix_ms(told.sold_at) or 0) <= before
    for seq in (1, 4, 5):
        assert abs((unix_ms(sink.sales[seq].sold_at) or 0) - truth[seq]) < NEAR_MS

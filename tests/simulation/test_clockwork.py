"""The loop: time is a number, order is kept, and nobody waits for ever without its being said."""

import asyncio
import contextvars
from random import Random

import pytest
from simulation import clockwork
from simulation.clockwork import TICK_S, Clockwork, RestlessError, StandstillError
from simulation.process import PROCESS, Computer, Process

YEAR_S = 365 * 86_400.0


def pass_s(loop: Clockwork, seconds: float) -> None:
    loop.call_later(seconds, loop.stop)
    loop.run_forever()


def test_time_leaps_to_whoever_waits(loop: Clockwork) -> None:
    assert loop.time() == 0
    loop.run_until_complete(asyncio.sleep(100 * YEAR_S))
    assert loop.time() == 100 * YEAR_S


@pytest.mark.parametrize("seed", range(20))
def test_timers_come_in_order_of_time_and_of_setting_where_that_is_the_same(
    loop: Clockwork, seed: int
) -> None:
    times = [float(Random(f"{seed} {n}").randint(1, 9)) for n in range(60)]
    came: list[tuple[float, int]] = []
    for number, when in enumerate(times):
        loop.call_at(when, lambda number=number: came.append((loop.time(), number)))
    pass_s(loop, 10)
    assert came == sorted((when, number) for number, when in enumerate(times))


def test_what_is_due_at_once_comes_before_any_timer_and_in_order(loop: Clockwork) -> None:
    came: list[str] = []

    def first() -> None:
        came.append("first")
        loop.call_soon(came.append, "its own")

    loop.call_later(0, came.append, "a tick later")
    loop.call_soon(first)
    loop.call_soon(came.append, "second")
    loop.call_soon_threadsafe(came.append, "third")
    pass_s(loop, 1)
    assert came == ["first", "second", "third", "its own", "a tick later"]


def test_what_was_cancelled_never_comes_and_time_does_not_stop_for_it(loop: Clockwork) -> None:
    came: list[float] = []
    at_once = loop.call_soon(came.append, 0.0)
    soon = loop.call_at(5, came.append, 5.0)
    loop.call_at(3, lambda: came.append(loop.time()))
    loop.call_at(7, lambda: came.append(loop.time()))
    later = loop.call_at(7, came.append, 7.5)
    loop.call_at(3, later.cancel)
    at_once.cancel()
    soon.cancel()
    pass_s(loop, 10)
    assert came == [3, 7]


def test_one_timer_can_still_cancel_another_that_is_due_with_it(loop: Clockwork) -> None:
    came: list[str] = []
    timers: list[asyncio.TimerHandle] = []

    def end_the_other() -> None:
        timers[0].cancel()

    loop.call_at(1, end_the_other)
    timers.append(loop.call_at(1, came.append, "second"))
    pass_s(loop, 2)
    assert came == []


def test_a_timer_of_the_past_comes_at_once_and_time_never_goes_back(loop: Clockwork) -> None:
    pass_s(loop, 10)
    came: list[float] = []
    loop.call_at(3, lambda: came.append(loop.time()))
    loop.call_later(-3, lambda: came.append(loop.time()))
    pass_s(loop, 1)
    assert came == [10, 10]


def test_who_asks_again_and_again_whether_time_has_passed_gets_there(loop: Clockwork) -> None:
    async def story() -> None:
        while loop.time() < 3 * TICK_S:
            await asyncio.sleep(0)

    loop.run_until_complete(story())
    assert loop.time() == pytest.approx(3 * TICK_S)


def test_tasks_time_outs_and_queues_are_asyncios_own(loop: Clockwork) -> None:
    async def story() -> list[object]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        loop.call_later(2, queue.put_nowait, 7)
        told: list[object] = [await queue.get(), loop.time()]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await queue.get()
        return [*told, loop.time(), *await asyncio.gather(asyncio.sleep(9, "a"), asyncio.sleep(1))]

    assert loop.run_until_complete(story()) == [7, 2, 62, "a", None]
    assert loop.time() == 71


def test_what_a_thread_would_do_is_done_at_once_and_known_a_step_later(loop: Clockwork) -> None:
    done: list[int] = []

    async def story() -> object:
        turn = loop.run_in_executor(None, done.append, 1)
        assert done == [1]
        assert not turn.done()
        await turn
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        return await asyncio.to_thread(divmod, 7, 2)

    assert loop.run_until_complete(story()) == (3, 1)
    assert loop.time() == 0


def test_what_the_world_does_is_nobodys_step(loop: Clockwork) -> None:
    whose: list[object] = []
    process = Process("one", Computer("pi"))

    async def work() -> None:
        loop.call_later(1, lambda: whose.append(PROCESS.get()))
        loop.by_the_world(2, lambda: whose.append(PROCESS.get()))
        loop.call_later(3, lambda: whose.append(PROCESS.get()), context=contextvars.Context())

    async def story() -> None:
        await process.begin(work)
        await asyncio.sleep(5)

    loop.run_until_complete(story())
    assert whose == [process, None, None]


def test_where_nothing_will_ever_happen_it_is_said(loop: Clockwork) -> None:
    pass_s(loop, 4.5)
    loop.call_later(30, bool).cancel()
    with pytest.raises(StandstillError, match=r"at 4\.500 s"):
        loop.run_until_complete(loop.create_future())


def test_where_time_does_not_go_on_it_is_said(
    loop: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clockwork, "RESTLESS", 500)

    async def in_a_circle(rests_s: float) -> None:
        while loop.time() < 2000:
            await asyncio.sleep(rests_s)

    loop.run_until_complete(in_a_circle(1.0))
    before = loop.time()
    loop.call_soon(around := lambda: loop.call_soon(around))
    with pytest.raises(RestlessError, match=f"at {before:.3f} s: .*lambda"):
        pass_s(loop, 1)


def test_a_crowd_at_one_instant_is_not_restless(
    loop: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clockwork, "RESTLESS", 500)
    came: list[int] = []
    for number in range(5000):
        loop.call_soon(came.append, number)
    pass_s(loop, 1)
    assert came == list(range(5000))

import asyncio
import threading

import pytest

from edge.checks.patience import within


async def test_what_a_call_returns_comes_back() -> None:
    assert await within(10, lambda one, two: one + two, 1, two=2) == 3


async def test_what_a_call_raises_is_raised_here() -> None:
    with pytest.raises(FileNotFoundError):
        await within(10, open, "/none/such")


async def test_a_call_that_never_ends_is_given_up_and_keeps_nobody_from_ending() -> None:
    stop = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            await within(0.05, stop.wait)
        waiting = [each for each in threading.enumerate() if each.name == "check"]
        assert waiting
        assert all(each.daemon for each in waiting)
    finally:
        stop.set()


async def test_two_calls_are_waited_for_at_the_same_time() -> None:
    meeting = threading.Barrier(2)
    await asyncio.gather(within(10, meeting.wait), within(10, meeting.wait))
    assert not meeting.broken

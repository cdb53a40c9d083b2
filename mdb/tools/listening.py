"""Listening to a tap until it ends or the user has heard enough: what `watch` and `record` share."""

import argparse
import asyncio
import logging
import signal as signals
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from mdb.byte import Signal
from mdb.taps import Tap, open_tap
from mdb.tools.mistake import MistakeError

SILENCE_S: Final = 5.0
_BREATHE_EVERY: Final = 256
"""A tap that never waits, as a capture played at once, must not keep Ctrl-C from being heard."""

TAP_HELP: Final = (
    "where bytes come from, such as qibixx:/dev/ttyACM0 or replay:capture.mdb;"
    " `python -m mdb wiring` tells how each is connected"
)


class TapFailedError(Exception):
    """A tap that had been opened gave up; the message says which and why."""


class Silence:
    """Notices that nothing was heard for a while; tells it once. All times are of one clock."""

    def __init__(self, limit_s: float, now: float) -> None:
        self._limit_s = limit_s
        self._since = now
        self._told = False

    def heard(self, now: float) -> float | None:
        """A byte came: how long it had been silent, if that had been told."""
        lasted = now - self._since if self._told else None
        self._since, self._told = now, False
        return lasted

    def length(self, now: float) -> float:
        """Seconds since the last byte, or since listening began."""
        return now - self._since

    def look(self, now: float) -> bool:
        """Whether it is time to say that nothing is heard."""
        if self._told or self.length(now) < self._limit_s:
            return False
        self._told = True
        return True


def silence_words(tap: str, limit_s: float) -> str:
    """What to say about a silence, and what to do about it."""
    scheme = tap.partition(":")[0]
    return (
        f"nothing heard for {limit_s:g} s: is the machine on, and is the tap on the right pins?"
        f" `python -m mdb wiring {scheme}` tells what to check"
    )


def above_zero(told: str) -> float:
    """An option's number: more than none."""
    try:
        number = float(told)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{told!r} is no number above 0, such as 5 or 0.5")
    return number


def open_named(name: str) -> Tap:
    """The tap of a name.

    Raises:
        MistakeError: there is none of that name, or what it names cannot be opened.
    """
    try:
        return open_tap(name)
    except (ValueError, OSError) as error:
        raise MistakeError(f"{name}: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """What taps log, for example that a port was lost and found again, is told to the person."""
    log, told = logging.getLogger("mdb"), _Told(say)
    level = log.level
    log.addHandler(told)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(told)
        log.setLevel(level)


class _Told(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


async def listen(
    tap: Tap, take: Callable[[Signal], None], tick: Callable[[], Awaitable[None]], every_s: float
) -> None:
    """Hand every signal to `take`, and call `tick` at intervals; until the tap ends, or Ctrl-C.

    Raises:
        TapFailedError: the tap gave up.
    """
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    for each in (signals.SIGINT, signals.SIGTERM):
        loop.add_signal_handler(each, enough.set)
    tasks = [
        asyncio.create_task(_pump(tap, take)),
        asyncio.create_task(_tick(tick, every_s)),
        asyncio.create_task(_wait(enough)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _pump(tap: Tap, take: Callable[[Signal], None]) -> None:
    waiting, count = aiter(tap), 0
    while True:
        try:
            signal = await anext(waiting)
        except StopAsyncIteration:
            return
        except OSError as error:
            raise TapFailedError(f"the tap gave up: {error.strerror or error}") from error
        take(signal)
        count += 1
        if not count % _BREATHE_EVERY:
            await asyncio.sleep(0)


async def _tick(tick: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await tick()


async def _wait(enough: asyncio.Event) -> None:
    await enough.wait()

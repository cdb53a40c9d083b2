"""The clockwork: an event loop whose time is a number, and in which whole processes can die.

Time stands still while anything can run, and then leaps to the next timer: a day takes as long as
what happens in it. Everything that runs belongs to a process or to the world around them. What a
dead process still had to do is dropped, exactly as the kernel drops it: no `finally`, no goodbye.
"""

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from simulation.process import PROCESS, Process

TICK_S: Final = 1e-6
CREEPS: Final = 100
RESTLESS: Final = 200_000
"""So many steps at one instant: somebody runs in a circle."""


class StandstillError(Exception):
    """Nothing will ever happen again, and somebody still waits."""


class RestlessError(Exception):
    """Time does not go on."""


class Clockwork(asyncio.BaseEventLoop):
    """Virtual time, in seconds since the world began."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._due: deque[asyncio.Handle] = deque()
        self._at_once = 0
        self.network: Any = None
        """Who carries connections; see `simulation.network`."""
        self.remembered: list[object] = []
        """Tasks of the dead: if they were forgotten, their `finally` would run."""

    def time(self) -> float:
        return self._now

    # What asyncio asks of a loop. --------------------------------------------------------------

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._due.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._turns += 1
        heapq.heappush(self._timers, (when, self._turns, handle))
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + max(0.0, delay), callback, *args, context=context)

    def by_the_world(
        self, delay: float, callback: Callable[..., object], *args: Any
    ) -> asyncio.TimerHandle:
        """As `call_later`, in nobody's name: it comes whoever dies."""
        return self.call_later(delay, callback, *args, context=contextvars.Context())

    def create_task(self, coro: Any, **told: Any) -> "asyncio.Task[Any]":
        task = super().create_task(coro, **told)
        process = PROCESS.get()
        if process is not None:
            process.tasks.append(task)
        return task

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """There are no threads: it is done at once, and known a step later."""
        if executor is not None:
            return asyncio.wrap_future(executor.submit(func, *args), loop=self)
        done: Future[Any] = Future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001, it is its caller's
            done.set_exception(error)
        return asyncio.wrap_future(done, loop=self)

    async def create_connection(
        self, factory: Any, host: Any = None, port: Any = None, **_: Any
    ) -> Any:
        return await self.network.connect(factory, str(host), int(port))

    async def create_server(
        self, factory: Any, host: Any = None, port: Any = None, **_: Any
    ) -> Any:
        return self.network.listen(factory, str(host), int(port))

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """It is passed by when its time comes."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a system call."""

    def _process_events(self, _events: object) -> None:
        """There are none."""

    def _run_once(self) -> None:
        if not self._due:
            self._leap()
        for _ in range(len(self._due)):
            self._step(self._due.popleft())
        self._at_once += 1
        if self._at_once % CREEPS == 0:
            self._now += TICK_S  # work takes time: who waits for the smallest part of it gets there
        if self._at_once > RESTLESS:
            raise RestlessError(f"at {self._now:.3f} s: {self._due[0] if self._due else ''}")

    def _leap(self) -> None:
        """To the next timer, and all that are due with it."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            raise StandstillError(f"at {self._now:.3f} s")
        if self._timers[0][0] > self._now:
            self._now = self._timers[0][0]
            self._at_once = 0
        while self._timers and self._timers[0][0] <= self._now:
            handle = heapq.heappop(self._timers)[2]
            if not handle.cancelled():
                self._due.append(handle)

    def _step(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        process: Process | None = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is None or process.may_step(handle):
            handle._run()

    def resume(self, handles: list[asyncio.Handle]) -> None:
        """What was due while its process stood still: before whatever has become due since."""
        self._due.extendleft(reversed(handles))

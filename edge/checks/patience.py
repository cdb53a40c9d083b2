"""Patience: a call that may block (a name server, a broker, a card) is waited for only so long.

It runs in a daemon thread: one that never comes back must not keep the command from ending.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def within(seconds: float, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What the call returns or raises.

    Raises:
        TimeoutError: it took longer; it goes on by itself, and nobody looks at what it brings.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[R] = loop.create_future()

    def settle(result: R | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def run() -> None:
        result, failed = None, None
        try:
            result = call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001, it is raised where it is waited for
            failed = error
        try:
            loop.call_soon_threadsafe(settle, result, failed)
        except RuntimeError:
            return  # nobody waits any more

    threading.Thread(target=run, name="check", daemon=True).start()
    async with asyncio.timeout(seconds):
        return await done

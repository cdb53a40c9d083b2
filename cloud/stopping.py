"""Stopping: work that runs until a signal says enough, and then ends, whatever it is doing."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any, Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LAST_S: Final = 4.0


def run(work: Coroutine[Any, Any, int], *, by_force: bool = False) -> int:
    """Run to the work's exit status, or to 0 if it was told to stop.

    Args:
        work: is cancelled by SIGTERM, SIGINT or SIGHUP, once.
        by_force: leave without it if it has not ended ``LAST_S`` seconds later: something in it
            waits in a thread, where nothing can be cancelled (a name that does not resolve). For
            what may be killed at any time and leaves no processes behind.
    """
    last = threading.Timer(LAST_S, _leave)
    last.daemon = True
    try:
        return asyncio.run(_until_told(work, last if by_force else None))
    finally:
        last.cancel()


async def _until_told(work: Coroutine[Any, Any, int], last: threading.Timer | None) -> int:
    running = asyncio.ensure_future(work)

    def stop() -> None:
        running.cancel()
        if last is not None and not last.is_alive():
            with contextlib.suppress(RuntimeError):  # told again, when it is over
                last.start()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        return await running
    return 0


def _leave() -> None:
    sys.stderr.write(f"chekomat-cloud: did not end in {LAST_S:g} s; left as it was\n")
    sys.stderr.flush()
    os._exit(0)

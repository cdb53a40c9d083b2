"""A bell: rung when something changed, heard by all who wait. It carries nothing.

    heard = bell.listen()      before looking, so that no ring is missed
    … look at the store …
    await bell.wait(heard, 5)

A process that does not ring is heard of by the time limit: several may share a store.
"""

import asyncio


class Bell:
    """Wakes waiters in this process."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who listens."""
        self._next.set()
        self._next = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """The next ring, from now on."""
        return self._next

    async def wait(self, ring: asyncio.Event, most_s: float) -> None:
        """Until it rings, or so many seconds."""
        try:
            async with asyncio.timeout(most_s):
                await ring.wait()
        except TimeoutError:
            return

"""A bell: rung when something changed, heard by all who wait. It carries nothing.

    heard = bell.listen()      before looking, so that no ring is missed
    … look at the store …
    await bell.wait(heard, 5)

A process that does not ring is heard of by the time limit: several may share a store. Where its
rings are carried to the others (`cloud.store.ringing`), an echo of theirs rings here and goes no
further.
"""

import asyncio


class Bell:
    """Wakes waiters in this process."""

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self.rung = asyncio.Event()
        """It was rung in this process; whoever carries it on clears it."""

    def ring(self) -> None:
        """Wake everybody who listens."""
        self.rung.set()
        self.echo()

    def echo(self) -> None:
        """Wake everybody who listens here: another process rang."""
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

"""The note lane: evidence and incidents go up behind the sales, and again until they are noted."""

from collections.abc import Callable
from typing import Final

from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.window import Window
from edge.wire import Channel, Noted

SIZE: Final = 10


class NoteLane:
    """One machine's notes on their way to the cloud."""

    def __init__(
        self, outbox: Outbox, disk: Disk, publish: Callable[[Channel, bytes], object]
    ) -> None:
        self._outbox = outbox
        self._disk = disk
        self._publish = publish
        self._window = Window(size=SIZE)

    def restart(self) -> None:
        """A new connection or a new cloud: begin with the oldest."""
        self._window.restart()

    def next_deadline(self, now: float) -> float | None:
        """Seconds until one is due again; None if none is on its way."""
        return self._window.next_deadline(now)

    async def noted(self, noted: Noted, at: int | None, now: float) -> None:
        """The cloud has these."""
        if noted.epoch != self._outbox.epoch:
            return  # of an outbox before this one: its notes were taken over under new numbers
        await self._disk.insist(self._outbox.notes.noted, noted.numbers, at, noted.epoch)
        self._window.acknowledged(noted.numbers, (), now)

    async def send(self, now: float) -> None:
        """Publish what is due, and as many more as there is room for."""
        for number in self._window.due(now):
            if number not in await self._send(number - 1, 1, now):
                self._window.acknowledged((number,), (), now)
        if room := self._window.room(now):
            await self._send(self._window.highest, room, now)

    async def _send(self, after: int, most: int, now: float) -> set[int]:
        notes = await self._disk.insist(self._outbox.notes.open, after, most)
        for note in notes:
            self._publish(note.channel, note.body)
            self._window.sent(note.number, now)
        return {note.number for note in notes}

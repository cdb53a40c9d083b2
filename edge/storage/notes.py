"""Notes: what the cloud has to know that is no sale. Evidence of showings, and incidents.

- A note rides along with the next commit, but for an incident, which is committed.
- It is repeated until the cloud's `noted` names its number.
"""

from contextlib import suppress
from typing import NamedTuple

import msgspec

from edge.storage.file import File
from edge.storage.trouble import sound
from edge.wire import Channel, Incident, Shown, encode

CHANNELS = {Shown: Channel.SHOWN, Incident: Channel.INCIDENT}


class OpenNote(NamedTuple):
    """A note that the cloud does not have."""

    number: int
    channel: Channel
    body: bytes


class Notes:
    """The notes of one outbox, numbered from one."""

    def __init__(self, file: File, epoch: str) -> None:
        self.turn_to(file, epoch)

    def turn_to(self, file: File, epoch: str) -> None:
        """From now on these are the notes of another file, which took the place of a damaged one."""
        self._file = file
        self._epoch = epoch
        self._first_riding = (0, 0)
        """The first that was written since a commit: how many commits there were, its number."""

    def put_showing(self, shown: Shown) -> None:
        """Keep evidence; on the disk with the next commit. Epoch and number are given here."""
        self._put(shown)

    def put_riding(self, incident: Incident) -> None:
        """Keep an incident in a commit of the caller's."""
        self._put(incident)

    def put_incident(self, incident: Incident) -> None:
        """Commit an incident; its epoch and number are given here."""
        with self._file.committed():
            self._put(incident)

    def put_again(self, tail: str, body: bytes) -> None:
        """Take a note over from a damaged outbox, under a new number; one that is none is left."""
        kinds = {channel.tail: kind for kind, channel in CHANNELS.items()}
        with suppress(KeyError, msgspec.MsgspecError):
            self._put(msgspec.json.decode(body, type=kinds[tail]))

    def open(self, after: int, most: int) -> list[OpenNote]:
        """The oldest that are safe and that the cloud has not noted, beyond the number `after`.

        One that still rides along is not told yet: after a power cut another would have its number.
        """
        commits, first = self._first_riding
        before = first if commits == self._file.commits and self._file.riding and first else None
        rows = self._file.run("open_notes", after=after, before=before, most=most)
        by_tail = {channel.tail: channel for channel in CHANNELS.values()}
        return [
            OpenNote(number, by_tail[tail], body) for number, tail, body in rows if tail in by_tail
        ]

    def pending(self) -> int:
        """How many the cloud has not noted."""
        return int(self._file.one("count_notes")[0])

    def noted(self, numbers: tuple[int, ...], at: int | None, epoch: str | None = None) -> None:
        """The cloud has these, at its Unix time `at` if that is known; kept with the next commit.

        `epoch` is that of the numbers: of an outbox that was mended meanwhile they are no longer.
        """
        if epoch not in {None, self._epoch}:
            return
        self._file.run("noted", numbers=msgspec.json.encode(numbers).decode(), at=at)

    def incidents(self, most: int) -> list[Incident]:
        """The newest incidents, newest first."""
        rows = self._file.run("incidents", most=most)
        return sound((body for (body,) in rows), Incident)

    def showings(self, most: int) -> list[Shown]:
        """Those among so many of the newest notes, oldest first; one that rotted is left out."""
        rows = self._file.run("last_showings", most=most)
        return sound((body for (body,) in rows), Shown)

    def _put(self, note: Shown | Incident) -> None:
        number = self._file.one("last_note")[0] + 1
        named = msgspec.structs.replace(note, epoch=self._epoch, number=number)
        if self._first_riding[0] != self._file.commits or not self._file.riding:
            self._first_riding = (self._file.commits, number)
        tail = CHANNELS[type(note)].tail
        self._file.run("put_note", number=number, channel=tail, body=encode(named))

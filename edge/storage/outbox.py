"""The outbox: sales on disk before anything else happens with them.

- `put` returns when the sale is on the disk.
- Nothing unacknowledged is ever deleted; the schema refuses.
- Acknowledgements ride along with the next commit: losing them costs a repetition.
- A sale is told the same way each time. Where the clock was wrong, how it is told is settled once.
- A file that is deleted or replaced while it is in use is put back, with all that was kept in it.
- Sales that were salvaged from a damaged file come first, under the epoch they were made in.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from edge.anchors import Anchor
from edge.errors import StartError
from edge.storage.file import Folder
from edge.storage.memory import Memory
from edge.storage.notes import Notes
from edge.storage.salvage import put_back, salvage
from edge.storage.trouble import DamagedError, is_full, sound
from edge.wire import Ack, Incident, Receipt, Sale, encode

log = logging.getLogger(__name__)

T = TypeVar("T", bound=msgspec.Struct)

KEPT_S: Final = 60 * 86400
"""How long an acknowledged sale stays, for disputes; by the cloud's clock alone."""
MOST_STRAYS: Final = 1000
"""Receipts that are kept of sales that are not here: of an earlier card, or lost with a page."""
AT_ONCE: Final = 500
"""Rows that one commit deletes or re-times, at most: the disk has others to serve."""


class OpenSale(NamedTuple):
    """A sale that the cloud does not have: its place in the file, and what to publish.

    `untimed`: its clock was not right and it has never been published; how it is told is open.
    """

    place: int
    body: bytes
    untimed: bool = False


class Outbox:
    """Everything the machine must not forget, in one SQLite file."""

    def __init__(
        self, path: Path, epoch: str, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Open or create; `epoch` names the outbox if it is new.

        A damaged file is set aside and salvaged into a new one; `salvaged` says how that went, until
        it is told. That may take minutes: `meanwhile` is called every second or so, also from `mend`
        and then in the thread that mends. It must not raise.

        Raises:
            StartError: the disk, the folder or another agent is in the way.
        """
        self._path = path
        self._meanwhile = meanwhile
        self._folder = Folder(path.parent)
        try:
            self._file = salvage(path, epoch, meanwhile=meanwhile)
            try:
                self.notes = Notes(self._file, epoch)
                self.memory = Memory(self._file)
                self._look()
            except BaseException:
                self._file.abandon()
                raise
        except BaseException:
            self._folder.unlock()
            raise

    def mend(self, epoch: str, reason: str = "it could not be written") -> None:
        """Begin anew: reading or writing found that the file is damaged, though it may open.

        One that was deleted or replaced is put back first: nothing of it is lost.

        The places of sales and the numbers of notes are others from then on. Until it is done,
        every verb says that the disk refuses.

        Raises:
            sqlite3.OperationalError: the disk or the folder is in the way; nothing is lost, try again.
            sqlite3.DatabaseError: the new file is damaged as well: the card is beyond help.
        """
        try:
            self._put_back()
            self._file.abandon()
            self._file = salvage(self._path, epoch, reason, self._meanwhile)
        except DamagedError as error:
            raise sqlite3.DatabaseError(str(error)) from error
        except StartError as error:
            refused = sqlite3.OperationalError(str(error))
            if is_full(error):
                refused.sqlite_errorname = "SQLITE_FULL"
            raise refused from error
        self._look()

    def _put_back(self) -> None:
        if self._file.is_adrift:
            self._folder.hold()
            put_back(self._path, self._file, self._meanwhile)

    def _look(self) -> None:
        """Read what is known by heart from here on."""
        self.epoch: str
        self._base: int
        self.salvaged: str | None
        epoch, self._base, self.salvaged = self._file.one("identity")
        self.last_place: int = self._file.one("last_place")[0]
        self.notes.turn_to(self._file, epoch)
        self.memory.turn_to(self._file)
        self.anchors: Sequence[Anchor] = self.memory.anchors()
        """As they were when the file was opened."""
        self.epoch = epoch

    def tell_salvage(self, incident: Incident) -> None:
        """Commit the incident that says how a salvage went: `salvaged` has been told.

        Not so where the outbox was mended again meanwhile: then that has its own story.
        """
        story = self.salvaged or ""
        told = story.startswith(incident.text)
        with self._file.committed():
            if told:
                self._file.run("salvage_told", story=story)
            self.notes.put_riding(incident)
        if told:
            self.salvaged = None

    @property
    def rollbacks(self) -> int:
        """How many commits failed: what the cloud acknowledged just before may be open again."""
        return self._file.rollbacks

    @property
    def next_seq(self) -> int:
        """The seq of the next sale."""
        return self.last_place - self._base + 1

    def put(self, sale: Sale, ends: int | None = None) -> OpenSale:
        """Commit a sale, whose `seq` is `next_seq`, and with it the end of an intent at `ends`.

        Raises:
            sqlite3.OperationalError: the disk refuses; nothing has changed.
        """
        if self._base and (again := self._found(sale, ends)):
            return again
        place, untimed = self._base + sale.seq, sale.clock == "unsynced"
        body = encode(sale)
        with self._file.committed():
            self._file.run(
                "put_sale",
                place=place,
                epoch=sale.epoch,
                seq=sale.seq,
                sale_id=sale.sale_id,
                body=body,
                untimed=untimed,
            )
            if ends is not None:
                self._file.run("drop_intent", address=ends)
        self.last_place = place
        return OpenSale(place, body, untimed)

    def _found(self, sale: Sale, ends: int | None) -> OpenSale | None:
        """A sale whose commit failed on a damaged file, and that was salvaged from it all the same."""
        row = self._file.run("place_of", sale_id=sale.sale_id).fetchone()
        known = _read(row[1], Sale) if row else None
        if (
            known is None
            or msgspec.structs.replace(sale, epoch=known.epoch, seq=known.seq) != known
        ):
            return None
        if ends is not None:
            self.memory.drop_intent(ends)
        return OpenSale(row[0], row[1], bool(row[2]))

    def ask(self, address: int, incident: Incident) -> None:
        """Commit that an approval's end was not heard: its intent is an incident from now on."""
        with self._file.committed():
            self._file.run("drop_intent", address=address)
            self.notes.put_riding(incident)

    def open_sales(self, after: int, most: int) -> list[OpenSale]:
        """The oldest unacknowledged sales beyond the place `after`."""
        rows = self._file.run("open_sales", after=after, most=most)
        return [OpenSale(place, body, bool(untimed)) for place, body, untimed in rows]

    def pending(self) -> tuple[int, Sale | None]:
        """How many sales the cloud does not have, and the oldest of them if it can be read."""
        count, place = self._file.one("count_open")
        if place is None:
            return count, None
        return count, _read(self._file.one("sale_at", place=place)[0], Sale)

    def oldest_seq(self) -> int | None:
        """The lowest unacknowledged seq of this epoch."""
        for place, _, _ in self._file.run("open_sales", after=self._base, most=1):
            return int(place) - self._base
        return None

    def sale(self, sale_id: str) -> Sale | None:
        """A sale of this outbox."""
        row = self._file.run("sale", sale_id=sale_id).fetchone()
        return _read(row[0], Sale) if row else None

    def knows(self, ack: Ack) -> bool:
        """Whether it can be about this outbox: a seq that was never given is another's."""
        if ack.epoch != self.epoch:
            return self._base > 0
        return max((ack.upto, *(last for _, last in ack.also))) < self.next_seq

    def forgotten(self, ack: Ack) -> bool:
        """Whether the cloud misses a sale of this epoch that it acknowledged before."""
        if ack.epoch != self.epoch:
            return False
        return bool(self._file.one("forgotten", base=self._base, missing=_json(ack.missing))[0])

    def acknowledge(
        self, ack: Ack, at: int | None, places: Sequence[int] = ()
    ) -> tuple[set[int], set[int]]:
        """The cloud has these, at its Unix time `at` in seconds; kept with the next commit.

        A missing one that was acknowledged before stays so: it may have its receipt already.
        Where the cloud names what it has stored, the ids count and no number: what it has under a
        number may be another sale, if an old card was put back. A number tells only what to say
        again.
        Returns which of these places are still open, and which of those the cloud says it misses.
        """
        if ack.stored is not None:
            told = {"epoch": ack.epoch, "stored": _json(ack.stored), "at": at}
            if self._file.run("acknowledge_by_id", **told).rowcount < len(ack.stored):
                self._acknowledge_as_told(ack, at, places)
        else:
            self._acknowledge_numbers(ack, at)
        rows = list(self._file.run("still_open", places=_json(places)))
        says = ack.epoch == self.epoch or ack.stored is None
        missing = {
            place
            for place, epoch, seq in rows
            if says and epoch == ack.epoch and (seq <= ack.upto or seq in ack.missing)
        }
        return {place for place, _, _ in rows}, missing

    def _acknowledge_as_told(self, ack: Ack, at: int | None, places: Sequence[int]) -> None:
        """One whose body rotted on the card has the id that the cloud was told."""
        for place in places:
            for kept in self.open_sales(place - 1, 1):
                told = _read(kept.body, Sale) if kept.place == place else None
                if (
                    told is not None
                    and told.epoch == ack.epoch
                    and told.sale_id in (ack.stored or ())
                ):
                    self._file.run("acknowledge_place", place=place, at=at)

    def _acknowledge_numbers(self, ack: Ack, at: int | None) -> None:
        for first, last in ((1, ack.upto), *ack.also):
            span = {"first": first, "last": last, "missing": _json(ack.missing), "at": at}
            if ack.epoch == self.epoch:
                self._file.run("acknowledge", base=self._base, **span)
            elif self._base:
                self._file.run("acknowledge_salvaged", base=self._base, epoch=ack.epoch, **span)

    def untimed(self) -> list[tuple[int, Sale]]:
        """The oldest sales whose telling is open, with their places.

        One whose body rotted, or has come to be another sale's, is told as it is from now on.
        """
        while True:
            rows = self._file.run("untimed", most=AT_ONCE).fetchall()
            read = [(place, name, _read(body, Sale)) for place, name, body in rows]
            rotten = [place for place, name, each in read if each is None or each.sale_id != name]
            if not rotten:
                return [(place, each) for place, _, each in read if each is not None]
            with self._file.committed():
                for place in rotten:
                    self._file.run("tell_as_it_is", place=place)

    def tell(self, told: Sequence[tuple[int, Sale]]) -> None:
        """Commit how these sales are told from now on; one that is told already stays as it is.

        A place that is another sale's by now, after the outbox was mended, is left alone.
        """
        with self._file.committed():
            for place, sale in told:
                self._file.run("tell", place=place, sale_id=sale.sale_id, told=encode(sale))

    def last_sale(self) -> tuple[Sale, Receipt | None] | None:
        """The newest sale and its receipt, if it came."""
        row = self._file.run("last_sale").fetchone()
        if row is None:
            return None
        sale = _read(row[0], Sale)
        return None if sale is None else (sale, _read(row[1], Receipt) if row[1] else None)

    def unshown(self, most: int = 20) -> list[tuple[Sale, Receipt]]:
        """Of the newest sales those whose receipt is here, and no evidence that it was seen."""
        seen = dict[str, int]()
        for shown in self.notes.showings(10 * most):
            seen[shown.sale_id] = max(shown.rev, seen.get(shown.sale_id, 0))
        rows = self._file.run("last_receipts", most=most).fetchall()
        read = [(_read(sale, Sale), _read(told, Receipt)) for sale, told in rows]
        return [
            (sale, told)
            for sale, told in read
            if sale is not None and told is not None and sale.sale_id == told.sale_id
            if seen.get(told.sale_id, 0) < told.rev
        ]

    def receipt(self, sale_id: str) -> Receipt | None:
        """A sale's receipt, if it came."""
        row = self._file.run("receipt", sale_id=sale_id).fetchone()
        return _read(row[0], Receipt) if row else None

    def put_receipt(self, receipt: Receipt) -> bool:
        """Commit a receipt; False if this revision or a later one is here already."""
        with self._file.committed():
            row = self._file.run(
                "put_receipt", sale_id=receipt.sale_id, rev=receipt.rev, body=encode(receipt)
            ).fetchone()
            if row == (1,):
                self._file.run("forget_strays", most=MOST_STRAYS)
        return row is not None

    def forget(self, now: int) -> int:
        """Let go of some of what the cloud has had for sixty days; `now` is the cloud's time, s.

        What it has since a time that nobody knew, it has since now.
        """
        with self._file.committed():
            self._file.run("date", now=now, most=AT_ONCE)
            self._file.run("date_notes", now=now, most=AT_ONCE)
            gone = self._file.run("forget", before=now - KEPT_S, most=AT_ONCE).rowcount
            gone += self._file.run("forget_notes", before=now - KEPT_S, most=AT_ONCE).rowcount
        return gone

    def keep_what_rides_along(self) -> bool:
        """Commit what waits for the next commit; False if nothing does.

        Raises:
            sqlite3.DatabaseError: the file is damaged, deleted or replaced, also if nothing waits.
        """
        self._file.expect_in_place()
        if not self._file.riding:
            return False
        with self._file.committed():
            pass
        return True

    def close(self) -> None:
        """Commit what rides along, fold the log into the file, and let go; once."""
        try:
            self._put_back()
            self._file.close()
        except (sqlite3.Error, OSError, StartError) as error:
            # No sale is lost by that where the file is in its place: its log stays beside it.
            log.error("%s: not closed in order: %s", self._path, error)  # noqa: TRY400, one line
        finally:
            self._folder.unlock()


def _read(body: bytes, kind: type[T]) -> T | None:
    return next(iter(sound([body], kind)), None)


def _json(numbers_or_ids: Sequence[int | str]) -> str:
    return msgspec.json.encode(numbers_or_ids).decode()

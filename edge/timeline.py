"""The timeline: what this machine knows of the time of day, kept across restarts."""

import msgspec

from edge.anchors import Anchor, corrected, from_cloud, from_kernel, retimed, time_at
from edge.clock import Clock, Moment
from edge.storage.disk import Disk
from edge.storage.memory import MOST_ANCHORS
from edge.storage.outbox import Outbox
from edge.wire import Sale


class Timeline:
    """The anchors, and the clock they correct; itself a `Clock`."""

    def __init__(self, clock: Clock, outbox: Outbox, disk: Disk) -> None:
        self._clock = clock
        self._outbox = outbox
        self._disk = disk
        self._epoch = outbox.epoch
        self._anchors = list(outbox.anchors)

    def now(self) -> Moment:
        """This instant, its time of day as right as it can be known."""
        return self.look()[1]

    def boottime(self) -> float:
        """Seconds since the boot; only goes forward."""
        return self._clock.boottime()

    def look(self) -> tuple[Moment, Moment]:
        """This instant as the clock says it, and as right as it can be known."""
        raw = self._clock.now()
        self._take(from_kernel(raw, self._mine()))
        return raw, corrected(raw, self._anchors)

    def cloud_says(self, time: str) -> None:
        """The cloud has told the time: good enough where the machine does not know it."""
        self._take(from_cloud(time, self._clock.now(), self._mine()))

    @property
    def known(self) -> bool:
        """Whether the time of day is known in this boot."""
        raw = self._clock.now()
        boot, at = raw.boot_id, raw.boottime_ms
        return raw.quality == "synced" or time_at(boot, at, self._mine()) is not None

    def retimed(self, sale: Sale, place: int) -> Sale:
        """How a sale that was made under a wrong clock is told by what is known now."""
        return retimed(sale, place, self._mine())

    def _mine(self) -> list[Anchor]:
        """The anchors; of a mended outbox those that were salvaged, as its places are others."""
        if self._epoch != self._outbox.epoch:
            self._epoch = self._outbox.epoch
            self._anchors = list(self._outbox.anchors)
        return self._anchors

    def _take(self, anchor: Anchor | None) -> None:
        if anchor is not None:
            placed = msgspec.structs.replace(anchor, after=self._outbox.last_place)
            self._anchors.append(placed)
            del self._anchors[:-MOST_ANCHORS]
            self._disk.later(self._keep, placed)

    def _keep(self, anchor: Anchor) -> None:
        """In the disk's thread: the outbox may have been mended meanwhile, and be shorter."""
        after = min(anchor.after, self._outbox.last_place)
        self._outbox.memory.put_anchor(msgspec.structs.replace(anchor, after=after))

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from specimens import BOOT, sale

from edge.anchors import OFTEN_MS
from edge.clock import Moment, iso
from edge.storage.disk import Disk
from edge.storage.memory import MOST_ANCHORS
from edge.storage.outbox import Outbox
from edge.timeline import Timeline

NOW = 1_795_448_530_512
EPOCH, NEXT = "7f3a9c1e", "0badcafe"


WRONG = Moment(5, 1000, BOOT, "unsynced")


@dataclass
class SetClock:
    """A clock that a test sets."""

    moment: Moment = WRONG

    def now(self) -> Moment:
        return self.moment

    def boottime(self) -> float:
        return self.moment.boottime_ms / 1000

    def set(self, **changes: object) -> None:
        self.moment = replace(self.moment, **changes)  # type: ignore[arg-type]


@pytest.fixture
def disk() -> Iterator[Disk]:
    used = Disk()
    yield used
    used.close()


async def test_the_cloud_s_word_outlives_a_restart_and_dates_what_was_before_it(
    tmp_path: Path, disk: Disk
) -> None:
    file, clock = tmp_path / "outbox.sqlite", SetClock()
    with closing(Outbox(file, EPOCH)) as outbox:
        timeline = Timeline(clock, outbox, disk)
        assert (timeline.known, timeline.now()) == (False, clock.moment)
        early = sale(1, sold_at=clock.moment.iso, clock="unsynced", boottime_ms=1000)
        outbox.put(early)
        clock.set(boottime_ms=61_000)
        timeline.cloud_says(iso(NOW))
        raw, right = timeline.look()
        assert (raw.unix_ms, right.unix_ms, right.quality) == (5, NOW, "corrected")
        assert timeline.known
        await disk.do(bool)
    with closing(Outbox(file, NEXT)) as outbox:
        timeline = Timeline(clock, outbox, disk)
        clock.set(boottime_ms=62_000)
        assert timeline.now().unix_ms == NOW + 1000
        told = timeline.retimed(early, 1)
        assert (told.clock, told.sold_at, told.wall) == ("corrected", iso(NOW - 60_000), iso(5))
        assert [each.after for each in outbox.anchors] == [1]
        clock.set(boot_id="another", boottime_ms=9)
        assert not timeline.known


async def test_a_clock_that_is_right_is_believed_and_remembered(tmp_path: Path, disk: Disk) -> None:
    clock = SetClock(Moment(NOW, 1000, BOOT, "synced"))
    with closing(Outbox(tmp_path / "outbox.sqlite", EPOCH)) as outbox:
        timeline = Timeline(clock, outbox, disk)
        for _ in range(5):
            assert timeline.now() == clock.moment
        clock.set(quality="unsynced", unix_ms=7, boottime_ms=3000)
        assert timeline.now() == Moment(NOW + 2000, 3000, BOOT, "corrected")
        timeline.cloud_says(iso(NOW + 4000))
        timeline.cloud_says("no time")
        await disk.do(bool)
        assert len(outbox.memory.anchors()) == 1


async def test_it_keeps_no_more_anchors_in_memory_than_on_the_disk(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.timeline.MOST_ANCHORS", 3)
    clock = SetClock(Moment(NOW, 0, BOOT, "synced"))
    with closing(Outbox(tmp_path / "outbox.sqlite", EPOCH)) as outbox:
        timeline = Timeline(clock, outbox, disk)
        for hour in itertools.islice(itertools.count(), 6):
            clock.set(boottime_ms=hour * OFTEN_MS, unix_ms=NOW + hour * OFTEN_MS)
            timeline.now()
        assert len(timeline._anchors) == 3  # noqa: SLF001
        await disk.do(bool)
        assert MOST_ANCHORS >= len(outbox.memory.anchors()) == 6


async def test_after_a_salvage_the_places_are_those_of_the_new_outbox(
    tmp_path: Path, disk: Disk
) -> None:
    clock = SetClock(Moment(NOW, 1000, BOOT, "synced"))
    with closing(Outbox(tmp_path / "outbox.sqlite", EPOCH)) as outbox:
        for seq in (1, 2, 3):
            outbox.put(sale(seq))
        timeline = Timeline(clock, outbox, disk)
        timeline.now()
        await disk.do(bool)
        outbox._file.run("acknowledge", base=0, first=1, last=2, missing="[]", at=1)  # noqa: SLF001
        assert outbox.forget(2**40) == 2
        await disk.do(outbox.mend, NEXT)
        clock.set(boot_id="another")
        assert outbox.last_place == 1
        strange = sale(1, epoch=NEXT, clock="unsynced", boot_id="dark")
        told = timeline.retimed(strange, 2)
        assert (told.sold_after, told.sold_before) == (iso(NOW), None)
        assert timeline.retimed(strange, 1).sold_before == iso(NOW)


async def test_a_closed_disk_does_not_stop_the_clock(tmp_path: Path) -> None:
    disk = Disk()
    disk.close()
    with closing(Outbox(tmp_path / "outbox.sqlite", EPOCH)) as outbox:
        clock = SetClock(Moment(NOW, 1000, BOOT, "synced"))
        assert Timeline(clock, outbox, disk).now() == clock.moment

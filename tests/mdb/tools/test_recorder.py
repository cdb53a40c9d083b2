import gzip
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mdb import Signal, read_trace
from mdb.heading import read_heading
from mdb.scaling import Scaling
from mdb.tools.recorder import Plan, Recorder
from mdb.tools.segments import Segments

BEGAN = datetime(2026, 11, 25, 15, 10, 48, tzinfo=UTC)
STORY = ["1.000000 > 12 12", "1.100000 < 00", "2.000000 > BREAK"]


class Desk:
    """A recorder, what it says, and a clock that moves a second each time it is looked at."""

    def __init__(self, folder: Path, **plan: int) -> None:
        self.folder = folder
        self.said: list[str] = []
        self._now = BEGAN
        made = Plan("MDB trace", plan.get("rotate", 10**6), plan.get("keep", 0), "pack" in plan)
        self.recorder = Recorder(Segments(folder / "bus.mdb"), made, self.said.append, self._clock)

    def _clock(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def take(self, *story: str) -> None:
        for signal in read_trace(story):
            self.recorder.take(signal)

    def written(self) -> list[str]:
        """Every line of every file."""
        files = sorted(self.folder.iterdir())
        texts = [
            gzip.decompress(each.read_bytes()).decode() for each in files if each.suffix == ".gz"
        ]
        texts += [each.read_text("utf-8") for each in files if each.suffix != ".gz"]
        return [line for text in texts for line in text.splitlines()]

    def blocks(self) -> list[str]:
        return [line for line in self.written() if not line.startswith("#")]


@contextmanager
def no_room_after(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def signals(lines: list[str]) -> list[Signal]:
    return list(read_trace(lines))


def test_what_was_taken_is_read_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take(*STORY)
    assert desk.recorder.close()
    assert desk.blocks() == STORY
    assert signals(desk.written()) == signals(STORY)


def test_the_head_says_who_and_when(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take(*STORY)
    desk.recorder.close()
    title, began, clock, *_, ended = desk.written()
    assert title == "# MDB trace"
    assert began == "# file 1, begun at 2026-11-25T15:10:49.000000Z"
    assert clock == "# at 1.000000 it was 2026-11-25T15:10:50.000000Z"
    assert ended == "# ended at 2026-11-25T15:10:51.000000Z"


def test_the_calendar_is_noted_every_hour(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take(*(f"{at}.0 > BREAK" for at in (10, 3609, 3610, 3700, 7209, 7211)))
    desk.recorder.close()
    noted = [line.split()[2] for line in desk.written() if " it was " in line]
    assert noted == ["10.000000", "3610.000000", "7211.000000"]


def test_a_clock_that_starts_anew_is_noted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take("90000 > BREAK", "1 > BREAK")
    desk.recorder.close()
    assert len([line for line in desk.written() if " it was " in line]) == 2


def test_a_silent_bus_leaves_nothing_open(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.take("1.000000 > 12 12")
    desk.recorder.write()
    assert desk.blocks() == []  # more bytes of this block may come
    desk.recorder.rest()
    desk.recorder.write()
    assert desk.blocks() == ["1.000000 > 12 12"]
    desk.recorder.close()


def test_a_full_file_is_followed_by_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path, rotate=200)
    story = [f"{at}.000000 > BREAK" for at in range(30)]
    desk.take(*story)
    assert desk.recorder.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 2
    assert desk.blocks() == story
    for file in files:
        head = file.read_text("utf-8").splitlines()[:3]
        assert head[0] == "# MDB trace"
        assert head[2].startswith(("# at ", "# ended"))


def test_the_next_file_tells_what_the_machine_told_at_its_start(tmp_path: Path) -> None:
    setup = ("0.1 > 11 00 02 00 00 00 13", "0.11 < 01 01 16 43 0A 02 0A 09 7A", "0.12 > 00")
    desk = Desk(tmp_path, rotate=200)
    desk.take(*setup, *(f"{at}.0 > 12 12" for at in range(1, 30)))
    assert desk.recorder.close()
    *_, last = sorted(tmp_path.iterdir())
    head = read_heading(last.read_text("utf-8").splitlines())
    assert head.context[0x10].scaling == Scaling(10, 2, "RUB", "1643")


def test_closed_files_are_compressed_and_old_ones_removed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, rotate=200, keep=2, pack=True)
    desk.take(*(f"{at}.000000 > BREAK" for at in range(60)))
    assert desk.recorder.close()
    assert [each.suffix for each in tmp_path.iterdir()] == [".gz", ".gz"]
    assert "59.000000 > BREAK" in desk.blocks()
    assert [line for line in desk.said if line.startswith("removed ")]


def test_a_full_disk_is_said_once_and_nothing_is_lost_if_it_is_short(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with no_room_after(150):
        desk.take(*STORY)
        assert not desk.recorder.write()
        desk.take("3.000000 > BREAK")
        assert not desk.recorder.write()
    assert len([line for line in desk.said if "File too large" in line]) == 1
    assert desk.recorder.write()
    desk.take("4.000000 > BREAK")
    assert desk.recorder.close()
    assert desk.blocks() == [*STORY, "3.000000 > BREAK", "4.000000 > BREAK"]
    (gap,) = [line for line in desk.written() if line.startswith("# gap")]
    assert gap.endswith("the disk refused (File too large); nothing is lost")
    assert "writing again; nothing is lost" in desk.said[-1]
    assert desk.recorder.lost == 0


def test_a_long_gap_costs_lines_and_says_how_many(tmp_path: Path) -> None:
    desk = Desk(tmp_path, rotate=10**9)
    many = 60_000
    with no_room_after(150):
        desk.take(*(f"{at}.000000 > BREAK" for at in range(many)))
        desk.recorder.write()
        desk.take("60000.000000 > BREAK")
    assert desk.recorder.write()
    desk.take("60001.000000 > BREAK")
    assert desk.recorder.close()
    lost = desk.recorder.lost
    assert 0 < lost < many
    (gap,) = [line for line in desk.written() if line.startswith("# gap")]
    noted = 17  # the calendar's time, once an hour, may be among what is lost
    assert gap.endswith(f"; {lost} lines are lost")
    assert many - lost <= len(desk.blocks()) <= many - lost + noted
    assert desk.blocks()[-1] == "60001.000000 > BREAK"


def test_a_recording_that_ends_on_a_full_disk_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with no_room_after(150):
        desk.take(*STORY)
        assert not desk.recorder.close()
    assert desk.said[-1].endswith("lines could not be written")
    assert desk.recorder.lost > 0


def test_where_no_next_file_can_be_made_this_one_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    desk = Desk(folder, rotate=200)
    moved = folder.rename(tmp_path / "moved")
    story = [f"{at}.000000 > BREAK" for at in range(15)]
    desk.take(*story)
    refused = [line for line in desk.said if "no next file (No such file or directory)" in line]
    assert refused
    assert len(refused) <= 2
    desk.folder = moved.rename(folder)
    assert desk.recorder.close()
    assert desk.blocks() == story


def test_no_first_file_no_recorder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Desk(tmp_path / "none")

import gzip
import os
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mdb.tools.mistake import MistakeError
from mdb.tools.segments import Segment, Segments, compress

BEGAN = datetime(2026, 11, 25, 15, 10, 48, tzinfo=UTC)


def made(segments: Segments, content: str = "") -> Path:
    segment = segments.create(BEGAN)
    pending = bytearray(content.encode())
    segment.write(pending)
    assert not pending
    segment.close()
    return segment.path


def test_names_have_a_number_and_the_time(tmp_path: Path) -> None:
    segments = Segments(tmp_path / "bus.mdb")
    assert [made(segments).name, made(segments).name] == [
        "bus-0001-20261125T151048Z.mdb",
        "bus-0002-20261125T151048Z.mdb",
    ]


def test_a_name_without_a_suffix_gets_ours(tmp_path: Path) -> None:
    assert Segments.named(tmp_path / "bus").base == tmp_path / "bus.mdb"
    assert Segments.named(tmp_path / "bus.txt").base == tmp_path / "bus.txt"


def test_numbers_go_on_after_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "bus-0041-20260101T000000Z.mdb.gz").touch()
    (tmp_path / "bus-9999-notours.mdb").touch()
    (tmp_path / "other-0077-20260101T000000Z.mdb").touch()
    assert made(Segments(tmp_path / "bus.mdb")).name.startswith("bus-0042-")


def test_numbers_may_outgrow_their_places(tmp_path: Path) -> None:
    segments = Segments(tmp_path / "bus.mdb")
    (tmp_path / "bus-9999-20260101T000000Z.mdb").touch()
    last = made(segments)
    assert last.name.startswith("bus-10000-")
    assert segments.existing()[-1] == last


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    """Another recorder took the number between our look and our open."""
    segments = Segments(tmp_path / "bus.mdb")
    first = made(segments, "1 > 12 12\n")

    class Blind(Segments):
        def _of(self, path: Path) -> int:
            return 0 if path == first else super()._of(path)

    second = made(Blind(segments.base), "2 > 12 12\n")
    assert first.read_text("utf-8") == "1 > 12 12\n"
    assert second.name.startswith("bus-0002-")


def test_the_newest_are_kept_compressed_or_not(tmp_path: Path) -> None:
    segments = Segments(tmp_path / "bus.mdb")
    paths = [made(segments) for _ in range(4)]
    paths[0] = compress(paths[0])
    (tmp_path / f"{paths[1].name}.gz.part").touch()  # killed while it compressed
    stranger = tmp_path / "bus-notes.mdb"
    stranger.touch()
    assert segments.keep(2) == paths[:2]
    assert sorted(tmp_path.iterdir()) == sorted([*paths[2:], stranger])
    assert segments.keep(5) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MistakeError, match=r"is a folder; name a file in it, such as .*bus\.mdb"):
        Segments.named(tmp_path)
    with pytest.raises(MistakeError, match="no such folder; make it first"):
        Segments.named(tmp_path / "none" / "bus.mdb")


def test_a_name_that_promises_gzip_is_refused_with_the_option_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(MistakeError, match=r"bus\.mdb and add --gzip"):
        Segments.named(tmp_path / "bus.mdb.gz")


def test_compressing_keeps_every_byte(tmp_path: Path) -> None:
    path = made(Segments(tmp_path / "bus.mdb"), "1 > 12 12\n" * 10_000)
    done = compress(path)
    assert list(tmp_path.iterdir()) == [done]
    assert gzip.decompress(done.read_bytes()).decode() == "1 > 12 12\n" * 10_000


def test_a_disk_that_refuses_the_gzip_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bus-0001-20261125T151048Z.mdb"
    path.write_bytes(os.urandom(100_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            compress(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_full_disk_did_not_take_stays_pending() -> None:
    full = Segment(Path("/dev/full"), 1, os.open("/dev/full", os.O_WRONLY))
    pending = bytearray(b"1 > 12 12\n")
    with pytest.raises(OSError, match="No space left on device"):
        full.write(pending)
    assert (pending, full.size) == (b"1 > 12 12\n", 0)
    full.close()


def test_a_part_that_was_taken_is_not_pending_any_more(tmp_path: Path) -> None:
    segment = Segments(tmp_path / "bus.mdb").create(BEGAN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    pending = bytearray(b"1 > 12 12\n2 > 12 12\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (13, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            segment.write(pending)
        assert (pending, segment.size) == (b" 12 12\n", 13)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    segment.write(pending)
    segment.sync()
    segment.close()
    assert segment.path.read_text("utf-8") == "1 > 12 12\n2 > 12 12\n"

import os
from pathlib import Path

import pytest

from edge import attachments
from edge.attachments import MOST_FILES, Attachments, part, parts_of
from edge.wire.orders import PART_BYTES


def write(kept: Attachments, command: str, size: int = 10, age: int = 0) -> Path:
    file = kept.begin(command, ".mdb.gz")
    file.write_bytes(bytes(size))
    # Files of one test are made within one tick of the disk's clock.
    os.utime(file, ns=(10**18 - age, 10**18 - age))
    return kept.keep(file)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_what_a_command_brought_is_found_by_its_id_once_it_is_whole(tmp_path: Path) -> None:
    kept = Attachments(tmp_path / "captures")
    assert kept.find("a1") is None
    file = kept.begin("a1", ".log.gz")
    file.write_bytes(b"half")
    assert kept.find("a1") is None
    assert kept.keep(file) == kept.find("a1") == tmp_path / "captures" / "a1.log.gz"
    assert kept.find("a") is None
    assert kept.find("a12") is None


def test_the_oldest_make_room_for_the_newest(tmp_path: Path) -> None:
    kept = Attachments(tmp_path)
    for number in range(MOST_FILES + 3):
        write(kept, f"c{number}", age=100 - number)
    assert names(tmp_path) == {f"c{number}.mdb.gz" for number in range(3, MOST_FILES + 3)}


def test_there_is_never_more_than_the_room_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MOST_BYTES", 100)
    kept = Attachments(tmp_path)
    for number, size in enumerate((60, 30, 30, 30)):
        write(kept, f"c{number}", size, age=100 - number)
    assert names(tmp_path) == {"c1.mdb.gz", "c2.mdb.gz", "c3.mdb.gz"}


def test_what_is_being_written_is_left_alone_by_other_commands(tmp_path: Path) -> None:
    kept = Attachments(tmp_path)
    long = kept.begin("long", ".mdb.gz")
    long.write_bytes(b"minutes of it")
    for number in range(MOST_FILES + 1):
        write(kept, f"c{number}", age=100 - number)
    assert long.read_bytes() == b"minutes of it"


def test_what_an_earlier_run_left_half_is_removed_at_the_start(tmp_path: Path) -> None:
    kept = Attachments(tmp_path)
    whole = write(kept, "whole")
    kept.begin("half", ".mdb.gz").write_bytes(b"?")
    Attachments(tmp_path).tidy()
    assert list(tmp_path.iterdir()) == [whole]
    Attachments(tmp_path / "none yet").tidy()


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, 1), (1, 1), (PART_BYTES, 1), (PART_BYTES + 1, 2), (3 * PART_BYTES - 1, 3)],
)
def test_the_parts_are_the_file(tmp_path: Path, size: int, parts: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(size))
    assert parts_of(file) == parts
    told = [part(file, number) for number in range(1, parts + 1)]
    assert b"".join(told) == file.read_bytes()
    assert max(map(len, told)) <= PART_BYTES

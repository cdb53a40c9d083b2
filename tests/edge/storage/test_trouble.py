import errno
import sqlite3
from pathlib import Path

import pytest
from specimens import sale

from edge.errors import StartError
from edge.storage.trouble import FullError, is_damage, is_full, sound, unusable
from edge.wire import Sale, encode


def test_a_full_disk_is_told_apart_and_says_what_to_do(tmp_path: Path) -> None:
    told = unusable(tmp_path / "x", OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(told, FullError)
    assert "make room (journalctl" in str(told)


def test_a_read_only_disk_says_what_to_do(tmp_path: Path) -> None:
    told = unusable(tmp_path / "x", OSError(errno.EROFS, "Read-only file system"))
    assert "a worn card makes itself so" in str(told)


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), sqlite3.OperationalError("no")])
def test_anything_else_is_the_disk_s_or_the_owner_s(tmp_path: Path, error: Exception) -> None:
    told = unusable(tmp_path / "deep" / "down" / "x", error)
    assert type(told) is StartError
    assert str(told).endswith("check the disk and the folder's owner")


def test_what_is_wrong_in_the_content_is_damage_and_nothing_else() -> None:
    with pytest.raises(sqlite3.OperationalError) as of_content:
        sqlite3.connect(":memory:").execute("SELECT * FROM nothing")
    assert is_damage(of_content.value)
    assert is_damage(sqlite3.DatabaseError("malformed"))
    assert is_damage(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "noise"))
    reader = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as of_text:
        reader.execute("SELECT CAST(x'ff' AS TEXT)").fetchone()
    assert is_damage(of_text.value)
    assert not is_damage(sqlite3.OperationalError("disk is full"))
    assert not is_damage(OSError("no"))


def test_only_a_full_disk_is_full(tmp_path: Path) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    assert not is_full(full)
    full.sqlite_errorname = "SQLITE_FULL"
    assert is_full(full)
    assert is_full(unusable(tmp_path / "x", full))
    assert not is_full(OSError(errno.EIO, "no"))


def test_bodies_that_rotted_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert sound([encode(sale(1)), b"\xff{", b"{}", encode(sale(2))], Sale) == [sale(1), sale(2)]
    assert caplog.text.count("Sale on the disk cannot be read") == 2

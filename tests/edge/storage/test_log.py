"""The log beside the file; what becomes of the sales in it is in test_salvage."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge.storage.log import Log, log_kept


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def names(file: Path) -> list[str]:
    return sorted(each.name for each in file.parent.iterdir())


@pytest.mark.parametrize("anyway", [False, True])
def test_a_log_that_goes_away_is_put_back_after_an_error_or_anyway(
    file: Path, *, anyway: bool
) -> None:
    log = file.with_name("outbox.sqlite-wal")
    log.write_bytes(b"frames")
    with suppress(KeyError), log_kept(file, anyway=anyway):
        log.unlink()
        if not anyway:
            raise KeyError
    assert (names(file), log.read_bytes()) == ([log.name], b"frames")


def test_a_log_that_goes_away_in_order_is_let_go(file: Path) -> None:
    log = file.with_name("outbox.sqlite-wal")
    log.write_bytes(b"frames")
    with log_kept(file):
        log.unlink()
    assert names(file) == []


def test_what_a_power_cut_left_of_the_last_time_is_settled_first(file: Path) -> None:
    log, kept = file.with_name("outbox.sqlite-wal"), file.with_name("outbox.sqlite-wal-kept")
    kept.write_bytes(b"frames")
    with log_kept(file):
        assert log.read_bytes() == b"frames"
    assert names(file) == [log.name]


def test_a_file_system_without_links_gets_a_copy(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    log = file.with_name("outbox.sqlite-wal")
    log.write_bytes(b"frames")
    with log_kept(file, anyway=True):
        log.unlink()
    assert log.read_bytes() == b"frames"


def test_a_new_file_needs_no_log_and_an_open_one_does(file: Path) -> None:
    new = Log(file)
    with closing(sqlite3.connect(file)) as made:
        made.execute("PRAGMA journal_mode = wal")
        made.execute("CREATE TABLE t (x)")
        new.prove_whole(made)
        new.mark_open(made)
        database = file.read_bytes()
        log = file.with_name("outbox.sqlite-wal").read_bytes()
    alone = file.with_name("alone.sqlite")
    alone.write_bytes(database)
    with pytest.raises(sqlite3.DatabaseError, match="not closed, and its log is lost"):
        Log(alone)
    alone.with_name("alone.sqlite-wal").write_bytes(log)
    Log(alone)
    alone.with_name("alone.sqlite-wal").write_bytes(log[:4] + b"x" + log[5:])
    with pytest.raises(sqlite3.DatabaseError, match="lost or damaged"):
        Log(alone)

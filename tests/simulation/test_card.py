"""The card: what a power cut, a full disk and a failing disk do to SQLite, and what they cannot do."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from shop import a_sale, id_of, sell
from simulation import vfs
from simulation.card import SECTOR, Card, Change, after_cut
from specimens import sale

from cloud.store import Store, migrate
from edge.errors import StartError
from edge.storage.outbox import Outbox
from edge.wire import Ack

EPOCH = "7f3a9c1e"
DRAWS = 4
ROWS = 3
COMMITS = 6


@pytest.fixture
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)
    assert vfs.errors == []


@pytest.fixture
def card(room: Path) -> Iterator[Card]:
    folder = room / "card"
    folder.mkdir()
    card = Card(folder)
    yield card
    card.released()


def opened(path: Path, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def commits(path: Path, done: list[int], *pragmas: str) -> None:
    """Commit after commit, each of some rows that do not fit into a page; `done` have returned."""
    with closing(opened(path, *pragmas)) as connection:
        connection.execute("CREATE TABLE story (n INTEGER, body BLOB)")
        done.append(0)
        for n in range(1, COMMITS):
            connection.execute("BEGIN")
            for _ in range(ROWS):
                connection.execute("INSERT INTO story VALUES (?, zeroblob(2000))", (n,))
            connection.execute("UPDATE story SET body = ? WHERE n = 1", (bytes([n]) * 2100,))
            connection.execute("COMMIT")
            done.append(n)


def found(path: Path) -> list[int]:
    """The commits that are there.

    Raises:
        sqlite3.DatabaseError: it is no database any more, or a commit is there in part.
    """
    with closing(opened(path)) as connection:
        (state,) = connection.execute("PRAGMA integrity_check").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return []
        rows = dict(connection.execute("SELECT n, count(*) FROM story GROUP BY n"))
        last = connection.execute("SELECT DISTINCT substr(body, 1, 1) FROM story WHERE n = 1")
        if set(rows.values()) - {ROWS} or (rows and last.fetchall() != [(bytes([max(rows)]),)]):
            raise sqlite3.DatabaseError("half a commit")
        return [0, *sorted(rows)]


def cut_everywhere(
    room: Path, story: Callable[[Path], None], stride: int = 1
) -> Iterator[tuple[int, Path]]:
    """Power is cut before write 1, 2, 3 … of a story; with what is left, some draws of each."""
    for writes in count(1, stride):
        folder = room / "cut"
        folder.mkdir()
        card = Card(folder)
        lefts = [room / f"left-{writes}-{draw}" for draw in range(DRAWS)]

        def cut(card: Card = card, lefts: list[Path] = lefts, writes: int = writes) -> None:
            for draw, left in enumerate(lefts):
                card.pulled(left, Random(f"{writes} {draw}"))
            card.dead = True

        card.after(writes, cut)
        with suppress(sqlite3.Error, sa.exc.SQLAlchemyError, StartError):
            story(folder)
        card.released()
        shutil.rmtree(folder)
        if not card.dead:
            return
        for left in lefts:
            yield writes, left
            shutil.rmtree(left)


def fates(room: Path, *pragmas: str) -> dict[str, int]:
    """How often power was cut, and how often something was lost or broken by it."""
    seen = {"cuts": 0, "kept": 0, "lost": 0, "broken": 0}
    done = list[int]()

    def story(folder: Path) -> None:
        done.clear()
        commits(folder / "story.db", done, *pragmas)

    for _, left in cut_everywhere(room, story):
        seen["cuts"] += 1
        try:
            there = found(left / "story.db")
        except sqlite3.DatabaseError:
            seen["broken"] += 1
        else:
            whole = there in (done, [*done, len(done)])
            seen["kept" if whole else "lost"] += 1
    return seen


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
@pytest.mark.parametrize("more", [(), ("wal_autocheckpoint = 4", "cache_size = 3")])
def test_a_commit_that_returned_outlives_every_power_cut(
    room: Path, mode: str, more: tuple[str, ...]
) -> None:
    seen = fates(room, f"journal_mode = {mode}", "synchronous = full", *more)
    assert seen["cuts"] > 40 * DRAWS
    assert seen == {"cuts": seen["cuts"], "kept": seen["cuts"], "lost": 0, "broken": 0}


def test_without_syncs_commits_are_lost_and_files_are_broken(room: Path) -> None:
    seen = fates(room, "journal_mode = wal", "synchronous = off", "wal_autocheckpoint = 4")
    assert seen["lost"] > 0
    assert seen["broken"] > 0
    seen = fates(room, "journal_mode = delete", "synchronous = off")
    assert seen["lost"] > 0
    assert seen["broken"] > 0


def test_a_log_that_is_not_synced_loses_commits_and_breaks_nothing(room: Path) -> None:
    seen = fates(room, "journal_mode = wal", "synchronous = normal", "wal_autocheckpoint = 4")
    assert seen["lost"] > 0
    assert seen["broken"] == 0


def test_after_a_kill_everything_written_is_there(room: Path, card: Card) -> None:
    done = list[int]()
    card.after(60, lambda: (card.copied(room / "left"), setattr(card, "dead", True)))
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        commits(card.folder / "story.db", done, "journal_mode = wal", "synchronous = off")
    assert found(room / "left" / "story.db") == done
    assert len(done) > 2


def test_the_same_chance_is_the_same_cut(room: Path, card: Card) -> None:
    with closing(opened(card.folder / "a.db", "journal_mode = wal", "synchronous = off")) as a:
        a.execute("CREATE TABLE t AS SELECT randomblob(20000)")
        for name, seed in (("one", 1), ("two", 1), ("other", 2)):
            card.pulled(room / name, Random(seed))
    one, two, other = (
        {path.name: path.read_bytes() for path in (room / name).iterdir()}
        for name in ("one", "two", "other")
    )
    assert one == two != other
    assert set(one) == {"a.db", "a.db-wal"}


def test_a_write_is_torn_between_two_sectors_and_nowhere_else() -> None:
    old, new = b"o" * 2000, b"n" * 2000
    now = b"x" * 100 + new
    change = Change(100, 2000, old, 2100)
    lefts = {after_cut(now, [change], Random(seed)) for seed in range(300)}
    assert {now, b"x" * 100 + old} < lefts
    for left in lefts:
        assert len(left) == 2100
        assert left[:100] == b"x" * 100
        for at in range(0, 2100, SECTOR):
            assert len(set(left[max(at, 100) : at + SECTOR])) == 1


def test_a_full_disk_says_so_and_takes_up_again_where_there_is_room(card: Card) -> None:
    file = card.folder / "a.db"
    with closing(opened(file, "journal_mode = wal", "synchronous = full")) as a:
        a.execute("CREATE TABLE t (body)")
        log = file.with_name("a.db-wal")
        size = log.stat().st_size
        card.room_bytes = 10_000
        with pytest.raises(sqlite3.OperationalError, match="database or disk is full") as refused:
            a.execute("INSERT INTO t VALUES (zeroblob(20000))")
        assert refused.value.sqlite_errorname == "SQLITE_FULL"
        assert card.room_bytes == 0
        assert log.stat().st_size == size + 10_000
        card.room_bytes = None
        a.execute("INSERT INTO t VALUES (zeroblob(20000))")
        card.full = True
        with pytest.raises(sqlite3.OperationalError, match="database or disk is full"):
            a.execute("INSERT INTO t VALUES (zeroblob(20000))")
        card.room_bytes = 50_000
        a.execute("INSERT INTO t VALUES (zeroblob(20000))")
        assert a.execute("SELECT count(*) FROM t").fetchone() == (2,)
        assert card.room_bytes < 30_000
        assert a.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_fails_is_an_error_of_the_disk(card: Card) -> None:
    with closing(opened(card.folder / "a.db", "journal_mode = wal", "synchronous = full")) as a:
        a.execute("CREATE TABLE t (body)")
        card.failing = True
        with pytest.raises(sqlite3.OperationalError) as refused:
            a.execute("INSERT INTO t VALUES (1)")
        assert refused.value.sqlite_errorname == "SQLITE_IOERR_WRITE"
        card.failing = False
        card.after(3, lambda: setattr(card, "failing", True))  # a frame is two writes
        with pytest.raises(sqlite3.OperationalError) as refused:
            a.execute("INSERT INTO t VALUES (1)")
        assert refused.value.sqlite_errorname == "SQLITE_IOERR_FSYNC"
        card.failing = False
        a.execute("INSERT INTO t VALUES (1)")
        assert a.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_two_connections_share_a_file_and_what_is_on_its_way_in_it(room: Path, card: Card) -> None:
    file = card.folder / "a.db"
    with (
        closing(opened(file, "journal_mode = wal", "synchronous = off")) as careless,
        closing(opened(file, "synchronous = full")) as careful,
    ):
        careless.execute("CREATE TABLE t (n)")
        careless.execute("INSERT INTO t VALUES (1)")
        careful.execute("INSERT INTO t VALUES (2)")
        card.pulled(room / "left", Random(1))
        assert card.syncs > 0
    # A sync is the file's, whoever wrote to it.
    with closing(opened(room / "left" / "a.db")) as left:
        assert left.execute("SELECT n FROM t ORDER BY n").fetchall() == [(1,), (2,)]


def test_on_a_dead_card_nothing_is_written_or_deleted(room: Path, card: Card) -> None:
    (card.folder / "deep").mkdir()
    (card.folder / "deep" / "plain").write_text("as it was")
    a = opened(card.folder / "a.db", "journal_mode = wal")
    a.execute("CREATE TABLE t (n)")
    a.execute("PRAGMA wal_checkpoint")
    card.dead = True
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        a.execute("INSERT INTO t VALUES (1)")
    a.close()  # its log would be deleted, for all of it is in the file
    assert (card.folder / "a.db-wal").stat().st_size > 0
    card.pulled(room / "left", Random(1))
    assert (room / "left" / "deep" / "plain").read_text() == "as it was"
    with closing(opened(room / "left" / "a.db")) as left:
        assert left.execute("SELECT * FROM t").fetchall() == []


def test_a_renamed_file_keeps_what_is_on_its_way(room: Path, card: Card) -> None:
    a = opened(card.folder / "a.db", "journal_mode = wal", "synchronous = off")
    a.execute("CREATE TABLE t AS SELECT randomblob(20000)")
    (card.folder / "a.db-wal").rename(card.folder / "kept")
    sizes = set()
    for seed in range(8):
        card.pulled(room / f"{seed}", Random(seed))
        sizes.add((room / f"{seed}" / "kept").stat().st_size)
    assert len(sizes) > 2
    a.close()


def test_other_folders_are_none_of_its_business(room: Path, card: Card) -> None:
    with closing(opened(room / "other.db", "journal_mode = wal")) as other:
        card.dead = card.full = card.failing = True
        other.execute("CREATE TABLE t (n)")
    assert card.bytes_written == card.syncs == 0


def test_a_released_folder_is_like_any_other(card: Card) -> None:
    with closing(opened(card.folder / "a.db")) as a:
        a.execute("CREATE TABLE t (n)")
        written = card.bytes_written
        assert written > 0
        card.released()
        card.dead = True
        a.execute("INSERT INTO t VALUES (1)")
        assert card.bytes_written == written
    Card(card.folder)  # for the fixture, which releases it


def test_an_error_in_the_owner_is_an_error_of_the_disk_and_is_kept(card: Card) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with closing(opened(card.folder / "a.db")) as a:
        card.after(1, broken)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            a.execute("CREATE TABLE t (n)")
        assert [type(error) for error in vfs.errors] == [ZeroDivisionError]
        vfs.errors.clear()
        a.execute("CREATE TABLE t (n)")


def test_a_child_has_its_own_card(room: Path, card: Card) -> None:
    folder = room / "child"
    folder.mkdir()
    child = os.fork()
    if child == 0:
        code = 1
        with suppress(BaseException):
            mine, done = Card(folder), list[int]()
            commits(folder / "story.db", done, "journal_mode = wal")
            mine.pulled(room / "left", Random(1))
            code = 0 if mine.syncs and found(room / "left" / "story.db") == done else 2
        os._exit(code)
    with closing(opened(card.folder / "a.db")) as a:
        a.execute("CREATE TABLE t (n)")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert card.syncs > 0


def test_an_outbox_has_every_sale_that_it_took_after_every_power_cut(room: Path) -> None:
    taken = list[str]()
    begun = list[bool]()

    def story(folder: Path) -> None:
        taken.clear()
        begun.clear()
        outbox = Outbox(folder / "outbox.sqlite", EPOCH)
        begun.append(True)
        for seq in range(1, 6):
            outbox.put(sale(seq))
            taken.append(sale(seq).sale_id)
            if seq == 3:
                outbox.acknowledge(Ack(epoch=EPOCH, upto=2, time="2026-11-23T15:42:11.700Z"), at=1)
        outbox.close()

    cuts = 0
    for writes, left in cut_everywhere(room, story):
        cuts += 1
        outbox = Outbox(left / "outbox.sqlite", "another0" if begun else EPOCH)
        assert outbox.salvaged is None, f"write {writes}, {left}: {outbox.salvaged}"
        assert outbox.epoch == EPOCH
        assert outbox.next_seq - 1 in (len(taken), len(taken) + 1)
        for sale_id in taken:
            assert outbox.sale(sale_id) is not None
        outbox.close()
    assert cuts > 50 * DRAWS


def test_the_store_has_every_sale_that_it_kept_after_every_power_cut(room: Path) -> None:
    migrate(room / "migrated")
    kept = list[str]()

    async def serve(file: Path) -> None:
        kept.clear()
        store = Store(file)
        try:
            for number in (1, 2, 3):
                await sell(store, a_sale(number))
                kept.append(id_of(number))
        finally:
            await store.close()

    def story(folder: Path) -> None:
        asyncio.run(serve(Path(shutil.copy(room / "migrated", folder / "cloud.sqlite"))))

    cuts = 0
    for _, left in cut_everywhere(room, story, stride=4):
        cuts += 1
        with closing(opened(left / "cloud.sqlite")) as store:
            assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert store.execute("PRAGMA foreign_key_check").fetchall() == []
            sales = store.execute("SELECT sale_id, (SELECT count(*) FROM receipt) FROM sale")
            there = dict(sales.fetchall())
        assert set(kept) <= set(there) <= {*kept, id_of(len(kept) + 1)}
        assert set(there.values()) <= {len(there)}, "a sale and its receipt are one commit"
    assert cuts > 10 * DRAWS

import asyncio
import logging
import os
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from parts import until
from specimens import sale

from edge.errors import StartError
from edge.storage import disk as module
from edge.storage.ballast import Ballast
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.storage.trouble import FullError
from edge.wire import Ack, encode


@pytest.fixture
def disk() -> Iterator[Disk]:
    used = Disk()
    yield used
    used.close()


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """No file of this process grows any further: a write of more ends in an error."""
    most = min(file.stat().st_size for file in folder.iterdir()) // 8
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_verbs_are_done_one_after_another_in_the_order_they_came(disk: Disk) -> None:
    done = list[int]()
    first = threading.Event()
    disk.later(first.wait)
    tasks = [asyncio.create_task(disk.do(done.append, number)) for number in range(20)]
    await asyncio.sleep(0)
    disk.later(done.append, 20)
    assert done == []
    first.set()
    await asyncio.gather(*tasks)
    await disk.do(done.append, 21)
    assert done == list(range(22))


async def test_all_verbs_are_done_in_one_thread_that_is_not_the_loop_s(disk: Disk) -> None:
    threads = {await disk.do(threading.get_ident) for _ in range(10)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


async def test_a_verb_s_answer_and_its_error_come_back(disk: Disk) -> None:
    assert await disk.do(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await disk.do(divmod, 7, 0)


async def test_the_loop_goes_on_while_the_disk_waits(disk: Disk) -> None:
    slow = threading.Event()
    waiting = asyncio.create_task(disk.do(slow.wait))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    slow.set()
    assert await waiting


async def test_a_failure_nobody_waits_for_is_said(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.later(divmod, 7, 0)
    await disk.do(str)
    assert "the disk refuses: integer division or modulo by zero" in caplog.text


def test_closing_finishes_what_was_handed_in() -> None:
    done, first, disk = list[int](), threading.Event(), Disk()
    disk.later(first.wait)
    for number in range(5):
        disk.later(done.append, number)
    first.set()
    disk.close()
    assert done == [0, 1, 2, 3, 4]


async def test_what_was_handed_in_is_done_though_nobody_waits_any_more() -> None:
    """A sale whose agent is told to stop while the card is busy."""
    done, busy, disk = list[str](), threading.Event(), Disk()
    disk.later(busy.wait)
    keeping = asyncio.create_task(disk.insist(done.append, "a sale"))
    await asyncio.sleep(0)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    busy.set()
    disk.close()
    assert done == ["a sale"]


async def test_a_sale_is_not_given_up_while_the_disk_is_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    disk, outbox = Disk(), Outbox(tmp_path / "outbox.sqlite", "7f3a9c1e")
    with caplog.at_level(logging.ERROR):
        with full(tmp_path):
            keeping = asyncio.create_task(disk.insist(outbox.put, sale(1)))
            await until(lambda: caplog.text.count("the disk refuses: ") >= 3)
            assert not keeping.done()
        await keeping
    await disk.do(outbox.put, sale(2))
    assert [kept.place for kept in outbox.open_sales(0, 9)] == [1, 2]
    disk.close()
    outbox.close()


async def test_what_trying_again_cannot_mend_is_no_matter_of_patience(
    tmp_path: Path, disk: Disk
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", "7f3a9c1e")
    with pytest.raises(sqlite3.IntegrityError, match="a gap in the sequence"):
        await disk.insist(outbox.put, sale(5))
    outbox.close()


# Damage. -------------------------------------------------------------------------------------------


def unreadable() -> sqlite3.OperationalError:
    """What SQLite says where the card does not give a page back."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_READ"
    return error


class Card:
    """Verbs that find it damaged until it was mended so often; a stand-in for the card alone."""

    def __init__(self, mendings: int) -> None:
        self.disk = Disk()
        self.disk.on_damage = self.mend
        self.needed, self.reasons = mendings, list[str]()
        self.tried = 0
        self.hold = threading.Event()
        self.hold.set()

    def verb(self) -> int:
        self.tried += 1
        if len(self.reasons) < self.needed:
            raise unreadable()
        return len(self.reasons)

    async def mend(self, reason: str) -> None:
        await self.disk.patiently(self.hold.wait)
        self.reasons.append(reason)


@pytest.mark.parametrize("error", [unreadable(), sqlite3.DatabaseError("malformed")])
async def test_damage_is_no_refusal_and_is_told_where_nobody_mends(
    disk: Disk, error: sqlite3.Error
) -> None:
    def verb() -> None:
        raise error

    with pytest.raises(sqlite3.DatabaseError, match=str(error)):
        await asyncio.wait_for(disk.insist(verb), 10)
    assert (disk.refusals, disk.refusing) == (0, False)


async def test_whoever_meets_damage_has_it_mended_and_goes_on() -> None:
    card = Card(mendings=1)
    assert await asyncio.wait_for(card.disk.insist(card.verb), 10) == 1
    assert (card.reasons, card.disk.refusals) == (["disk I/O error"], 0)
    card.disk.close()


async def test_damage_that_many_meet_is_mended_once() -> None:
    card = Card(mendings=1)
    card.hold.clear()
    waiting = [asyncio.create_task(card.disk.insist(card.verb)) for _ in range(5)]
    doubting = asyncio.create_task(card.disk.mend("an old card"))
    await until(lambda: card.tried == 5)
    waiting.append(asyncio.create_task(card.disk.insist(card.verb)))  # while it is being mended
    waiting.pop(0).cancel()
    card.hold.set()
    await asyncio.wait_for(doubting, 10)
    assert await asyncio.wait_for(asyncio.gather(*waiting), 10) == [1] * 5
    assert len(card.reasons) == 1
    card.disk.close()


async def test_what_is_damaged_as_soon_as_it_is_mended_is_given_up() -> None:
    card = Card(mendings=99)
    with pytest.raises(sqlite3.DatabaseError):
        await asyncio.wait_for(card.disk.insist(card.verb), 10)
    assert (len(card.reasons), card.tried) == (3, 4)
    card.disk.close()


async def test_a_mending_that_fails_is_told_to_all_who_wait_and_may_be_tried_again(
    disk: Disk,
) -> None:
    begun, hold = list[str](), asyncio.Event()

    async def mend(reason: str) -> None:
        begun.append(reason)
        await hold.wait()
        raise sqlite3.DatabaseError("beyond help")

    disk.on_damage = mend
    waiting = [asyncio.create_task(disk.mend(reason)) for reason in "ab"]
    await until(lambda: begun)
    hold.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(each) for each in outcomes] == ["beyond help"] * 2
    with pytest.raises(sqlite3.DatabaseError, match="beyond help"):
        await disk.mend("c")
    assert begun == ["a", "c"]


async def test_an_outbox_that_is_closed_is_not_mended(tmp_path: Path) -> None:
    card = Card(mendings=0)
    outbox = Outbox(tmp_path / "outbox.sqlite", "7f3a9c1e")
    outbox.close()
    with pytest.raises(sqlite3.ProgrammingError):
        await card.disk.insist(outbox.pending)
    assert card.reasons == []
    card.disk.close()


@pytest.mark.parametrize(
    ("errorname", "needed", "relieved"),
    [
        ("SQLITE_FULL", False, True),
        ("SQLITE_IOERR_SHMSIZE", True, True),
        ("SQLITE_IOERR_WRITE", False, False),
        ("SQLITE_BUSY", False, False),
    ],
)
async def test_only_a_full_disk_is_relieved(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    errorname: str,
    needed: bool,  # noqa: FBT001, a case
    relieved: bool,  # noqa: FBT001, a case
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    ballast = Ballast(tmp_path)
    (tmp_path / "ballast").write_bytes(b"room")
    errors = [sqlite3.OperationalError("no")]
    errors[0].sqlite_errorname = errorname

    def verb() -> None:
        if errors:
            raise errors.pop()

    disk = Disk(ballast.let_go, lambda: needed)
    await disk.insist(verb)
    assert (tmp_path / "ballast").exists() != relieved
    disk.close()


async def test_it_says_that_it_refuses_for_as_long_as_anything_waits(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    stuck = True

    def verb() -> None:
        if stuck:
            raise sqlite3.OperationalError("no room")

    waiting = asyncio.create_task(disk.insist(verb))
    given_up = asyncio.create_task(disk.insist(verb))
    await until(lambda: disk.refusals > 3)
    await disk.insist(str)  # another verb that is taken changes nothing
    assert disk.refusing
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up
    assert disk.refusing
    stuck = False
    await waiting
    assert not disk.refusing


async def test_what_is_handed_in_after_the_end_is_said_and_does_no_harm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk()
    disk.close()
    disk.later(str)
    assert "the disk is closed" in caplog.text


# A disk that is really full, or read-only. --------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; only root may mount one, and in CI root is there."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "chekomat", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"no disk could be mounted, and CI skips nothing: {mounted.stderr}")
        pytest.skip(f"NOT RUN, only root may mount a disk: {mounted.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def stuff(folder: Path) -> Path:
    """Others fill the disk to the last byte."""
    rubbish = folder / "rubbish"
    with suppress(OSError), rubbish.open("ab", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return rubbish


async def test_on_a_full_disk_a_sale_waits_for_the_ballast_and_then_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr("edge.storage.ballast.BYTES", 100_000)
    monkeypatch.setattr("edge.storage.ballast.PLENTY", 400_000)
    with small_disk(tmp_path / "small", "2m") as folder:
        outbox, ballast = Outbox(folder / "outbox.sqlite", "7f3a9c1e"), Ballast(folder)
        disk = Disk(ballast.let_go)
        ballast.lay_down()
        assert (folder / "ballast").exists()
        rubbish = stuff(folder)
        seq = 0
        while (folder / "ballast").exists():
            seq += 1
            await disk.insist(outbox.put, sale(seq))
        assert "the ballast is let go" in caplog.text
        assert (disk.refusals, disk.refusing) == (1, False)
        while disk.refusals == 1:
            seq += 1
            waiting = asyncio.create_task(disk.insist(outbox.put, sale(seq)))
            await until(lambda: waiting.done() or disk.refusing)  # noqa: B023, awaited here
        assert not waiting.done()
        assert [kept.place for kept in outbox.open_sales(0, 999)] == list(range(1, seq))
        rubbish.unlink()
        await waiting
        await disk.insist(outbox.put, sale(seq + 1))
        bodies = [kept.body for kept in outbox.open_sales(0, 999)]
        assert bodies == [encode(sale(each)) for each in range(1, seq + 2)]
        disk.close()
        outbox.close()


def test_a_disk_that_is_full_at_the_start_is_told_as_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "1m") as folder:
        rubbish = stuff(folder)
        with pytest.raises(FullError, match="the disk is full: make room"):
            Outbox(folder / "outbox.sqlite", "7f3a9c1e")
        rubbish.unlink()
        with closing(Outbox(folder / "outbox.sqlite", "7f3a9c1e")) as outbox:
            outbox.put(sale(1))
        rubbish = stuff(folder)
        with pytest.raises(FullError, match="the disk is full: make room"):
            Outbox(folder / "outbox.sqlite", "0badcafe")
        rubbish.unlink()
        with closing(Outbox(folder / "outbox.sqlite", "0badcafe")) as outbox:
            assert (outbox.epoch, outbox.next_seq) == ("7f3a9c1e", 2)


def test_a_disk_that_fills_up_in_a_salvage_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "2m") as folder:
        file = folder / "outbox.sqlite"
        with closing(Outbox(file, "7f3a9c1e")) as outbox:
            for seq in range(1, 200):
                outbox.put(sale(seq))
        with closing(sqlite3.connect(file)) as intruder, intruder:
            intruder.execute("DROP INDEX sale_open")
        rubbish = stuff(folder)
        os.truncate(rubbish, rubbish.stat().st_size - 120_000)
        with pytest.raises(FullError):
            Outbox(file, "0badcafe")
        assert not [
            each for each in folder.iterdir() if ".half" in each.name or ".finds" in each.name
        ]
        rubbish.unlink()
        with closing(Outbox(file, "0badcafe")) as outbox:
            assert (outbox.epoch, len(outbox.open_sales(0, 999))) == ("0badcafe", 199)
        assert len(list(folder.glob("outbox.damaged-*.sqlite"))) == 1


async def test_an_outbox_that_cannot_be_mended_for_want_of_room_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    with small_disk(tmp_path / "small", "1m") as folder:
        outbox, disk = Outbox(folder / "outbox.sqlite", "7f3a9c1e"), Disk()
        outbox.put(sale(1))
        rubbish = stuff(folder)
        mending = asyncio.create_task(disk.insist(outbox.mend, "0badcafe"))
        await until(lambda: disk.refusals > 2)
        waiting = asyncio.create_task(disk.insist(outbox.pending))
        await until(lambda: disk.refusals > 6)
        assert not mending.done()
        assert not waiting.done()
        rubbish.unlink()
        await mending
        assert (await waiting)[0] == 1
        assert (outbox.epoch, outbox.next_seq) == ("0badcafe", 1)
        disk.close()
        outbox.close()


def test_a_disk_that_is_read_only_at_the_start_is_told_as_such(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "1m") as folder:
        with closing(Outbox(folder / "outbox.sqlite", "7f3a9c1e")) as outbox:
            outbox.put(sale(1))
        remount(folder, "ro")
        with pytest.raises(StartError, match=r"the disk is read-only: .*mount -o remount,rw"):
            Outbox(folder / "outbox.sqlite", "0badcafe")
        with pytest.raises(StartError, match=r"the disk is read-only: .*mount -o remount,rw"):
            Outbox(folder / "deep" / "outbox.sqlite", "0badcafe")
        remount(folder, "rw")
        with closing(Outbox(folder / "outbox.sqlite", "0badcafe")) as outbox:
            assert outbox.next_seq == 2


async def test_a_disk_that_becomes_read_only_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite itself is told to refuse: no kernel makes a disk read-only that is written to."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    outbox, disk = Outbox(tmp_path / "outbox.sqlite", "7f3a9c1e"), Disk()
    outbox._file._connection.execute("PRAGMA query_only = on")  # noqa: SLF001
    waiting = asyncio.create_task(disk.insist(outbox.put, sale(1)))
    await until(lambda: disk.refusals > 2)
    assert "attempt to write a readonly database" in caplog.text
    outbox._file._connection.execute("PRAGMA query_only = off")  # noqa: SLF001
    await waiting
    await disk.insist(outbox.put, sale(2))
    assert [kept.place for kept in outbox.open_sales(0, 9)] == [1, 2]
    disk.close()
    outbox.close()


def test_closing_on_a_full_disk_is_said_and_loses_no_sale(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "small", "1m") as folder:
        outbox = Outbox(folder / "outbox.sqlite", "7f3a9c1e")
        outbox.put(sale(1))
        outbox.acknowledge(Ack(epoch="7f3a9c1e", upto=1, time=""), None)
        rubbish = stuff(folder)
        os.truncate(folder / "rubbish", rubbish.stat().st_size)
        outbox.close()
        rubbish.unlink()
        with closing(Outbox(folder / "outbox.sqlite", "0badcafe")) as outbox:
            assert (outbox.epoch, outbox.next_seq) == ("7f3a9c1e", 2)
    assert "Traceback" not in caplog.text

"""An outbox whose file is deleted or replaced under a running agent: what `put` kept is kept."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from specimens import sale

from edge.storage.disk import Disk
from edge.storage.file import File
from edge.storage.outbox import Outbox

EPOCH, NEXT, THIRD = "7f3a9c1e", "0badcafe", "00000003"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "outbox.sqlite"


def delete_all(file: Path) -> None:
    for each in file.parent.iterdir():
        each.unlink()


def delete_the_file(file: Path) -> None:
    file.unlink()


def delete_the_log(file: Path) -> None:
    file.with_name("outbox.sqlite-wal").unlink()


def delete_the_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def replace_by_another(file: Path) -> None:
    other = file.parent.parent / "other" / "outbox.sqlite"
    with closing(Outbox(other, THIRD)) as outbox:
        outbox.put(sale(1, epoch=THIRD, sale_id=sale(77).sale_id))
    delete_all(file)
    other.rename(file)


def replace_by_a_copy(file: Path) -> None:
    """As a backup program, or an editor, writes a file."""
    copy = file.with_name("copy")
    shutil.copyfile(file, copy)
    copy.rename(file)


def replace_the_folder(file: Path) -> None:
    file.parent.rename(file.parent.parent / "gone")
    file.parent.mkdir()


ways = pytest.mark.parametrize(
    "lose",
    [
        *(delete_all, delete_the_file, delete_the_log, delete_the_folder),
        *(replace_by_another, replace_by_a_copy, replace_the_folder),
    ],
)


def found_again(file: Path) -> list[str]:
    """What the next start has to send."""
    with closing(Outbox(file, "ffffffff")) as outbox:
        kept = outbox.open_sales(0, 1000)
        read = [outbox.sale(sale(seq).sale_id) for seq in range(1, 10)]
        assert len(kept) == sum(each is not None for each in read)
        return [each.sale_id for each in read if each is not None]


def ids(*seqs: int) -> list[str]:
    return [sale(seq).sale_id for seq in seqs]


@ways
async def test_what_was_kept_before_and_what_comes_next_is_there_at_the_next_start(
    file: Path, lose: Callable[[Path], None]
) -> None:
    outbox, disk, epochs = Outbox(file, EPOCH), Disk(), iter((NEXT, THIRD))

    async def mend(reason: str) -> None:
        await disk.patiently(outbox.mend, next(epochs), reason)

    disk.on_damage = mend
    try:
        for seq in (1, 2):
            await disk.insist(outbox.put, sale(seq))
        lose(file)
        await disk.insist(
            lambda: outbox.put(sale(outbox.next_seq, epoch=outbox.epoch, sale_id=sale(3).sale_id))
        )
        assert (outbox.epoch, outbox.next_seq) == (NEXT, 2)
        assert outbox.salvaged is not None
        assert "its file was deleted or replaced while it was in use" in outbox.salvaged
        assert "2 sales were salvaged, 2 of them go up again; 0 numbers" in outbox.salvaged
    finally:
        disk.close()
    # It is not closed: so a power cut leaves it.
    copy = file.parent.parent / "after" / file.name
    copy.parent.mkdir()
    for each in file.parent.glob("outbox.sqlite*"):
        if not each.name.endswith("-shm"):
            shutil.copyfile(each, copy.with_name(each.name))
    assert found_again(copy) == ids(1, 2, 3)
    outbox.close()
    assert found_again(file) == ids(1, 2, 3)


@ways
def test_no_sale_is_said_to_be_kept_where_it_would_not_be_found(
    file: Path, lose: Callable[[Path], None]
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        lose(file)
        with pytest.raises(sqlite3.DatabaseError, match="deleted or replaced"):
            outbox.put(sale(2))
        assert outbox.next_seq == 2


@ways
def test_it_is_noticed_within_a_minute_though_nobody_buys(
    file: Path, lose: Callable[[Path], None]
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        assert not outbox.keep_what_rides_along()
        lose(file)
        with pytest.raises(sqlite3.DatabaseError, match="deleted or replaced"):
            outbox.keep_what_rides_along()


@ways
def test_an_agent_that_is_told_to_stop_meanwhile_leaves_it_in_its_place(
    file: Path, lose: Callable[[Path], None]
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        lose(file)
    with closing(Outbox(file, NEXT)) as again:
        assert (again.epoch, again.next_seq) == (EPOCH, 2)
    assert found_again(file) == ids(1)


def test_what_was_closed_is_not_missed(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its log is gone by then, and a stop may close it twice."""
    outbox = Outbox(file, EPOCH)
    outbox.put(sale(1))
    outbox.close()
    assert not file.with_name("outbox.sqlite-wal").exists()
    outbox.close()
    assert caplog.text == ""


def test_what_stood_in_its_place_is_kept_aside(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        replace_by_another(file)
    aside = file.with_name("outbox.damaged-1.sqlite")
    with closing(sqlite3.connect(aside)) as other:
        assert other.execute("SELECT sale_id FROM sale").fetchall() == [(sale(77).sale_id,)]


def test_until_it_can_be_put_back_its_sales_are_read_and_go_up(file: Path) -> None:
    outbox = Outbox(file, EPOCH)
    outbox.put(sale(1))
    shutil.rmtree(file.parent)
    file.parent.write_text("in the way")
    with pytest.raises(sqlite3.OperationalError, match="cannot be used"):
        outbox.mend(NEXT, "gone")
    assert [each.place for each in outbox.open_sales(0, 10)] == [1]
    file.parent.unlink()
    outbox.mend(NEXT, "gone")
    outbox.close()
    assert found_again(file) == ids(1)


def test_what_cannot_be_read_any_more_is_not_waited_for(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card was pulled out and put in again: the way to it is another, and it is all there."""
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(2))
        replace_by_a_copy(file)
        lost = sqlite3.OperationalError("disk I/O error")
        lost.sqlite_errorname = "SQLITE_IOERR_READ"

        def copy_to(*_: object) -> None:
            raise lost

        monkeypatch.setattr(File, "copy_to", copy_to)
        outbox.mend(NEXT, "the card cannot be read")
        assert outbox.epoch == NEXT
    assert found_again(file) == ids(1, 2)

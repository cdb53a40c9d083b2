import asyncio
import logging
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from parts import until
from specimens import sale

from edge.storage import disk as module
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox


@pytest.fixture
def disk() -> Iterator[Disk]:
    used = Disk()
    yield used
    used.close()


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """No file of this process grows any further: a write of more ends in an error."""
    most = max(file.stat().st_size for file in folder.iterdir())
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
    assert [seq for seq, _ in outbox.open_sales(0, 9)] == [1, 2]
    disk.close()
    outbox.close()


async def test_what_trying_again_cannot_mend_is_no_matter_of_patience(
    tmp_path: Path, disk: Disk
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", "7f3a9c1e")
    with pytest.raises(sqlite3.IntegrityError, match="a gap in the sequence"):
        await disk.insist(outbox.put, sale(5))
    outbox.close()

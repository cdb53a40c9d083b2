"""Real outboxes, closed well, killed, damaged, and in use."""

import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from specimens import sale

from edge.checks.agent import STOPPED, Agent
from edge.checks.outbox import FILE, check
from edge.storage.outbox import Outbox
from edge.technician.status import Oldest, OutboxStatus, Status

EPOCH = "7f3a9c1e"


def sold(folder: Path, count: int) -> Outbox:
    outbox = Outbox(folder / FILE, EPOCH)
    for seq in range(1, count + 1):
        outbox.put(sale(seq))
    return outbox


def contents(folder: Path) -> dict[str, str]:
    return {each.name: sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}


def changed_at(folder: Path) -> int:
    """When something was last made or removed in it."""
    return folder.stat().st_mtime_ns


async def test_one_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    found = await check(tmp_path, STOPPED)
    assert (found.name, found.state) == ("outbox", "ok")
    assert contents(tmp_path) == {}


async def test_what_waits_is_counted_with_the_age_of_the_oldest(tmp_path: Path) -> None:
    sold(tmp_path, 3).close()
    before, touched = contents(tmp_path), changed_at(tmp_path)
    found = await check(tmp_path, STOPPED)
    assert found.state == "warn"
    assert changed_at(tmp_path) == touched, "nothing is made beside it, not even for a moment"
    assert f"epoch {EPOCH}, 3 sales so far, 3 wait" in found.found.en
    assert "2026-11-23 15:42:10 UTC" in found.found.en
    assert "do not delete" in found.advice.en
    assert contents(tmp_path) == before


async def test_an_empty_one_is_well(tmp_path: Path) -> None:
    sold(tmp_path, 0).close()
    found = await check(tmp_path, STOPPED)
    assert found.state == "ok"
    assert "none waits" in found.found.en


async def test_one_whose_agent_was_killed_is_read_with_its_log_and_not_touched(
    tmp_path: Path,
) -> None:
    (tmp_path / "alive").mkdir()
    outbox = sold(tmp_path / "alive", 2)
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path / "alive", killed)
    outbox.close()
    assert (killed / f"{FILE}-wal").stat().st_size
    before = contents(killed)
    found = await check(killed, STOPPED)
    assert "2 wait for the cloud" in found.found.en
    assert "not closed in order" in found.found.en
    assert contents(killed) == before


async def test_a_damaged_one_fails_and_is_to_be_kept(tmp_path: Path) -> None:
    sold(tmp_path, 50).close()
    file = tmp_path / FILE
    content = bytearray(file.read_bytes())
    content[4096:12288] = bytes(8192)
    file.write_bytes(content)
    found = await check(tmp_path, STOPPED)
    assert found.state == "fail"
    assert "keep a copy" in found.advice.en


async def test_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    found = await check(tmp_path, STOPPED)
    assert found.state == "fail"
    assert "not a database" in found.found.en


async def test_another_database_fails(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("CREATE TABLE x (y)")
    assert (await check(tmp_path, STOPPED)).state == "fail"


async def test_that_of_a_running_agent_is_not_opened_but_asked_for(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"whoever reads this fails")
    silent = await check(tmp_path, Agent(runs=True))
    assert silent.state == "skipped"
    told = OutboxStatus(
        epoch=EPOCH, next_seq=8, pending=2, oldest=Oldest(seq=6, sold_at="long ago")
    )
    found = await check(tmp_path, Agent(runs=True, status=Status(outbox=told)))
    assert found.state == "warn"
    assert "7 sales so far, 2 wait for the cloud, the oldest since long ago" in found.found.en
    empty = Agent(runs=True, status=Status(outbox=OutboxStatus(epoch=EPOCH)))
    assert (await check(tmp_path, empty)).state == "ok"


async def test_sales_that_are_in_memory_only_are_an_alarm(tmp_path: Path) -> None:
    told = Agent(runs=True, status=Status(outbox=OutboxStatus(waiting=1)))
    found = await check(tmp_path, told)
    assert found.state == "fail"
    assert "do not switch off" in found.advice.en

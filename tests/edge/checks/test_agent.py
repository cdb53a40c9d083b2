import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.checks.agent import STOPPED, holds, look
from edge.technician.status import LinkStatus, Status
from edge.technician.unix_socket import NAME, serve_socket


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """As an agent holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(descriptor)


def test_an_agent_runs_where_the_folder_is_locked(tmp_path: Path) -> None:
    assert not holds(tmp_path)
    with locked(tmp_path):
        assert holds(tmp_path)
    assert not holds(tmp_path)


def test_looking_leaves_the_folder_free(tmp_path: Path) -> None:
    holds(tmp_path)
    with locked(tmp_path):
        pass


def test_a_folder_that_is_not_there_has_no_agent(tmp_path: Path) -> None:
    assert not holds(tmp_path / "none")


async def test_a_running_agent_is_asked(tmp_path: Path) -> None:
    async def tell() -> Status:
        await asyncio.sleep(0)
        return Status(machine="vm-1", link=LinkStatus(connected=True))

    with locked(tmp_path):
        async with serve_socket(tmp_path / NAME, tell):
            seen = await look(tmp_path)
    assert seen.runs
    assert seen.status is not None
    assert seen.status.link.connected


async def test_one_that_cannot_be_asked_runs_all_the_same(tmp_path: Path) -> None:
    with locked(tmp_path):
        seen = await look(tmp_path)
    assert (seen.runs, seen.status) == (True, None)


async def test_a_stopped_one_is_not_asked(tmp_path: Path) -> None:
    assert await look(tmp_path) == STOPPED

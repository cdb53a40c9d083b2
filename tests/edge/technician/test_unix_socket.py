"""The socket for real: files in a folder, a server in the loop, a client in a thread."""

import asyncio
import logging
import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from edge.errors import StartError
from edge.technician.status import Status
from edge.technician.unix_socket import LONGEST, NAME, ask, serve_socket


async def asked(path: Path, timeout_s: float = 30.0) -> Status:
    return await asyncio.to_thread(ask, path, timeout_s)


def modes(path: Path) -> list[int]:
    """Who may use each socket of that folder."""
    return [stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    folder.mkdir(parents=True)
    assert len(os.fsencode(folder)) > LONGEST
    return folder / NAME


async def test_the_status_arrives_as_it_was_told(path: Path, well: Status) -> None:
    async def tell() -> Status:
        return well

    async with serve_socket(path, tell):
        assert await asked(path) == well
        assert modes(path) == [0o660]
    assert modes(path) == []


async def test_many_ask_at_once(path: Path, well: Status) -> None:
    async def tell() -> Status:
        return well

    async with serve_socket(path, tell):
        assert await asyncio.gather(*(asked(path) for _ in range(5))) == [well] * 5


def test_a_newer_and_an_older_agents_status_are_understood(well: Status) -> None:
    told = {**msgspec.to_builtins(well), "later": {"field": 1}}
    assert msgspec.convert(told, Status) == well
    assert msgspec.convert({}, Status) == Status()


async def test_a_stale_socket_is_replaced(path: Path, well: Status) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def tell() -> Status:
        return well

    async with serve_socket(path, tell):
        assert await asked(path) == well


async def test_the_socket_of_one_that_lives_is_left_alone(
    path: Path, well: Status, caplog: pytest.LogCaptureFixture
) -> None:
    async def first() -> Status:
        return well

    async def second() -> Status:
        return Status(machine="another")

    async with serve_socket(path, first), serve_socket(path, second):
        assert (await asked(path)).machine == well.machine
    assert "cannot be listened on" in caplog.text


async def test_what_is_no_socket_is_left_alone_and_the_agent_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    went_on = False
    async with serve_socket(tmp_path, lambda: asyncio.sleep(0, Status())):
        went_on = True
    assert went_on
    assert modes(tmp_path / "itself") == []
    assert f"{tmp_path} cannot be listened on" in caplog.text


async def test_a_path_too_long_for_an_address_works_all_the_same(deep: Path, well: Status) -> None:
    async def tell() -> Status:
        return well

    for _ in range(2):
        async with serve_socket(deep, tell):
            assert await asked(deep) == well
    with pytest.raises(StartError, match="does not run"):
        ask(deep)


async def test_a_question_that_fails_hurts_nobody(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def tell() -> Status:
        raise ValueError("the disk is gone")

    async with serve_socket(path, tell):
        for _ in range(2):
            with pytest.raises(StartError, match="gave no status"):
                await asked(path)
    assert "the disk is gone" in caplog.text


async def test_who_goes_away_in_the_middle_hurts_nobody(
    path: Path, well: Status, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    going = asyncio.Event()
    large = msgspec.structs.replace(well, version="x" * 5_000_000)

    async def tell() -> Status:
        going.set()
        return large

    async with serve_socket(path, tell):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            await going.wait()
        with pytest.raises(StartError, match="gave no status"):
            await asked(path)  # longer than anybody reads
    assert caplog.text == ""


def test_no_agent_is_said_with_the_next_step(path: Path) -> None:
    with pytest.raises(StartError, match=rf"does not run.*{path}.*systemctl status"):
        ask(path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(StartError, match="does not run"):
        ask(path)


def test_an_agent_that_hangs_is_not_waited_for(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(path))
        hanging.listen()
        with pytest.raises(StartError, match=r"does not answer within 0\.05 s.*journalctl"):
            ask(path, timeout_s=0.05)


async def test_the_end_does_not_wait_for_a_question_that_hangs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.technician.unix_socket.ANSWER_S", 3600)
    began, for_ever = asyncio.Event(), asyncio.Event()

    async def tell() -> Status:
        began.set()
        await for_ever.wait()
        return Status()

    async with asyncio.timeout(20):
        async with serve_socket(path, tell):
            question = asyncio.create_task(asked(path))
            await began.wait()
        with pytest.raises(StartError, match="gave no status"):
            await question

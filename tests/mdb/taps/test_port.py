import asyncio
import fcntl
import logging
import os
import pty
import select
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from boards.outlet import Socket
from parts import until

from mdb.taps import port
from mdb.taps.port import InUseError, Pass, Ports, check

TICK_S = 0.02


@asynccontextmanager
async def reading(ports: Ports) -> AsyncIterator[list[Pass]]:
    """Passes that read something, over every loss."""
    heard: list[Pass] = []

    async def read() -> None:
        while True:
            await ports.open()
            async for each in ports.passes(TICK_S):
                if any(each.data):
                    heard.append(each)  # noqa: PERF401, it is looked at as it grows

    task = asyncio.create_task(read())
    try:
        yield heard
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
        ports.close()


def text(heard: list[Pass], which: int = 0) -> bytes:
    return b"".join(each.data[which] for each in heard)


async def test_what_is_said_is_read_with_its_time(socket: Socket) -> None:
    socket.plug()
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    async with reading(Ports([str(socket.path)], 9600)) as heard:
        await socket.opened()
        socket.write(b"\xff\x00\r\n\x03")
        await until(lambda: text(heard) == b"\xff\x00\r\n\x03")
    assert before <= heard[0].at <= time.clock_gettime(time.CLOCK_BOOTTIME)


async def test_one_pass_reads_every_port(socket: Socket, second_socket: Socket) -> None:
    socket.plug()
    second_socket.plug()
    ports = Ports([str(socket.path), str(second_socket.path)], 9600)
    async with reading(ports) as heard:
        await socket.opened()
        await second_socket.opened()
        socket.write(b"one")
        second_socket.write(b"two")
        both = [each.fileno() for each in ports._open]  # noqa: SLF001
        while len(select.select(both, [], [], 10)[0]) < 2:
            pass  # the kernel hands each over in its own time
        await until(lambda: heard)
        assert heard[0].data == (b"one", b"two")


async def test_a_port_that_goes_away_is_opened_again_as_often_as_it_comes(socket: Socket) -> None:
    socket.plug()
    async with reading(Ports([str(socket.path)], 9600)) as heard:
        for said in (b"a", b"b", b"c"):
            await socket.opened()
            socket.write(said)
            await until(lambda said=said: text(heard).endswith(said))
            socket.unplug()
            socket.plug()
    assert text(heard) == b"abc"


async def test_what_was_said_before_it_went_away_is_not_lost(socket: Socket) -> None:
    socket.plug()
    async with reading(Ports([str(socket.path)], 9600)) as heard:
        await socket.opened()
        socket.write(b"last words")
        await until(lambda: heard)
        socket.unplug()
        await asyncio.sleep(2 * TICK_S)
        assert text(heard) == b"last words"


async def test_two_ports_are_lost_together(socket: Socket, second_socket: Socket) -> None:
    socket.plug()
    second_socket.plug()
    async with reading(Ports([str(socket.path), str(second_socket.path)], 9600)) as heard:
        await second_socket.opened()
        second_socket.unplug()
        await until(lambda: not socket.is_open)
        second_socket.plug()
        await second_socket.opened()
        await socket.opened()
        socket.write(b"both again")
        await until(lambda: text(heard) == b"both again")


async def test_a_loss_is_logged_once_and_so_is_its_end(
    socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    ports = Ports([str(socket.path)], 9600)
    with caplog.at_level(logging.WARNING):
        async with reading(ports) as heard:
            await asyncio.sleep(0.2)  # tried over and over: it is not there yet
            socket.plug()
            await socket.opened()
            socket.write(b"here")
            await until(lambda: heard)
    lost, back = [each.getMessage() for each in caplog.records]
    assert lost.startswith(f"{socket.path} is lost (")
    assert back == f"{socket.path} is heard again"


async def test_the_pause_before_opening_grows_to_its_longest(
    socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 9:
            socket.plug()

    monkeypatch.setattr(port, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(port, "LONGEST_PAUSE_S", 5.0)
    monkeypatch.setattr(port.asyncio, "sleep", sleep)
    ports = Ports([str(socket.path)], 9600)
    await ports.open()
    ports.close()
    most = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert all(each / 2 <= pause <= each for pause, each in zip(slept, most, strict=True))


async def test_a_port_that_comes_and_goes_without_a_word_is_not_opened_ever_faster(
    socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await really(0)

    monkeypatch.setattr(port, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(port, "LONGEST_PAUSE_S", 5.0)
    monkeypatch.setattr(port.asyncio, "sleep", sleep)
    ports = Ports([str(socket.path)], 9600)
    for _ in range(5):
        socket.plug()
        await ports.open()
        socket.unplug()
        assert [each async for each in ports.passes(TICK_S)] == []
    ports.close()
    assert slept[-1] >= 0.4


async def test_silence_is_told_by_empty_passes(socket: Socket) -> None:
    socket.plug()
    ports = Ports([str(socket.path)], 9600)
    await ports.open()
    passes = ports.passes(0.001)
    first, second = await anext(passes), await anext(passes)
    assert (first.data, second.data) == ((b"",), (b"",))
    assert second.at > first.at
    await passes.aclose()  # type: ignore[attr-defined]  # it is a generator
    ports.close()


async def test_what_nobody_takes_is_a_loss_and_not_kept(
    socket: Socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(port, "BACKLOG", 3)
    socket.plug()
    ports = Ports([str(socket.path)], 9600)
    await ports.open()
    async with asyncio.timeout(10):
        while "nobody takes what is read" not in caplog.text:
            socket.write(b"x")  # one that is slow reads two of them at once
            await asyncio.sleep(0.005)
    assert len([each async for each in ports.passes(TICK_S)]) == 4
    ports.close()


async def test_a_port_that_another_program_took_meanwhile_is_not_called_lost(
    socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    socket.plug()
    first, second = Ports([str(socket.path)], 9600), Ports([str(socket.path)], 9600)
    await first.open()
    opening = asyncio.create_task(second.open())
    await until(lambda: "in use" in caplog.text)
    assert not opening.done()
    first.close()
    await asyncio.wait_for(opening, 10)
    second.close()
    (told,) = [each.getMessage() for each in caplog.records]
    assert told.startswith(
        f"{socket.path} is in use by another program; see which with: sudo fuser"
    )
    assert told.endswith("it is opened as soon as it is free")


async def test_a_lost_port_that_another_program_takes_is_told_once_more(
    socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    ports = Ports([str(socket.path)], 9600)
    opening = asyncio.create_task(ports.open())
    await until(lambda: "is lost" in caplog.text)
    end, other = pty.openpty()
    fcntl.flock(other, fcntl.LOCK_EX)
    socket.path.symlink_to(os.ttyname(other))
    await until(lambda: "in use" in caplog.text)
    fcntl.flock(other, fcntl.LOCK_UN)
    await asyncio.wait_for(opening, 10)
    assert len(caplog.records) == 2
    ports.close()
    os.close(end)
    os.close(other)


def test_a_port_in_use_is_refused_and_a_free_one_is_left_free() -> None:
    end, other = pty.openpty()
    path = os.ttyname(other)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(InUseError, match=rf"^{path} is in use .* fuser -v {path} \(the agent"):
        check(path)
    fcntl.flock(other, fcntl.LOCK_UN)
    check(path)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(end)
    os.close(other)


async def test_what_is_written_arrives_and_what_cannot_be_is_a_loss(
    socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    socket.plug()
    ports = Ports([str(socket.path)], 9600)
    await ports.open()
    ports.write(b"V\n")
    await until(lambda: socket.read() == b"V\n")
    await ports.knock()  # a pseudo-terminal has no DTR, and nothing comes of it
    socket.unplug()
    ports.write(b"V\n")
    assert "is lost" in caplog.text
    assert [each async for each in ports.passes(TICK_S)] == []
    ports.close()


async def test_a_listener_that_leaves_lets_go_of_the_port(socket: Socket) -> None:
    socket.plug()
    async with reading(Ports([str(socket.path)], 9600)):
        await socket.opened()
    assert not socket.is_open


async def test_a_slow_device_that_takes_no_bytes_is_lost(
    socket: Socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    socket.plug()
    ports = Ports([str(socket.path)], 9600)
    await ports.open()

    def write(_descriptor: int, _said: bytes) -> int:
        return 0

    monkeypatch.setattr(port.os, "write", write)
    ports.write(b"V\n")
    monkeypatch.undo()
    assert "it takes no bytes" in caplog.text
    ports.close()


def test_a_port_that_is_not_there_is_told_with_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no port '.*ttyACM7'.*plugged in"):
        check(str(tmp_path / "ttyACM7"))
    with pytest.raises(FileNotFoundError, match="no port ''"):
        check("")


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is no serial port; expected"):
        check(str(tmp_path / "file"))


def test_a_port_of_somebody_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bool:
        return False

    end, other = pty.openpty()
    monkeypatch.setattr(port.os, "access", refused)
    with pytest.raises(PermissionError, match="dialout"):
        check(os.ttyname(other))
    monkeypatch.undo()
    check(os.ttyname(other))
    os.close(end)
    os.close(other)

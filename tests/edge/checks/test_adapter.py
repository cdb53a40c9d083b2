"""Real pseudo-terminals with a board behind them, as the boards' own emulators play it."""

import asyncio
import fcntl
import os
from pathlib import Path

import pytest
from boards.microcontroller import Microcontroller
from boards.outlet import Socket
from boards.qibixx import Board
from parts import ROOT

from edge.checks import as_is
from edge.checks.adapter import Adapter, check, identify, identify_all, judge, lasting, ports
from edge.checks.agent import STOPPED, Agent

TRACE = (ROOT / "tests/traces/ap113-single-vend.mdb").read_text("utf-8").splitlines()
SAID = [line for line in TRACE if line and not line.startswith("#")]


async def test_a_qibixx_adapter_tells_its_version(tmp_path: Path) -> None:
    board = Board(Socket(tmp_path / "port"))
    await board.plug()
    try:
        found = await identify(str(tmp_path / "port"))
    finally:
        board.close()
    assert found == Adapter(str(tmp_path / "port"), "qibixx", as_is("4.0.2.0,30ff6d06"))
    assert found.tap == f"qibixx:{tmp_path / 'port'}"
    assert "X,1" not in board.asked


async def test_one_that_is_still_starting_is_asked_again(tmp_path: Path) -> None:
    board = Board(Socket(tmp_path / "port"), boot_s=1.0)
    await board.plug()
    try:
        assert (await identify(str(tmp_path / "port"))).kind == "qibixx"
    finally:
        board.close()


async def test_a_microcontroller_is_known_by_what_it_prints_and_not_asked(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()

    async def play() -> None:
        controller = Microcontroller(socket)
        while True:
            await controller.prints(SAID)
            await asyncio.sleep(0.02)

    playing = asyncio.create_task(play())
    try:
        found = await identify(str(tmp_path / "port"))
        assert socket.read() == b""
    finally:
        playing.cancel()
        await asyncio.wait([playing])
        socket.close()
    assert (found.kind, found.tap) == ("lines", f"lines:{tmp_path / 'port'}")


async def test_a_port_where_nobody_answers_is_silent_and_no_tap(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()
    try:
        found = await identify(str(tmp_path / "port"))
    finally:
        socket.close()
    assert (found.kind, found.tap) == ("silent", None)


async def test_what_cannot_be_opened_is_told_with_the_reason(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "busy")
    socket.plug()
    other = os.open(tmp_path / "busy", os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    (tmp_path / "file").touch()
    try:
        named = [str(tmp_path / each) for each in ("busy", "none", "file")]
        busy, absent, file = await identify_all(named)
    finally:
        os.close(other)
        socket.close()
    assert {busy.kind, absent.kind, file.kind} == {"unusable"}
    assert "in use by another program" in busy.told.en
    assert "there is no port" in absent.told.en
    assert "is no serial port" in file.told.en
    assert "busy: порт занят другой программой" in busy.told.ru
    assert "none: такого порта нет" in absent.told.ru
    assert "file: это не последовательный порт" in file.told.ru


async def test_a_port_of_the_pi_itself_is_never_spoken_to(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()
    uart = tmp_path / "ttyAMA0"
    uart.symlink_to(socket.path)
    try:
        found = await identify(str(uart))
        assert socket.read() == b""
    finally:
        socket.close()
    assert (found.kind, found.tap) == ("uart", f"uart:{uart}")


def test_a_port_has_the_name_that_stays_where_it_has_one(tmp_path: Path) -> None:
    (tmp_path / "usb-Qibixx_MDB-if00").symlink_to("/dev/ttyACM77")
    assert lasting(["/dev/ttyACM77", "/dev/ttyAMA0"], tmp_path) == [
        str(tmp_path / "usb-Qibixx_MDB-if00"),
        "/dev/ttyAMA0",
    ]
    assert lasting(["/dev/ttyACM77"], tmp_path / "none") == ["/dev/ttyACM77"]


def test_a_port_that_was_named_is_looked_at_once() -> None:
    assert ports(["/dev/pts/99", "/dev/pts/99"]) == [*ports(), "/dev/pts/99"]


@pytest.mark.parametrize(
    ("scheme", "found", "state", "told"),
    [
        ("qibixx", Adapter("/p", "qibixx", as_is("4.0")), "ok", "Qibixx, version 4.0"),
        ("qibixx", Adapter("/p", "silent"), "fail", "does not answer as a Qibixx"),
        ("qibixx", Adapter("/p", "unusable", as_is("no port")), "fail", "no port"),
        ("lines", Adapter("/p", "lines", as_is("0.1 >08")), "ok", "our trace format"),
        ("lines", Adapter("/p", "silent"), "ok", "says nothing yet"),
        ("lines", Adapter("/p", "qibixx", as_is("4.0")), "fail", "is a Qibixx adapter"),
        ("uart", Adapter("/p", "uart"), "ok", "can be opened"),
    ],
)
def test_who_is_there_is_held_against_what_the_tap_expects(
    scheme: str, found: Adapter, state: str, told: str
) -> None:
    judged = judge(scheme, [found])
    assert judged.state == state
    assert told in judged.found.en
    assert bool(judged.advice.en) == (state == "fail")


async def test_a_tap_without_an_adapter_needs_none() -> None:
    assert (await check("virtual:0001=12000", STOPPED)).state == "skipped"


async def test_the_port_of_a_running_agent_is_left_alone(tmp_path: Path) -> None:
    socket = Socket(tmp_path / "port")
    socket.plug()
    found = await check(f"qibixx:{tmp_path / 'port'}", Agent(runs=True))
    assert found.state == "skipped"
    assert not socket.is_open
    socket.close()

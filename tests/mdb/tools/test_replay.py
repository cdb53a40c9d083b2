"""``python -m mdb replay`` over a real pty, heard as a device on a port would be."""

import os
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from mdb import Signal, qibixx, read_trace

TRACES = Path(__file__).parents[2] / "traces"
AP113 = TRACES / "ap113-single-vend.mdb"
Started = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def started() -> Iterator[Started]:
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mdb", *map(str, arguments)]
        running.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return running[-1]

    yield start
    for each in running:
        each.kill()
        each.communicate()


@contextmanager
def opened(link: Path) -> Iterator[IO[bytes]]:
    """The port, once it is there, as a host opens one: raw, and what waited in it thrown away."""
    until = time.monotonic() + 20
    while not link.exists():
        assert time.monotonic() < until, "no port"
        time.sleep(0.01)
    with link.open("r+b", buffering=0) as port:
        # Nothing is flushed: it may speak already, where this process had no turn since.
        tty.setraw(port, termios.TCSANOW)
        yield port


def heard(port: IO[bytes]) -> Iterator[str]:
    """Lines, until the other end is taken away."""
    half = b""
    while True:
        try:
            said = os.read(port.fileno(), 4096)
        except OSError:  # EIO: gone
            said = b""
        *lines, half = (half + said).split(b"\n")
        yield from (line.decode("ascii") for line in lines)
        if not said:
            assert half == b""
            return


def signals(file: Path) -> list[Signal]:
    return list(read_trace(file.read_text("utf-8").splitlines()))


def blocks(heard_signals: list[Signal]) -> list[object]:
    return [(getattr(each, "value", None), getattr(each, "mode", None)) for each in heard_signals]


def test_every_line_of_the_trace_arrives(started: Started, tmp_path: Path) -> None:
    running = started("replay", AP113, "--at-once", "--link", tmp_path / "tap")
    with opened(tmp_path / "tap") as port:
        lines = list(heard(port))
    assert blocks(list(read_trace(lines))) == blocks(signals(AP113))
    assert running.wait() == 0
    assert running.stderr is not None
    told = running.stderr.read()
    assert "port /dev/pts/" in told
    assert "blocks" in told
    assert not (tmp_path / "tap").is_symlink()


def test_a_reader_that_comes_late_and_reads_slowly_loses_nothing(
    started: Started, tmp_path: Path
) -> None:
    file = tmp_path / "long.mdb"
    told = [
        f"{number / 100:.6f} > {' '.join(['10'] + ['00'] * 34 + ['10'])}" for number in range(4000)
    ]
    file.write_text("\n".join(told), "utf-8")
    started("replay", file, "--at-once", "--link", tmp_path / "tap")
    lines: list[str] = []
    with opened(tmp_path / "tap") as port:
        for line in heard(port):
            lines.append(line)
            if len(lines) % 1000 == 0:
                time.sleep(0.05)
    assert lines == told


def test_an_adapter_says_nothing_until_it_is_told_to(started: Started, tmp_path: Path) -> None:
    running = started("replay", AP113, "--at-once", "--speak", "qibixx", "--link", tmp_path / "tap")
    with opened(tmp_path / "tap") as port:
        lines = heard(port)
        port.write(b"V\n")
        assert next(lines).startswith("v,4.0.2.0,")
        port.write(b"X,1\r\n")
        assert next(lines) == "x,ACK"
        rest = list(lines)
    assert all(qibixx.is_sniff_line(line) for line in rest)
    assert blocks(list(qibixx.read(rest))) == blocks(signals(AP113))
    assert running.wait() == 0


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_take_the_link_away(
    started: Started, tmp_path: Path, which: signal.Signals
) -> None:
    running = started("replay", AP113, "--link", tmp_path / "tap")
    assert running.stderr is not None
    running.stderr.readline()  # it waits for a listener
    assert (tmp_path / "tap").is_symlink()
    running.send_signal(which)
    assert running.wait(20) == 130
    assert not (tmp_path / "tap").is_symlink()
    assert "Traceback" not in running.stderr.read()


@pytest.mark.parametrize("command", ["replay", "virtual"])
def test_what_at_once_does_to_bus_times_is_in_the_help(started: Started, command: str) -> None:
    told, _ = started(command, "--help").communicate()
    assert "a lines: listener at the port stamps blocks by when they come" in " ".join(told.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.mdb"], "none.mdb: No such file or directory"),
        (["{empty}"], "nothing was heard in it"),
        ([str(Path(__file__))], "no line of a trace"),
        ([str(AP113), "--pace", "0"], "expected a number above 0"),
        ([str(AP113), "--pace", "2", "--at-once"], "not allowed with"),
        ([str(AP113), "--link", "/nowhere/tap"], "--link /nowhere/tap: No such file"),
    ],
)
def test_a_mistake_is_told_in_a_line_and_ends_with_two(
    started: Started, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "empty.mdb").write_text("# nothing\n", "utf-8")
    named = [each.format(empty=tmp_path / "empty.mdb") for each in arguments]
    running = started("replay", *named)
    _, said = running.communicate()
    assert running.returncode == 2
    assert told in said
    assert "Traceback" not in said

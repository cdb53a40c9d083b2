"""``python -m mdb virtual`` over a real pty: scripted by a scenario, or driven by keys."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

import pytest

from mdb import Event, Sale, Sniffer, qibixx, read_trace
from mdb.event import BusFault

DAY = """\
seed = 3
[machine]
prices = { "0001" = 12000, "0002" = 9500 }
[[reader]]
[changer]
[[step]]
do = "vend"
item = "0001"
times = 2
[[step]]
do = "deny"
item = "0002"
[[step]]
do = "cash"
item = "0002"
amount = 10000
"""
Running = subprocess.Popen[str]


@contextmanager
def machine(*arguments: object, keys: int | None = None) -> Iterator[Running]:
    command = [sys.executable, "-m", "mdb", "virtual", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if keys is None else keys,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def tapped(link: Path) -> Iterator[IO[bytes]]:
    until = time.monotonic() + 20
    while not link.exists():
        assert time.monotonic() < until, "no port"
        time.sleep(0.01)
    with link.open("r+b", buffering=0) as port:
        # Nothing is flushed: it may speak already, where this process had no turn since.
        tty.setraw(port, termios.TCSANOW)
        yield port


def said(port: IO[bytes]) -> Iterator[str]:
    half = b""
    while True:
        try:
            some = os.read(port.fileno(), 4096)
        except OSError:  # EIO: the machine has gone
            return
        if not some:  # it went while nobody read
            return
        *lines, half = (half + some).split(b"\n")
        yield from (line.decode("ascii") for line in lines)


def events(lines: Iterator[str], sniffer: Sniffer) -> Iterator[Event]:
    for line in lines:
        for heard in read_trace([line]):
            yield from sniffer.feed(heard)


def sales(lines: Iterator[str], sniffer: Sniffer) -> Iterator[Sale]:
    yield from (each for each in events(lines, sniffer) if isinstance(each, Sale))


def truth(told: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in told.splitlines()]


@pytest.fixture
def day(tmp_path: Path) -> Path:
    (tmp_path / "day.toml").write_text(DAY, "utf-8")
    return tmp_path / "day.toml"


def test_what_a_scenario_sells_is_heard_and_told_at_the_end(day: Path, tmp_path: Path) -> None:
    with machine(day, "--once", "--at-once", "--link", tmp_path / "tap") as running:
        with tapped(tmp_path / "tap") as port:
            sold = list(sales(said(port), Sniffer()))
        told, shown = running.communicate()
    assert running.returncode == 0
    vends = [each for each in truth(told) if each["truth"] == "vend"]
    assert [(each.item, each.amount) for each in sold] == [
        (each["item"], each["amount"]) for each in vends
    ]
    assert [each["amount"] for each in vends] == [12000, 12000, 9500]
    assert all(each["at"] == round(each["at"], 6) for each in vends)  # type: ignore[call-overload]
    assert {"truth": "cash_kept", "amount": 9500} in truth(told)
    assert "vend item=0001 times=2" in shown
    assert not (tmp_path / "tap").is_symlink()


def test_an_adapter_waits_for_its_host(day: Path, tmp_path: Path) -> None:
    with machine(
        day, "--once", "--at-once", "--speak", "qibixx", "--link", tmp_path / "tap"
    ) as running:
        with tapped(tmp_path / "tap") as port:
            lines = said(port)
            port.write(b"V\nX,1\n")
            assert next(lines).startswith("v,4.0.2.0,")
            assert next(lines) == "x,ACK"
            heard = list(lines)
        told, _ = running.communicate()
    sniffer = Sniffer()
    events = [event for each in qibixx.read(heard) for event in sniffer.feed(each)]
    sold = [each for each in events if isinstance(each, Sale)]
    assert len(sold) == len([each for each in truth(told) if each["truth"] == "vend"]) == 3


def test_the_same_seed_is_the_same_life(day: Path, tmp_path: Path) -> None:
    lives = []
    for seed in (7, 7, 8):
        with machine(
            *(day, "--once", "--at-once", "--noise", "0.01", "--seed", seed),
            *("--link", tmp_path / "tap"),
        ) as running:
            with tapped(tmp_path / "tap") as port:
                lives.append(list(said(port)))
            running.communicate()
    assert lives[0] == lives[1] != lives[2]


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_without_once_the_machine_stays_on_until_it_is_switched_off(
    day: Path, tmp_path: Path, which: signal.Signals
) -> None:
    with (
        machine(day, "--at-once", "--link", tmp_path / "tap") as running,
        tapped(tmp_path / "tap") as port,
    ):
        lines = said(port)
        assert len(list(islice(sales(lines, Sniffer()), 3))) == 3
        assert len(list(islice(lines, 100))) == 100  # it goes on being polled
        running.send_signal(which)
        told, _ = running.communicate()
    assert running.returncode == 0
    assert len([each for each in truth(told) if each["truth"] == "vend"]) == 3
    assert not (tmp_path / "tap").is_symlink()


def test_keys_sell(tmp_path: Path) -> None:
    ours, terminal = pty.openpty()
    with (
        machine("--at-once", "--link", tmp_path / "tap", keys=terminal) as running,
        tapped(tmp_path / "tap") as port,
    ):
        os.write(ours, b"1c2x")
        sold = list(islice(sales(said(port), Sniffer()), 2))
        os.write(ours, b"q")
        told, shown = running.communicate()
    os.close(ours)
    os.close(terminal)
    assert [(each.item, each.amount) for each in sold] == [("0001", 12000), ("0002", 9550)]
    assert [each.tenders[0].by for each in sold] == ["cashless-1", "cash"]
    assert running.returncode == 0
    assert len([each for each in truth(told) if each["truth"] == "vend"]) == 2
    assert "купить картой" in shown
    assert "buy by cash" in shown


def test_keys_sell_on_a_bus_without_faults(tmp_path: Path) -> None:
    ours, terminal = pty.openpty()
    with (
        machine("--at-once", "--link", tmp_path / "tap", keys=terminal) as running,
        tapped(tmp_path / "tap") as port,
    ):
        os.write(ours, b"1" * 60)
        heard = events(said(port), Sniffer())
        sold, faults = 0, list[Event]()
        while sold < 60:
            event = next(heard)
            sold += isinstance(event, Sale)
            faults += [event] if isinstance(event, BusFault) else []
        running.send_signal(signal.SIGTERM)
        running.communicate()
    os.close(ours)
    os.close(terminal)
    assert faults == []


@pytest.mark.parametrize("end", [b"q", b"\x04", b""], ids=["q", "Ctrl-D", "the terminal has gone"])
@pytest.mark.parametrize("came", [False, True], ids=["nobody came", "somebody came and left"])
def test_keys_switch_off_a_machine_that_nobody_listens_to(
    tmp_path: Path, end: bytes, *, came: bool
) -> None:
    ours, terminal = pty.openpty()
    with machine("--link", tmp_path / "tap", keys=terminal) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("port ")
        if came:
            with tapped(tmp_path / "tap") as port:
                next(said(port))
        if end:
            os.write(ours, end)
        else:
            os.close(ours)
        told, shown = running.communicate(timeout=20)
    if end:
        os.close(ours)
    os.close(terminal)
    assert running.returncode == 0
    assert {"truth": "cash_kept", "amount": 0} in truth(told)
    assert "Traceback" not in shown
    assert not (tmp_path / "tap").is_symlink()


def test_sigterm_switches_off_a_machine_that_nobody_listens_to(day: Path, tmp_path: Path) -> None:
    with machine(day, "--link", tmp_path / "tap") as running:
        assert running.stderr is not None
        running.stderr.readline()
        running.terminate()
        told, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert {"truth": "cash_kept", "amount": 0} in truth(told)
    assert not (tmp_path / "tap").is_symlink()


def test_a_sample_is_printed_and_can_be_played(tmp_path: Path) -> None:
    with machine("--sample") as running:
        told, _ = running.communicate()
    assert running.returncode == 0
    (tmp_path / "sample.toml").write_text(told, "utf-8")
    with machine(
        tmp_path / "sample.toml", "--once", "--at-once", "--link", tmp_path / "tap"
    ) as running:
        with tapped(tmp_path / "tap") as port:
            assert len(list(said(port))) > 100
        running.communicate()
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name a SCENARIO, or run on a terminal"),
        (["none.toml"], "none.toml: No such file or directory"),
        ([sys.executable], f"{sys.executable} is no scenario: expected TOML, a text in UTF-8"),
        (["{file}"], "step[1].do: expected one of vend"),
        (["{day}", "--noise", "2"], "expected a part from 0 to 0.5"),
        (["{day}", "--link", "/nowhere/tap"], "--link /nowhere/tap: No such file"),
    ],
)
def test_a_mistake_is_told_in_a_line_and_ends_with_two(
    day: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[machine]\nprices = { "0001" = 1000 }\n[[step]]\ndo = "dance"\n', "utf-8")
    named = [each.format(file=file, day=day) for each in arguments]
    with machine(*named) as running:
        _, said_of_it = running.communicate()
    assert running.returncode == 2
    assert told in said_of_it
    assert "Traceback" not in said_of_it

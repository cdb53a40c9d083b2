"""Real datagrams: a socket in a folder, one in the abstract namespace, and a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import ROOT

from edge.notify import Notify


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def hear(self) -> str:
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def systemd(path: str) -> Iterator[Systemd]:
    opened = Systemd(path)
    yield opened
    opened.close()


def test_everything_that_systemd_understands(path: str, systemd: Systemd) -> None:
    notify = Notify(path)
    notify.extend(90.5)
    notify.ready("vm-1: hearing the bus")
    notify.status("3 sales\npending\x1f WATCHDOG=0 ")
    notify.feed()
    notify.stopping()
    assert [systemd.hear() for _ in range(5)] == [
        "EXTEND_TIMEOUT_USEC=90500000",
        "READY=1\nSTATUS=vm-1: hearing the bus",
        "STATUS=3 sales pending WATCHDOG=0",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_ready_needs_no_status_and_an_empty_status_is_not_sent(path: str, systemd: Systemd) -> None:
    notify = Notify(path)
    notify.status("  ")
    notify.ready()
    assert systemd.hear() == "READY=1"


def test_a_long_status_is_cut(path: str, systemd: Systemd) -> None:
    Notify(path).status("я" * 5000)
    assert systemd.hear() == "STATUS=" + "я" * 200


def test_an_abstract_socket_is_reached() -> None:
    name = f"chekomat-test-{os.getpid()}"
    systemd = Systemd(f"\0{name}")
    Notify(f"@{name}").feed()
    assert systemd.hear() == "WATCHDOG=1"
    systemd.close()


def test_outside_systemd_nothing_happens() -> None:
    notify = Notify.from_environment({})
    notify.ready("never heard")
    notify.feed()
    assert notify.watchdog_s is None


def test_nobody_at_the_other_end_and_a_full_queue_hold_up_nobody(
    path: str, systemd: Systemd
) -> None:
    for _ in range(2000):
        Notify(path).feed()
    assert systemd.hear() == "WATCHDOG=1"
    systemd.close()
    Notify(path).feed()
    Notify(f"{path}/deeper").feed()
    Notify("/" + "x" * 200).feed()


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "4711"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "4712"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_only_by_whom_systemd_means(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    told = Notify.from_environment({"NOTIFY_SOCKET": "/run/notify", **environment}, pid=4711)
    assert told.watchdog_s == watchdog_s
    assert Notify.from_environment(environment, pid=4711).watchdog_s is None


def test_a_socket_of_another_family_is_named_and_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notify = Notify.from_environment({"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "1000000"})
    notify.ready()
    assert "vsock:2:1" in caplog.text
    assert notify.watchdog_s is None


def test_a_process_finds_its_socket_in_the_environment(path: str, systemd: Systemd) -> None:
    code = (
        "from edge.notify import Notify; n = Notify.from_environment();"
        "n.ready('here'); print(n.watchdog_s)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert systemd.hear() == "READY=1\nSTATUS=here"
    assert ended.stdout.strip() == "30.0"

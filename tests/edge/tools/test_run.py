"""``python -m edge`` as a process: what it says when it cannot start, and how it ends."""

import fcntl
import os
import pty
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from parts import ROOT, free_port, python

from edge.__main__ import main
from edge.wire import Sale, decode

AP113 = ROOT / "tests" / "traces" / "ap113-single-vend.mdb"
PATIENCE_S = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def config(folder: Path, more: str = "", *, tap: str = f"replay:{AP113}?pace=0") -> Path:
    """A machine with a broker that is not there: it must do without."""
    file = folder / "edge.toml"
    file.write_text(
        f'machine = "vm-1"\ntap = "{tap}"\ndata = "{folder / "state"}"\n'
        f'[broker]\nport = {free_port()}\n[receipts]\nqr = "fiscal"\n{more}',
        "utf-8",
    )
    return file


def run(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python("edge", "run", "--config", str(file)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextmanager
def running(file: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = python("edge", "run", "--config", str(file), *more)
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def sales_in(folder: Path) -> list[Sale]:
    file = folder / "state" / "outbox.sqlite"
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reader:
        try:
            rows = reader.execute("SELECT body FROM sale ORDER BY seq").fetchall()
        except sqlite3.OperationalError:  # the schema is being made
            return []
    return [decode(body, Sale) for (body,) in rows]


def sold(folder: Path) -> list[Sale]:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := sales_in(folder)):
        assert time.monotonic() < deadline, "nothing was sold"
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("show_s = 20\n", "receipts.show_s: expected at least 40, found 20"),
        (
            '[[display]]\nkind = "png"\nfile = "x"\nwidth = 60\n',
            "display[0].width: Expected `int` >= 74, found 60",
        ),
        ('colour = "red"\n', "receipts: Object contains unknown field `colour`"),
    ],
)
def test_a_wrong_configuration_is_refused_with_file_key_expected_and_found(
    folder: Path, change: str, told: str
) -> None:
    file = config(folder, change)
    ended = run(file)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"chekomat-edge: {file}: {told}" + ended.stderr.partition(told)[2]
    assert "Traceback" not in ended.stderr
    assert not (folder / "state").exists()


@pytest.mark.parametrize(
    ("tap", "told"),
    [
        ("replay:/none/such.mdb", "No such file or directory: '/none/such.mdb'"),
        (f"replay:{ROOT / 'pyproject.toml'}", "is no line of a trace"),
        ("serial:/dev/ttyACM0", "no tap is called 'serial'; known are"),
        ("virtual:0001=12005", "kopecks in tens"),
    ],
)
def test_a_tap_that_cannot_be_opened_is_a_wrong_configuration(
    folder: Path, capsys: pytest.CaptureFixture[str], tap: str, told: str
) -> None:
    file = config(folder, tap=tap)
    assert main(["run", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"chekomat-edge: {file}: tap: ")
    assert told in said
    assert not (folder / "state").exists()


def test_a_bus_that_another_program_listens_to_is_told_with_how_to_find_it(folder: Path) -> None:
    end, other = pty.openpty()
    port = os.ttyname(other)
    fcntl.flock(other, fcntl.LOCK_EX)
    ended = run(config(folder, tap=f"lines:{port}"))
    assert ended.returncode == 2
    assert f"tap: {port} is in use by another program; see which with: sudo fuser" in ended.stderr
    os.close(end)
    os.close(other)


def test_a_certificate_that_cannot_be_read_is_a_wrong_configuration(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(folder)
    file.write_text(file.read_text("utf-8").replace("[receipts]", 'ca = "/none.pem"\n[receipts]'))
    assert main(["run", "--config", str(file)]) == 2
    assert f"{file}: broker: " in capsys.readouterr().err


def test_a_port_in_use_is_a_fault_of_the_surroundings(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        ended = run(config(folder, f'[[display]]\nkind = "kiosk"\nlisten = "{listen}"\n'))
    assert ended.returncode == 1
    assert f"display kiosk: {listen} cannot be listened on" in ended.stderr
    assert "set another `listen`" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_disk_that_cannot_be_used_is_a_fault_of_the_surroundings(folder: Path) -> None:
    (folder / "state").write_text("a file where the folder should be", "utf-8")
    ended = run(config(folder))
    assert ended.returncode == 1
    assert "the outbox cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["sell"], ["run"], ["run", "--config"]])
def test_a_wrong_command_shows_how_it_is_used(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m edge" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_trace_puts_exactly_one_sale_into_the_outbox_and_a_signal_ends_it_well(
    folder: Path, number: signal.Signals
) -> None:
    with running(config(folder), "--verbose") as process:
        (sale,) = sold(folder)
        assert process.stderr is not None
        told = ""
        while "the tap has ended" not in told:
            told += process.stderr.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert [each.name for each in (folder / "state").iterdir()] == ["outbox.sqlite"]
    assert "Traceback" not in told + err
    assert "sale kept: seq=1 item=0001 amount=12510" in told
    assert (sale.machine, sale.seq, sale.item, sale.amount) == ("vm-1", 1, "0001", 12510)
    assert sales_in(folder) == [sale]
    assert "125,10" in out


def test_a_killed_agent_goes_on_where_it_was(folder: Path) -> None:
    file = config(folder)
    with running(file):
        (first,) = sold(folder)
    with running(file) as process:
        deadline = time.monotonic() + PATIENCE_S
        while len(sales := sales_in(folder)) < 2:
            assert time.monotonic() < deadline, "nothing more was sold"
            time.sleep(0.02)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert sales[0] == first
    assert (sales[1].epoch, sales[1].seq) == (first.epoch, 2)
    assert sales[1].sale_id != first.sale_id


def test_a_virtual_machine_has_a_face_and_a_page_open_does_not_keep_it_from_ending(
    folder: Path,
) -> None:
    port = free_port()
    more = f'[[display]]\nkind = "kiosk"\nlisten = "127.0.0.1:{port}"\n'
    with running(config(folder, more, tap="virtual:0001=12000")) as process:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                page = urlopen(f"http://127.0.0.1:{port}/events", timeout=5)
                break
            except OSError:
                assert time.monotonic() < deadline, "nobody listens"
                time.sleep(0.05)
        with page:
            with urlopen(f"http://127.0.0.1:{port}/machine", timeout=5) as face:
                assert "0001" in face.read().decode()
            with urlopen(f"http://127.0.0.1:{port}/machine/press/0001", b"", timeout=5) as pressed:
                assert pressed.status == 202
            (sale,) = sold(folder)
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
    assert (sale.item, sale.amount) == ("0001", 12000)

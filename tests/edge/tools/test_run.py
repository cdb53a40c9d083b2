"""``python -m edge`` as a process: what it says when it cannot start, and how it ends."""

import asyncio
import fcntl
import os
import pty
import re
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
from parts import ROOT, Mosquitto, free_port, python, until

from edge.__main__ import main
from edge.technician.unix_socket import NAME, ask
from edge.wire import Channel, Sale, State, decode
from edge.wire.link import Incoming, Link
from edge.wire.settings import Broker

AP113 = ROOT / "tests" / "traces" / "ap113-single-vend.mdb"
PATIENCE_S = 20
TOLD = "the tap has ended|sale kept"


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
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reader:
            rows = reader.execute("SELECT body FROM sale ORDER BY seq").fetchall()
    except sqlite3.DatabaseError:  # the schema is being made, it is damaged, or just set aside
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
        ('colour = "red"\n', "receipts: there is no key `colour`"),
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
    assert f"{file}: broker.ca: /none.pem: no such file" in capsys.readouterr().err


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


PANEL = '[[display]]\nkind = "png"\nfile = "/none/x.png"\nwidth = 480\nheight = 320\n'


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            f"{PANEL}width_mm = 24\nheight_mm = 16\n",
            "display[0] (png): cannot show a lawful fiscal QR code: ",
        ),
        ('[[printer]]\nkind = "file"\nfolder = "x"\ndots = 200\n', "printer[0].dots: a code of "),
        (
            '[[printer]]\nkind = "fax"\n',
            "edge.toml: printer[0].kind: Invalid value 'fax'; allowed are ",
        ),
        ('[technician]\npin_file = "/none/pin"\n', "technician.pin_file: /none/pin: cannot be "),
    ],
)
def test_what_cannot_be_ends_the_start_with_two_and_one_line(
    folder: Path, more: str, told: str
) -> None:
    ended = run(config(folder, more))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("chekomat-edge: ")
    assert told in line


def test_a_data_folder_that_cannot_be_written_to_ends_the_start_with_one_and_one_line(
    folder: Path,
) -> None:
    """Not even root writes a file into /proc/sys."""
    file = config(folder)
    file.write_text(file.read_text("utf-8").replace(str(folder / "state"), "/proc/sys"), "utf-8")
    ended = run(file)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("chekomat-edge: /proc/sys")
    assert "the outbox cannot be used" in line


def test_a_damaged_outbox_is_set_aside_and_the_machine_sells_on(folder: Path) -> None:
    file = config(folder)
    with running(file) as process:
        (first,) = sold(folder)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    outbox = folder / "state" / "outbox.sqlite"
    content = bytearray(outbox.read_bytes())
    content[:100] = b"\xa5" * 100
    outbox.write_bytes(content)
    with running(file) as process:
        deadline = time.monotonic() + PATIENCE_S
        while len(sales := sales_in(folder)) < 2:
            assert time.monotonic() < deadline, "it did not sell on"
            time.sleep(0.02)
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "is damaged" in said
    assert first in sales
    assert {each.seq for each in sales} == {1}
    assert len({each.epoch for each in sales}) == 2
    assert [each.name for each in (folder / "state").iterdir() if "damaged" in each.name]


@pytest.fixture
def systemd(folder: Path) -> Iterator[socket.socket]:
    """The other end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(folder / "notify"))
        opened.settimeout(PATIENCE_S)
        yield opened


def supervised(folder: Path, file: Path) -> subprocess.Popen[str]:
    """As Type=notify with a watchdog of half a second starts it."""
    environment = {
        **os.environ,
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": "500000",
    }
    return subprocess.Popen(
        python("edge", "run", "--config", str(file)),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_systemd_is_told_that_it_is_ready_alive_and_on_its_way_out(
    folder: Path, systemd: socket.socket
) -> None:
    port = free_port()
    more = f'[[display]]\nkind = "kiosk"\nlisten = "127.0.0.1:{port}"\n'
    file = config(folder, more, tap="virtual:0001=12000")
    with supervised(folder, file) as process:
        try:
            assert systemd.recv(4096).decode() == (
                "READY=1\nSTATUS=vm-1: listening to virtual:0001=12000"
            )
            # Everything was open before it said so.
            with urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as page:
                assert page.status == 200
            assert ask(folder / "state" / NAME, PATIENCE_S).machine == "vm-1"
            assert [systemd.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            process.terminate()
            while (said := systemd.recv(4096)) == b"WATCHDOG=1":
                pass
            assert said == b"STOPPING=1"
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


def test_whoever_asks_again_does_not_cut_its_end_short(folder: Path) -> None:
    """The broker takes the connection and says no more, so that the goodbye takes its time."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        mute.settimeout(PATIENCE_S)
        file = at_broker(config(folder, tap="virtual:0001=12000"), mute.getsockname()[1])
        with running(file, "--verbose") as process:
            line, _ = mute.accept()
            with line:
                assert line.recv(4096)[0] == 0x10  # CONNECT
                line.send(bytes.fromhex("20020000"))  # CONNACK
                assert line.recv(4096)  # a subscription, or a birth: it is connected
                process.terminate()
                said = b""
                while b'"online":false' not in said:  # its goodbye, which nobody answers
                    some = line.recv(4096)
                    assert some
                    said += some
                for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                    process.send_signal(number)
                    time.sleep(0.05)
                assert process.wait(PATIENCE_S) == 0
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()
    # Closed in order: its log is folded into the file, and its socket is gone.
    assert {each.name for each in (folder / "state").iterdir()} - {"ballast"} == {"outbox.sqlite"}


def at_broker(file: Path, port: int) -> Path:
    """The same machine with a broker that is there; its will has no delay."""
    text = re.sub(
        r"port = [0-9]+", f'port = {port}\nmqtt = "3.1.1"', file.read_text("utf-8"), count=1
    )
    file.write_text(text, "utf-8")
    return file


@pytest.mark.needs("mosquitto")
async def test_one_that_is_killed_is_told_off_by_its_will(broker: Mosquitto, folder: Path) -> None:
    file = at_broker(config(folder, tap="virtual:0001=12000"), broker.port)
    link = Link(Broker(port=broker.port), "watcher", [Channel.STATE.of("vm-1")], ("lwt", b""))
    states: list[State] = []

    async def watch() -> None:
        async for happening in link:
            match happening:
                case Incoming(payload=payload):
                    states.append(decode(payload, State))

    link.start()
    watching = asyncio.create_task(watch())
    with running(file) as process:
        await until(lambda: states, PATIENCE_S)
        process.kill()
        await until(lambda: len(states) == 2)
    watching.cancel()
    await asyncio.wait([watching])
    await link.stop()
    assert [each.online for each in states] == [True, False]
    assert (states[0].bus, states[0].display, states[0].printer) == ("ok", "ok", "none")


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
        while not {"the tap has ended", "sale kept"} <= set(re.findall(TOLD, told)):
            told += process.stderr.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert {each.name for each in (folder / "state").iterdir()} - {"ballast"} == {"outbox.sqlite"}
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
                page = urlopen(f"http://127.0.0.1:{port}/events", timeout=PATIENCE_S)
                break
            except OSError:
                assert time.monotonic() < deadline, "nobody listens"
                time.sleep(0.05)
        with page:
            with urlopen(f"http://127.0.0.1:{port}/machine", timeout=PATIENCE_S) as face:
                assert "0001" in face.read().decode()
            with urlopen(
                f"http://127.0.0.1:{port}/machine/press/0001", b"", timeout=PATIENCE_S
            ) as pressed:
                assert pressed.status == 202
            (sale,) = sold(folder)
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
    assert (sale.item, sale.amount) == ("0001", 12000)


def test_a_start_that_fails_after_the_outbox_was_opened_leaves_it_sound(folder: Path) -> None:
    """Else systemd starts it anew every five seconds, and each start begins a new epoch."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        file = config(folder, f'[[display]]\nkind = "kiosk"\nlisten = "{listen}"\n')
        for _ in range(3):
            assert run(file).returncode == 1
    kept = [each.name for each in folder.rglob("outbox*")]
    assert kept == ["outbox.sqlite"]

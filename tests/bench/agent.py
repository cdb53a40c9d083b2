"""The agent's process: start, memory and work, beside a Python that does nothing."""

import itertools
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figure import Figure
from listener import TRACE

from mdb.byte import BYTE_S

ROUNDS = 5
BUSY_S = 10.0
NOTHING = [sys.executable, "-u", "-c", "print('ready')\nimport time\ntime.sleep(600)"]
KIOSK = '[[display]]\nkind = "kiosk"\nlisten = "127.0.0.1:0"\n'


def measure_agent() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bare = [_start(NOTHING) for _ in range(ROUNDS)]
        terminal = [_start(_agent(Path(folder), "")) for _ in range(ROUNDS)]
        nothing_s = 1000 * statistics.median(seconds for seconds, _ in bare)
        nothing_mb = statistics.median(rss for _, rss in bare)
        yield Figure(
            "edge: start to listening and first picture",
            1000 * statistics.median(seconds for seconds, _ in terminal),
            nothing_s,
            "ms",
            "python that prints",
            "< 1000 ms",
        )
        yield Figure(
            "edge: memory, terminal display",
            statistics.median(rss for _, rss in terminal),
            nothing_mb,
            "MB RSS",
            "python that prints",
            "≤ 45 MB",
        )
        yield Figure(
            "edge: memory, kiosk display",
            _kiosk_mb(Path(folder)),
            nothing_mb,
            "MB RSS",
            "python that prints",
            "≤ 60 MB",
        )
        yield _busy(Path(folder))


def _config(folder: Path, more: str, tap: str) -> Path:
    config = folder / "edge.toml"
    config.write_text(
        f'machine = "vm-1"\ntap = "{tap}"\ndata = "{folder}/data"\n'
        f'[receipts]\nqr = "fiscal"\n[broker]\nport = 1\n{more}',
        "utf-8",
    )
    return config


def _agent(folder: Path, more: str, tap: str = f"replay:{TRACE}?pace=0") -> list[str]:
    config = _config(folder, more, tap)
    return [sys.executable, "-u", "-m", "edge", "run", "--config", str(config)]


def _start(command: list[str]) -> tuple[float, float]:
    """Seconds to the first line, and megabytes once it has said all it says at the start."""
    began = time.perf_counter()
    with _running(command) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - began
        time.sleep(1)
        return seconds, _rss(process)


def _kiosk_mb(folder: Path) -> float:
    """With a page open and a QR on it."""
    from urllib.request import urlopen

    from parts import free_port, wait_for_port

    port = free_port()
    more = KIOSK.replace(":0", f":{port}")
    with _running(_agent(folder, more, "virtual:0001=12000")) as process:
        wait_for_port(port)
        with urlopen(f"http://127.0.0.1:{port}/events") as page:
            page.read(64)
            press = f"http://127.0.0.1:{port}/machine/press/0001"
            urlopen(press, data=b"").close()
            time.sleep(3)
            return _rss(process)


def _busy(folder: Path) -> Figure:
    """Both lines of the bus without a pause, through a port, as a share of one core."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with _running(_agent(folder, "", f"lines:{os.ttyname(theirs)}")) as process:
        assert process.stdout is not None
        process.stdout.readline()
        stop = threading.Event()
        speaker = threading.Thread(target=_speak, args=(ours, stop), daemon=True)
        speaker.start()
        time.sleep(1)
        busy = _cpu(process, BUSY_S)
        stop.set()
        speaker.join()
        time.sleep(1)
        idle = _cpu(process, BUSY_S / 2)
    return Figure(
        "edge: a core's work at a saturated bus",
        100 * busy,
        max(0.1, 100 * idle),
        "%",
        "the same process, bus silent",
    )


def _speak(port: int, stop: threading.Event) -> None:
    """Polls and answers, 2 × 960 bytes a second: three bytes a line pair."""
    poll = itertools.cycle(("> 0B 0B", "< 00", "> 12 12", "< 00", "> 33 33", "< 00"))
    at = began = time.monotonic()
    while not stop.is_set():
        text = ""
        while at < time.monotonic():
            line = next(poll)
            at += (len(line.split()) - 1) * BYTE_S / 2
            text += f"{at - began:.4f} {line}\r\n"
        os.write(port, text.encode())
        time.sleep(0.005)


def _cpu(process: "subprocess.Popen[bytes]", seconds: float) -> float:
    before = _ticks(process)
    time.sleep(seconds)
    return (_ticks(process) - before) / os.sysconf("SC_CLK_TCK") / seconds


def _ticks(process: "subprocess.Popen[bytes]") -> int:
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _rss(process: "subprocess.Popen[bytes]") -> float:
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


@contextmanager
def _running(command: list[str]) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()

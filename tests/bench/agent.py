"""The agent's process: start to the first picture, and memory, beside a Python that does nothing."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figure import Figure
from listener import TRACE

ROUNDS = 5


def measure_agent() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "edge.toml"
        config.write_text(
            f'machine = "vm-1"\ntap = "replay:{TRACE}?pace=0"\ndata = "{folder}"\n'
            '[receipts]\nqr = "fiscal"\n[broker]\nport = 1\n',
            "utf-8",
        )
        agent = [sys.executable, "-u", "-m", "edge", "run", "--config", str(config)]
        nothing = [sys.executable, "-u", "-c", "print('ready')\nimport time\ntime.sleep(60)"]
        ours = [_start(agent) for _ in range(ROUNDS)]
        bare = [_start(nothing) for _ in range(ROUNDS)]
    yield Figure(
        "edge: start to first picture",
        1000 * statistics.median(seconds for seconds, _ in ours),
        1000 * statistics.median(seconds for seconds, _ in bare),
        "ms",
        "python that prints",
        "< 1000 ms",
    )
    yield Figure(
        "edge: memory, terminal display",
        statistics.median(rss for _, rss in ours),
        statistics.median(rss for _, rss in bare),
        "MB RSS",
        "python that prints",
        "< 60 MB",
    )


def _start(command: list[str]) -> tuple[float, float]:
    """Seconds to the first line, and megabytes once it has said all it says at the start."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    seconds = time.perf_counter() - began
    time.sleep(1)
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    process.terminate()
    process.communicate()
    return seconds, int(rss) / 1024

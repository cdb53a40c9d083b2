"""Parts that tests start for real: programs, ports, a broker that may be killed."""

import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Debian keeps a PostgreSQL of each version, and none of them in PATH.
POSTGRESQL = sorted(
    map(str, Path("/usr/lib/postgresql").glob("*/bin")), key=lambda each: int(each.split("/")[-2])
)
PATH = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *reversed(POSTGRESQL)]
)
ROOT = Path(__file__).parent.parent
LOWEST_PORT = 10_000
WORKER, WORKERS = (
    int(os.environ.get(f"PYTEST_XDIST_WORKER{each}", ordinary).removeprefix("gw"))
    for each, ordinary in (("", "gw0"), ("_COUNT", "1"))
)
"""Which of the processes that run tests at once this is: each has ports of its own."""
CHANCE = random.SystemRandom()
"""Its own: a test may have made the common one give the same numbers again."""

_DEALT = deque[int](maxlen=1000)
"""Nobody listens on a port yet when the next one is asked for."""


def program(name: str) -> str | None:
    return shutil.which(name, path=PATH)


def free_port() -> int:
    """One below those that the kernel deals out, so that nobody gets it while its owner is down."""
    range_of_kernel = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    above = max(LOWEST_PORT + 1000, int(range_of_kernel[0]))
    while True:
        port = CHANCE.randrange(LOWEST_PORT + WORKER, above, WORKERS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _DEALT:
                _DEALT.append(port)
                return port


def wait_for_port(port: int, patience_s: float = 20) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


async def until(condition: Callable[[], object], patience_s: float = 20) -> None:
    """Wait until something is true; the test's own limit, not a guess at how long it takes."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Mosquitto:
    """A real broker that a test may kill and start again."""

    port: int
    config: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        found = program("mosquitto")
        assert found is not None
        self.process = subprocess.Popen(
            [found, "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_port(self.port)

    def kill(self) -> None:
        """SIGKILL: everything it held is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


@contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    port = free_port()
    config = folder / f"mosquitto-{port}.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n", "utf-8"
    )
    broker = Mosquitto(port, config)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]

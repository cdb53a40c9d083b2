"""The demo's processes: started, watched, stopped; and ports that nobody uses."""

import asyncio
import contextlib
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from cloud.errors import StartError

PATIENCE_S: Final = 20.0
LOOK_S: Final = 0.05
LOWEST_PORT: Final = 10_000


@asynccontextmanager
async def run(name: str, command: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program until the block ends. What goes wrong it says on our standard error.

    Raises:
        StartError: it ended by itself while we needed it.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us: we stop the parts in order
    )
    task = asyncio.current_task()
    watch = asyncio.ensure_future(_watch(process, task))
    try:
        yield process
    except asyncio.CancelledError:
        if process.returncode is not None and watch.done() and watch.result():
            raise StartError(f"the {name} ended by itself, exit {process.returncode}") from None
        raise
    finally:
        watch.cancel()
        await _stop(process)


def python(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own packages."""
    return [sys.executable, "-m", module, *arguments]


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody uses now; nor are they dealt out while their owners start."""
    above, found = _dealt_from(), list[int]()
    while len(found) < count:
        port = secrets.choice(range(LOWEST_PORT, above))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def _dealt_from() -> int:
    """Where the ports begin that the kernel gives to whoever wants any."""
    with contextlib.suppress(OSError):
        told = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii")
        return max(LOWEST_PORT + 1000, int(told.split()[0]))
    return 32_768


async def until_it_answers(http: aiohttp.ClientSession, url: str, wanted: int = 200) -> None:
    """Wait until a server answers.

    Raises:
        StartError: it does not, in good time.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(url) as response:
                        if response.status == wanted:
                            return
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise StartError(f"{url} did not answer within {PATIENCE_S:.0f} s") from None


async def _watch(process: asyncio.subprocess.Process, task: "asyncio.Task[object] | None") -> bool:
    await process.wait()
    if task is not None:
        task.cancel()
    return True


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

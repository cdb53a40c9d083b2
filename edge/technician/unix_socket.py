"""The agent's socket: whoever may read the data folder asks for the status; nobody can write.

`agent.sock` in the data folder; one connection is one question, the answer is one line of JSON. So
a technician learns all of it while the agent keeps its database to itself: a second connection to
it could corrupt its log.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from edge.errors import StartError
from edge.technician.status import Status

log = logging.getLogger(__name__)

NAME: Final = "agent.sock"
UNIT: Final = "chekomat-edge"
LONGEST: Final = 107
"""Bytes of a path in `sockaddr_un` (unix(7)), without the zero at its end."""
ANSWER_S: Final = 5.0
MOST: Final = 1 << 20

Ask = Callable[[], Awaitable[Status]]
"""Gathers the status; in the event loop."""


@asynccontextmanager
async def serve_socket(path: Path, ask: Ask) -> AsyncIterator[None]:
    """Answer at `path` until the end. A stale socket is replaced.

    Never raises by itself: an agent that cannot be asked still sells. Why not is logged.
    """
    talks: set[asyncio.Task[None]] = set()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            talks.add(task)
            task.add_done_callback(talks.discard)
        # Cancelled here means that the agent ends: asyncio would log it as an error.
        with suppress(asyncio.CancelledError):
            await _answer(writer, ask)

    server = None
    try:
        server = await asyncio.start_unix_server(talk, sock=_bind(path))
    except OSError as error:
        log.error("status: %s cannot be listened on: %s; going on without", path, error)  # noqa: TRY400
    try:
        yield
    finally:
        if server is not None:
            server.close()
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
            _remove(path)


def ask(path: Path, timeout_s: float = 3.0) -> Status:
    """Ask the agent that listens at `path`.

    Raises:
        StartError: it does not run, may not be asked, or does not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX) as asked, _short(path) as address:
            asked.settimeout(timeout_s)
            asked.connect(address)
            line = _read(asked, deadline)
    except TimeoutError as error:
        raise StartError(
            f"the agent at {path} does not answer within {timeout_s:g} s; see: systemctl status"
            f" {UNIT}, journalctl -u {UNIT}"
        ) from error
    except PermissionError as error:
        raise StartError(f"the agent at {path} may not be asked by you; use sudo") from error
    except OSError as error:
        raise StartError(
            f"the agent does not run: nobody answers at {path} ({error.strerror}); see: systemctl"
            f" status {UNIT}"
        ) from error
    try:
        return msgspec.json.decode(line, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StartError(
            f"the agent at {path} gave no status that is understood here: {error}; is this command"
            f" of the same version? See: journalctl -u {UNIT}"
        ) from error


async def _answer(writer: asyncio.StreamWriter, ask: Ask) -> None:
    try:
        async with asyncio.timeout(ANSWER_S):
            writer.write(msgspec.json.encode(await ask()) + b"\n")
            await writer.drain()
    except TimeoutError:
        log.warning("status: it could not be told within %g s", ANSWER_S)
        writer.transport.abort()
    except OSError as error:
        log.debug("status: whoever asked has gone: %s", error)
    except Exception:
        # A question must not hurt the one who is asked.
        log.exception("status: it could not be gathered")
    finally:
        writer.close()


def _bind(path: Path) -> socket.socket:
    """Bound, for owner and group; the folder decides who comes as far as that."""
    bound = socket.socket(socket.AF_UNIX)
    try:
        with _short(path) as address:
            if path.is_socket() and _is_stale(address):
                path.unlink()
            bound.bind(address)
            path.chmod(0o660)
    except BaseException:
        bound.close()
        raise
    return bound


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _is_stale(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name that fits into an address: through the open folder where the path is too long."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _read(asked: socket.socket, deadline: float) -> bytes:
    """The answer's one line; empty if the agent had none."""
    parts: list[bytes] = []
    while sum(map(len, parts)) <= MOST:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        asked.settimeout(left)
        part = asked.recv(65536)
        parts.append(part)
        if not part or part.endswith(b"\n"):
            break
    return b"".join(parts)

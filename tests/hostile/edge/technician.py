"""Whoever is in the machine's network, or in its data folder, and sends what they like."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.clock import SystemClock
from edge.server import serve
from edge.technician.page import TechnicianPage
from edge.technician.status import BusStatus, ClockStatus, LinkStatus, OutboxStatus, Status
from edge.technician.unix_socket import ask, serve_socket

PIN: Final = "407155"
PATIENCE_S: Final = 0.05
ANSWERED_S: Final = 5.0
STATUS: Final = Status(
    machine="vm-000123",
    version="0.1.0",
    started="2026-11-23T06:00:00.000Z",
    uptime_s=1.0,
    clock=ClockStatus(quality="synced", now="2026-11-23T15:43:20.000Z"),
    bus=BusStatus(tap="virtual:0001=1000"),
    outbox=OutboxStatus(epoch="7f3a9c1e", next_seq=1),
    link=LinkStatus(broker="127.0.0.1:1883"),
)


async def _status() -> Status:
    return STATUS


def page(told: bytes) -> None:
    """The bytes of a connection: never answered as our fault, and nobody is let in by them."""
    asyncio.run(_page(told))


async def _page(told: bytes) -> None:
    routes = TechnicianPage(PIN, _status, SystemClock().boottime).routes()
    runner = await serve("127.0.0.1:0", routes, whose="technician")
    try:
        port = runner.addresses[0][1]
        answer = await _said("127.0.0.1", port, told)
        assert b"Traceback" not in answer
        for line in answer.splitlines():
            assert not (line.startswith(b"HTTP/1.") and line[8:10] == b" 5"), answer[:300]
        assert STATUS.machine.encode() not in answer
        asked = b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        closed = await _said("127.0.0.1", port, asked, ANSWERED_S)
        assert closed.startswith(b"HTTP/1.1 401"), closed[:300]
    finally:
        await runner.cleanup()


async def _said(host: str, port: int, told: bytes, patience_s: float = PATIENCE_S) -> bytes:
    """What is answered until the connection is closed, or nothing more comes."""
    reader, writer = await asyncio.open_connection(host, port)
    answer = b""
    with suppress(TimeoutError, OSError):
        writer.write(told)
        while True:
            async with asyncio.timeout(patience_s):
                part = await reader.read(65536)
            if not part:
                break
            answer += part
    writer.transport.abort()
    return answer


def unix_socket(told: bytes) -> None:
    """Whatever is written into the agent's socket is no question; the next one is answered."""
    with tempfile.TemporaryDirectory(prefix="chekomat-hostile-") as name:
        asyncio.run(_unix_socket(Path(name) / "agent.sock", told))


async def _unix_socket(path: Path, told: bytes) -> None:
    async with serve_socket(path, _status):
        for polite in (True, False):
            reader, writer = await asyncio.open_unix_connection(str(path))
            with suppress(OSError):
                writer.write(told)
                if polite:
                    writer.write_eof()
                    await reader.read()
            writer.transport.abort()
        assert await asyncio.to_thread(ask, path) == STATUS


PAGE_SEEDS: Final = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /status?lang=en HTTP/1.1\r\nHost: x\r\nCookie: chekomat_technician=x\r\n\r\n",
    b"POST /pin HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\npin=000000",
    b"POST /pin HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\npin=%ED%A0",
    b"POST /pin HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n" + b"pin=" + b"&" * 296,
    b"POST /pin HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npin=\r\nzz\r\n",
    b"POST /pin HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
    b'GET /%00%ff/../.. HTTP/1.1\r\nHost: \xff\r\nCookie: \x01=\xff;;=;"\r\n\r\n',
    b"POST /pin HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    b"PUT /pin HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0" * 1000,
]
SOCKET_SEEDS: Final = [b"", b"status\n", b"\0" * 100_000, b'{"a":' * 1000]

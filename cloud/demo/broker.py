"""The demo's broker: mosquitto where it is installed, else amqtt inside this process."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from cloud.demo.processes import run
from cloud.errors import StartError

_PLACES: Final = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where it lies on systems that keep it off an ordinary user's PATH."""


@asynccontextmanager
async def broker(folder: Path, port: int, name: str | None) -> AsyncIterator[Literal["5", "3.1.1"]]:
    """Run one on a loopback port, the named one or what is there; yields its version of MQTT.

    Raises:
        StartError: there is neither, or it does not start.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    program = None if name == "amqtt" else shutil.which("mosquitto", path=path)
    if program is None and name == "mosquitto":
        raise StartError("mosquitto is not installed: apt install mosquitto, or use amqtt")
    if program is None:
        async with _amqtt(port):
            yield "3.1.1"
        return
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        "persistence false\nlog_dest stderr\nlog_type error\nlog_type warning\n",
        "utf-8",
    )
    async with run("broker", [program, "-c", str(settings)]):
        yield "5"


@asynccontextmanager
async def _amqtt(port: int) -> AsyncIterator[None]:
    try:
        from amqtt.broker import Broker  # noqa: PLC0415, only where there is no mosquitto
    except ImportError as error:
        raise StartError(
            "no broker: install mosquitto (apt install mosquitto), or the extra [demo]"
        ) from error
    server = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}},
        }
    )
    await server.start()
    try:
        yield
    finally:
        async with asyncio.timeout(5):
            await server.shutdown()

"""Where the demo's parts listen: loopback ports that nobody used a moment ago."""

from dataclasses import dataclass
from typing import Literal

import aiohttp

from cloud.demo.processes import free_ports


@dataclass(frozen=True, slots=True)
class Places:
    """A port for each part."""

    broker: int
    emulator: int
    public: int
    cabinet: int
    kiosk: int

    @classmethod
    def free(cls) -> "Places":
        """Five free ports."""
        return cls(*free_ports(5))

    def url(self, port: int) -> str:
        """A loopback address."""
        return f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Running:
    """The demo's parts, all up; and the version of MQTT that its broker speaks."""

    http: aiohttp.ClientSession
    places: Places
    mqtt: Literal["5", "3.1.1"]

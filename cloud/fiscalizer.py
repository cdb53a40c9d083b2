"""The fiscaliser: a lane for each register there is, as the fleet changes."""

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
import structlog

from cloud.bell import Bell
from cloud.breaker import Circuit
from cloud.clock import now_ms
from cloud.errors import ConfigError
from cloud.fleet import Register
from cloud.lane import Lane
from cloud.outcome import Pause
from cloud.registers import Opened, opened
from cloud.store import BUSY, Store, fleet, lanes

log = structlog.get_logger(__name__)

LOOK_S: Final = 2.0
"""How often the fleet is looked at."""


class Fiscalizer:
    """Works the lanes of all registers, and knows who speaks to each."""

    def __init__(
        self, store: Store, http: aiohttp.ClientSession, owner: str, due: Bell, news: Bell
    ) -> None:
        self._store = store
        self._http = http
        self._owner = owner
        self._due = due
        self._news = news
        self._opened: dict[str, Opened] = {}
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._version = -1

    @property
    def opened(self) -> Mapping[str, Opened]:
        """Registers that can be spoken to, by name; kept up to date."""
        return self._opened

    async def run(self, *, work: bool = True) -> None:
        """Follow the fleet for ever; work the lanes, or only know the registers."""
        try:
            while True:
                try:
                    await self.look()
                except BUSY as error:
                    log.warning("the store is busy", reason=str(error))
                if work:
                    self._work()
                await asyncio.sleep(LOOK_S)
        finally:
            await self._stop(*self._lanes)

    async def look(self) -> None:
        """See what changed in the fleet; lanes of what was changed or taken away end."""
        async with self._store.reading() as connection:
            version = await fleet.version(connection)
            if version == self._version:
                return
            wanted = {each.id: each for each in await fleet.every(connection, Register)}
        changed = [
            name for name, known in self._opened.items() if wanted.get(name) != known.register
        ]
        await self._stop(*changed)
        for name in changed:
            del self._opened[name]
        for name, register in wanted.items():
            if name not in self._opened:
                await self._open(register)
        self._version = version

    def _work(self) -> None:
        """A lane for every register that is open: some were before the first was worked."""
        for lane in self._lanes.values():
            if lane.done():
                lane.result()  # a lane never ends by itself
        for name, account in self._opened.items():
            if name not in self._lanes:
                lane = Lane(self._store, account, self._owner, self._due, self._news)
                self._lanes[name] = asyncio.create_task(lane.run(), name=f"lane {name}")

    async def _open(self, register: Register) -> None:
        try:
            self._opened[register.id] = opened(register, self._http)
        except ConfigError as error:
            log.warning("register cannot be opened", register=register.id, reason=str(error))
            shut = Circuit(pause=Pause.AUTH, reason=str(error))
            async with self._store.transaction() as connection:
                await lanes.set_circuit(connection, register.id, shut, now_ms())

    async def _stop(self, *names: str) -> None:
        ending = [self._lanes.pop(name) for name in names if name in self._lanes]
        for lane in ending:
            lane.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

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
                    await self.look(work=work)
                except BUSY as error:
                    log.warning("the store is busy", reason=str(error))
                for name, lane in list(self._lanes.items()):
                    if lane.done():
                        lane.result()  # a lane never ends by itself
                        del self._lanes[name]
                await asyncio.sleep(LOOK_S)
        finally:
            await self._stop(*self._lanes)

    async def look(self, *, work: bool = False) -> None:
        """See what changed in the fleet; lanes of what is new, or changed, begin anew."""
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
                await self._open(register, work=work)
        self._version = version

    async def _open(self, register: Register, *, work: bool) -> None:
        try:
            account = opened(register, self._http)
        except ConfigError as error:
            log.warning("register cannot be opened", register=register.id, reason=str(error))
            shut = Circuit(pause=Pause.AUTH, reason=str(error))
            async with self._store.transaction() as connection:
                await lanes.set_circuit(connection, register.id, shut, now_ms())
            return
        self._opened[register.id] = account
        if work:
            lane = Lane(self._store, account, self._owner, self._due, self._news)
            self._lanes[register.id] = asyncio.create_task(lane.run(), name=f"lane {register.id}")

    async def _stop(self, *names: str) -> None:
        ending = [self._lanes.pop(name) for name in names if name in self._lanes]
        for lane in ending:
            lane.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

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

    def __init__(  # noqa: PLR0917, what it is joined to
        self,
        store: Store,
        http: aiohttp.ClientSession,
        owner: str,
        due: Bell,
        news: Bell,
        look_s: float = LOOK_S,
    ) -> None:
        self._store = store
        self._http = http
        self._owner = owner
        self._due = due
        self._news = news
        self._look_s = look_s
        self._opened: dict[str, Opened] = {}
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._shut: set[str] = set()
        self._circuits: dict[str, Circuit] = {}
        """What is to be written of registers by whoever works them: shut, or mended."""
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
                    if work:
                        await self._tell()
                except BUSY as error:
                    log.warning("the store is busy", reason=str(error))
                if work:
                    self._work()
                await asyncio.sleep(self._look_s)
        finally:
            await self._stop(*self._lanes)

    async def look(self) -> None:
        """See what changed in the fleet; lanes of what was changed or taken away end."""
        async with self._store.reading() as connection:
            version = await fleet.version(connection)
            if version == self._version and not self._shut:
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
                self._open(register, anew=name in changed or name in self._shut)
        self._version = version

    def _work(self) -> None:
        """A lane for every register that is open: some were before the first was worked."""
        for name, working in list(self._lanes.items()):
            if working.done():
                reason = "cancelled" if working.cancelled() else repr(working.exception())
                log.error("a lane ended by itself", register=name, reason=reason)
                del self._lanes[name]
        for name, account in self._opened.items():
            if name not in self._lanes:
                lane = Lane(self._store, account, self._owner, self._due, self._news)
                self._lanes[name] = asyncio.create_task(lane.run(), name=f"lane {name}")

    def _open(self, register: Register, *, anew: bool) -> None:
        name = register.id
        try:
            self._opened[name] = opened(register, self._http)
        except ConfigError as error:
            if name not in self._shut:
                log.warning("register cannot be opened", register=name, reason=str(error))
                self._circuits[name] = Circuit(pause=Pause.AUTH, reason=str(error))
            # What is missing may be laid down without a change of the fleet: it is tried again.
            self._shut.add(name)
        else:
            self._circuits.pop(name, None)
            self._shut.discard(name)
            if anew:
                # What it was held for may be mended.
                self._circuits[name] = Circuit()

    async def _tell(self) -> None:
        """Write down which registers are shut and which begin anew; a person's pause stands."""
        for name, circuit in list(self._circuits.items()):
            async with self._store.transaction() as connection:
                await lanes.set_circuit(connection, name, circuit, now_ms(), over_a_person=False)
            del self._circuits[name]

    async def _stop(self, *names: str) -> None:
        ending = [self._lanes.pop(name) for name in names if name in self._lanes]
        for lane in ending:
            lane.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

"""The cloud's side: one or two `serve` processes on one store, killed and begun again.

What runs is `cloud.app`, whole: inbox, placer, lanes, replies, hooks and pages. Simulated are link,
network and driver. Two processes share one file here as they share a PostgreSQL elsewhere; for that
they do not take the lock that lets one process alone serve a file, and hear each other's bells.
"""

import asyncio
import contextvars
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from shop import a_config
from simulation.card import Card
from simulation.clockwork import Clockwork
from simulation.process import PROCESS, Computer, Process

from cloud import app
from cloud.bell import Bell
from cloud.errors import StartError
from cloud.roles import ROLES
from cloud.store import BUSY, Store

AGAIN_S: Final = 5.0
RING_S: Final = 0.01
FIRST_PORT: Final = 8080
DUE: Final = """
    SELECT min(next_at) FROM receipt WHERE state IN ('waiting', 'submitted', 'unknown', 'accepted')
    UNION ALL
    SELECT hold_until FROM lane WHERE EXISTS (
        SELECT 1 FROM receipt WHERE state IN ('waiting', 'submitted', 'unknown', 'accepted')
    ) AND register NOT LIKE '@%'
"""


@dataclass
class Serving:
    """One place where `serve` runs, one life after the other."""

    name: str
    port: int
    process: Process | None = None
    store: Store | None = None
    starting: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.alive


@dataclass(frozen=True)
class Ear:
    """Whoever serves hears the others' bells in its own context."""

    process: Process
    context: contextvars.Context
    bells: Mapping[str, Bell]


@dataclass
class Cloud:
    """All who serve, and the computer with their store."""

    loop: Clockwork
    chance: Random
    folder: Path
    count: int
    ears: list[Ear] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.computer = Computer("cloud")
        self.places = [Serving(f"cloud-{n + 1}", FIRST_PORT + n) for n in range(self.count)]
        self._moves = 0
        self._reader: sqlite3.Connection | None = None
        self.card = Card(self.folder)

    @property
    def database(self) -> Path:
        return self.card.folder / "cloud.sqlite"

    def pause_s(self) -> float:
        """Until a receipt is due: nobody has to look before that, unless a bell rings."""
        due = [each for (each,) in self.read(DUE) if each is not None]
        return max(due) / 1000 - time.time() if due else float("inf")

    def read(self, query: str) -> list[Any]:
        """As anybody may who has the file."""
        if self._reader is None:
            self._reader = sqlite3.connect(self.database, isolation_level=None)
        return self._reader.execute(query).fetchall()

    def start(self) -> None:
        for place in self.places:
            self._start(place)

    def _start(self, place: Serving) -> None:
        if place.starting is not None:
            place.starting.cancel()
            place.starting = None
        if not place.runs:
            place.process = Process(place.name, self.computer)
            place.process.begin(partial(self._serve, place, place.process))

    def start_in(self, place: Serving, seconds: float) -> None:
        if place.starting is not None:
            place.starting.cancel()
        place.starting = self.loop.by_the_world(seconds, self._start, place)

    def kill(self, place: Serving, again_s: float = AGAIN_S) -> None:
        """SIGKILL; systemd starts it again."""
        self._dies(place)
        self.start_in(place, again_s)

    def lose_power(self, away_s: float) -> None:
        """The computer with the store: what was not synced may be gone."""
        for place in self.places:
            self._dies(place)
            self.start_in(place, away_s)
        self._moves += 1
        new = self.folder.with_name(f"{self.folder.name}-{self._moves}")
        new.mkdir()
        self.card.pulled(new, chance=self.chance)
        self.card.released()
        self.card = Card(new)
        self._reader = None
        self.computer.reboot(self.loop.time() + away_s)

    def _dies(self, place: Serving) -> None:
        if place.runs and place.process is not None:
            self.loop.remembered.append((place.process, place.store))
            place.process.kill()

    async def _serve(self, place: Serving, process: Process) -> None:
        """As `cloud.app.serve` does it, but for the lock of the file."""
        config = a_config(
            database=str(self.database),
            listen=f"127.0.0.1:{place.port}",
            cabinet=f"127.0.0.1:{place.port + 100}",
            public_url="https://receipts.example",
        )
        store = place.store = Store(config.database)
        process.at_death.append(partial(_unlocked, store))
        try:
            if self.count == 1:
                await app._vacate(store)
            await app._serve(config, store, frozenset(ROLES), None)
        except (*BUSY, StartError, BaseExceptionGroup):
            process.kill()
            self.start_in(place, AGAIN_S)

    @asynccontextmanager
    async def ringing(self, _store: Store, bells: Mapping[str, Bell]) -> AsyncIterator[None]:
        """As NOTIFY carries it; a ring on its way to who dies is lost."""
        mine = PROCESS.get()
        assert mine is not None
        for name, bell in bells.items():
            bell.ring = partial(self._rung, mine, name, bell.ring)  # type: ignore[method-assign]
        ear = Ear(mine, contextvars.copy_context(), bells)
        self.ears.append(ear)
        mine.at_death.append(partial(self.ears.remove, ear))
        yield

    def _rung(self, who: Process, name: str, ring: Callable[[], None]) -> None:
        ring()
        for ear in self.ears:
            if ear.process is not who:
                self.loop.call_later(RING_S, ear.bells[name].echo, context=ear.context)


def _unlocked(store: Store) -> None:
    lock: Any = store._lock
    if lock is not None:
        lock.close()

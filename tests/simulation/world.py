"""The world: everybody in it, from one plan, put together and let live until all is settled.

vending ─ bus ─ Pi (agent, outbox on its card) ─ broker ─ cloud (serve, store) ─ provider
   │                      │                                                      │
 deals                  glass ─ onlooker                                     documents
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import aiohttp
import msgspec
from kinds import write_secrets
from shop import MACHINE_AT_WORK, OPERATOR, PRODUCTS, SHELVES, stock
from simulation import clocks, compressed, network, threads, vfs
from simulation.broker import Broker
from simulation.clockwork import Clockwork
from simulation.cloud_side import Cloud, Serving
from simulation.link import SimLink
from simulation.machine_side import Pi
from simulation.network import Network
from simulation.onlooker import Onlooker
from simulation.plan import DAY_S, ITEMS, Plan
from simulation.process import Computer, Process
from simulation.provider_side import PORT, Rented
from simulation.troubles import KINDS, Trouble
from simulation.vending import Vending

from cloud import app
from cloud.fleet import Planogram, Register
from cloud.store import Store, migrate

REGISTER_S: Final = 0.3
"""How long a register takes for a document on a good day."""
PATIENCE_S: Final = 30.0
"""So long a technician waits for a new card to listen, before the machine is switched on."""
TRIES_S: Final = 3.0
"""A card that takes something again has what waited by then."""
LATEST_S: Final = 3.0
"""Where nothing is written, power goes all the same."""
PRICES_APART: Final = 10_000
"""A price is one deal's alone, whichever machine it was: not every register tells the machine."""
STEPS_BEHIND: Final = (4, 7)
"""Of a process, from a commit on: what the commit was for begins within them."""
SHM: Final = Path("/dev/shm")


class World:
    """A day of a plan. Times are virtual seconds since it began."""

    def __init__(self, plan: Plan, loop: Clockwork, folder: Path, migrated: Path) -> None:
        self.plan = plan
        self.loop = loop
        self.network = loop.network = Network(loop, plan.chance("network"))
        self.broker = Broker(loop, plan.chance("broker"))
        self.link = partial(SimLink, at=self.broker)
        hook = "http://127.0.0.1:8080/hook/main" if plan.pushes else ""
        self.rented = Rented(plan.kind, folder, hook)
        self.rented.emulator.delay_s = REGISTER_S
        store = folder / "store"
        store.mkdir()
        shutil.copy(migrated, store / "cloud.sqlite")
        self.cloud = Cloud(loop, plan.chance("cloud"), store, plan.clouds)
        self.vendings: dict[str, Vending] = {}
        self.pis: dict[str, Pi] = {}
        for number, (name, visits) in enumerate(plan.visits.items(), start=1):
            chance = plan.chance(f"vending {name}")
            vending = Vending(name, chance, ITEMS, visits, number * PRICES_APART)
            onlooker = Onlooker(vending, plan.chance(f"buyers {name}"))
            self.vendings[name] = vending
            self.pis[name] = Pi(
                *(loop, plan.chance(f"pi {name}"), vending, onlooker, self.link, folder),
                Computer(name),
            )

    async def begin(self) -> None:
        """Everybody starts, and the troubles are on their way."""
        await stock(Store(self.cloud.database), *self._fleet())
        self.rented.start()
        self.cloud.start()
        for name, pi in self.pis.items():
            pi.start()
            self._switch_on(self.vendings[name])
        for trouble in self.plan.troubles:
            kind = KINDS[trouble.what]
            self.loop.call_at(trouble.at, kind.begin, self, trouble)
            if kind.end is not None:
                ends_at = min(trouble.at + trouble.for_s, DAY_S - 1)
                self.loop.call_at(ends_at, kind.end, self, trouble)

    def _switch_on(self, vending: Vending) -> None:
        self.loop.remembered.append(self.loop.create_task(vending.live(), name=vending.name))

    def _fleet(self) -> list[Any]:
        settings = {"timeout_s": 5.0, "rate_per_s": 20, **self.rented.settings()}
        return [
            OPERATOR,
            Register(
                id="main", operator="coffee", provider=self.rented.provider, settings=settings
            ),
            Planogram(id="hot", operator="coffee"),
            *PRODUCTS,
            *SHELVES,
            *(msgspec.structs.replace(MACHINE_AT_WORK, id=name) for name in self.pis),
        ]

    def digest(self) -> str:
        """Of all that happened, as those who were there have it."""
        told = sha256()
        for passed in self.broker.ledger:
            told.update(repr(passed).encode())
        for document in self.rented.documents():
            told.update(f"{document.fd} {document.told.key} {document.at}".encode())
        for pi in self.pis.values():
            told.update(repr(pi.onlooker.showings).encode())
        return told.hexdigest()

    # What troubles do. -------------------------------------------------------------------------

    def soon_killed(self, it: Trouble) -> None:
        process = self._process(it)
        if process is None:
            return
        if it.whom in self.pis:
            process.after(int(it.how), partial(self.pis[it.whom].kill, it.for_s))
        else:
            process.after(int(it.how), partial(self.cloud.kill, self._place(it), it.for_s))

    def killed_before_commit(self, it: Trouble) -> None:
        process, place = self._process(it), self._place(it)
        if process is not None:
            process.before_commit(int(it.how), partial(self.cloud.kill, place, it.for_s))

    def soon_without_power(self, it: Trouble) -> None:
        """Amid the writes, or the steps, that follow; at the latest after a while."""
        where: Pi | Cloud = self.pis.get(it.whom, self.cloud)
        card, gone = where.card, False

        def go() -> None:
            nonlocal gone
            if not gone and where.card is card:
                gone = True
                card.dead = True
                where.lose_power(it.for_s)

        def amid_a_write() -> None:
            card.dead = True
            self.loop.by_the_world(0, go)

        card.after(int(it.how), amid_a_write)
        self.loop.call_later(LATEST_S, go)

    def stand(self, it: Trouble) -> None:
        process = self._process(it)
        if process is not None:
            process.stand()

    def stands_behind_commit(self, it: Trouble) -> None:
        """What it has just written down that it does, it does that much later.

        Some steps behind it, for right behind it the store's lock is still its own.
        """
        process = self._process(it)
        if process is None:
            return

        def stand() -> None:
            if self.loop.time() >= DAY_S:
                return
            process.stand()
            self.loop.by_the_world(it.for_s, process.go_on)

        steps = self.plan.chance(f"{it.at} stands").randint(*STEPS_BEHIND)
        process.behind_commit(int(it.how), partial(process.after, steps, stand))

    def go_on(self, it: Trouble) -> None:
        process = self._process(it)
        if process is not None:
            process.go_on()

    def fill(self, it: Trouble, *, full: bool) -> None:
        card = self._where(it).card
        card.full = full
        card.room_bytes = None
        self._refuses(it, now=full)

    def spoil(self, it: Trouble, *, failing: bool) -> None:
        self._where(it).card.failing = failing
        self._refuses(it, now=failing)

    def slow_disk(self, it: Trouble, times: float) -> None:
        threads.DiskThread.slow[it.whom] = times
        self._refuses(it, now=times > 1)

    def _refuses(self, it: Trouble, *, now: bool) -> None:
        """From the beginning of the first to the end of the last, as they overlap, and to the next try."""
        pi = self.pis.get(it.whom)
        if pi is None:
            return
        if now and pi.refusing_since is None:
            pi.refusing_since = self.loop.time()
        elif not now:
            self.loop.call_later(TRIES_S, self._takes_again, pi)

    def _takes_again(self, pi: Pi) -> None:
        slow = threads.DiskThread.slow.get(pi.name, 1) > 1
        if not (pi.card.full or pi.card.failing or slow):
            pi.refusing_since = None

    def replace_card(self, it: Trouble) -> None:
        """The technician lets the machine tell the new one what its money is."""
        self.pis[it.whom].replace_card(it.for_s)
        vending = self.vendings[it.whom]
        vending.configured_at = None
        vending.power_cycle(patience_s=it.for_s + PATIENCE_S)

    def jump(self, it: Trouble, *, synced: bool) -> None:
        computer = self._where(it).computer
        computer.wall_s, computer.synced = it.how, synced

    def noise(self, it: Trouble, rate: float) -> None:
        self.vendings[it.whom].noise = rate or None

    def close_road(self, *, closed: bool) -> None:
        self.network.road(PORT).closed = closed

    def refuse_road(self, *, refused: bool) -> None:
        self.network.road(PORT).refused = refused

    def cut_road(self) -> None:
        self.network.cut(PORT)

    def slow_road(self, delay_s: float) -> None:
        self.network.road(PORT).delay_s = delay_s

    def slow_register(self, delay_s: float) -> None:
        self.rented.emulator.delay_s = delay_s

    def provider_loses(self) -> None:
        self.rented.lose()

    def drive(self, room: int | None) -> None:
        self.rented.emulator.drive.room = room

    def _where(self, it: Trouble) -> Pi | Cloud:
        return self.pis.get(it.whom, self.cloud)

    def _place(self, it: Trouble) -> Serving:
        return next(each for each in self.cloud.places if each.name == it.whom)

    def _process(self, it: Trouble) -> Process | None:
        if it.whom in self.pis:
            return self.pis[it.whom].process
        return self._place(it).process

    def heal(self) -> None:
        """All troubles end, also those that nobody drew an end for."""
        self.broker.heal()
        self.rented.emulator.faults.clear()
        for road in self.network.roads.values():  # connections are on them: they stay
            road.closed = road.refused = False
            road.delay_s = network.QUICK_S
        self.drive(None)
        self.slow_register(REGISTER_S)
        threads.DiskThread.slow.clear()
        for pi in self.pis.values():
            pi.card.full = pi.card.failing = False
            pi.refusing_since = None
            pi.computer.wall_s, pi.computer.synced = 0.0, True
            self.vendings[pi.name].noise = None
            if pi.process is not None and pi.process.standing:
                pi.process.go_on()
        self.cloud.card.full = False
        self.cloud.computer.wall_s = 0.0
        for place in self.cloud.places:
            if place.process is not None and place.process.standing:
                place.process.go_on()


@contextmanager
def world(plan: Plan, migrated: Path) -> Iterator[World]:
    """A world of that plan; until the block ends there is no other, and no other time."""
    vfs.install()
    loop = Clockwork()
    asyncio.set_event_loop(loop)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=migrated.parent)))
        write_secrets(folder)
        stack.enter_context(clocks.ours(loop, plan.chance("everybody")))
        stack.enter_context(threads.as_steps(plan.chance("disks")))
        for module, name, ours in (
            (aiohttp, "TCPConnector", network.Connector),
            (aiohttp.client, "TCPConnector", network.Connector),
        ):
            stack.enter_context(patch.object(module, name, ours))
        made = World(plan, loop, folder, migrated)
        stack.enter_context(compressed.in_force(made.cloud.pause_s))
        stack.enter_context(patch.object(app, "Link", made.link))
        stack.enter_context(patch.object(app, "ringing", made.cloud.ringing))
        yield made


def migrated(folder: Path) -> Path:
    """An empty store of today's schema, to be copied."""
    file = folder / "migrated.sqlite"
    migrate(file)
    return file

"""What is done to whom, when and for how long: all by chance, from one seed.

Each victim has its own thread and its own chance, so faults of different victims meet as they like.
A thread that ends leaves its victim well.
"""

import json
import random
import signal
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from end_to_end.chaos.part import Part
from end_to_end.chaos.registers import HARMLESS, REFUSALS
from end_to_end.chaos.town import Corner, Town
from end_to_end.chaos.wires import Wire

LEASE_S: Final = 16.0
"""Longer than a lane's lease: who sleeps so long has lost it."""
SOON_S: Final = 3.0
WIRE_S: Final = 25.0
"""Mean time between two faults of one wire."""


@dataclass(frozen=True, slots=True)
class Victim:
    """Something that faults happen to, about every `mean_s`; each fault with its weight."""

    name: str
    mean_s: float
    faults: Mapping[str, tuple[float, Callable[[], None]]]


class Chaos:
    """Faults until `end`."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._chance = random.Random(town.seed)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._torment, args=(each,), name=each.name, daemon=True)
            for each in self._victims()
        ]

    def begin(self) -> None:
        for each in self._threads:
            each.start()

    def end(self) -> None:
        """No more faults; whoever is down is up again when this returns."""
        self._over.set()
        for each in self._threads:
            each.join()
        for wire in self._town.network.wires.values():
            wire.clear()
        for corner in self._town.corners:
            self._order(corner, clear=True)

    def _victims(self) -> list[Victim]:
        town = self._town
        return [
            *(self._edge(each) for each in town.corners),
            *(self._cloud(each) for each in town.clouds),
            *(self._emulator(each) for each in town.corners),
            *(self._orders(each) for each in town.corners),
            *(self._wire(name, each) for name, each in town.network.wires.items()),
            self._broker(),
            Victim(
                "postgres",
                30,
                {
                    "restarted, fast": (1, lambda: self._restart(signal.SIGINT)),
                    "restarted, immediate": (1, lambda: self._restart(signal.SIGQUIT)),
                },
            ),
        ]

    def _edge(self, corner: Corner) -> Victim:
        return Victim(
            corner.edge.name,
            12,
            {
                "killed": (3, lambda: self._cut(corner)),
                "killed at a deal's moment": (4, lambda: self._cut(corner, at_moment=True)),
                "frozen": (2, lambda: self._freeze(corner.edge, SOON_S)),
                "told to stop": (1, lambda: self._stop(corner)),
            },
        )

    def _cloud(self, cloud: Part) -> Victim:
        return Victim(
            cloud.name,
            15,
            {
                "killed": (4, lambda: self._kill(cloud)),
                "frozen": (3, lambda: self._freeze(cloud, SOON_S)),
                "frozen beyond its lease": (1, lambda: self._freeze(cloud, 0, LEASE_S)),
                "told to stop": (1, lambda: self._stopped(cloud)),
            },
        )

    def _emulator(self, corner: Corner) -> Victim:
        return Victim(
            corner.emulator.name,
            20,
            {
                "killed": (2, lambda: self._kill(corner.emulator)),
                "frozen": (1, lambda: self._freeze(corner.emulator, SOON_S)),
            },
        )

    def _orders(self, corner: Corner) -> Victim:
        def order(fault: str) -> Callable[[], None]:
            return lambda: self._order(corner, fault=fault)

        return Victim(
            f"register of {corner.id}",
            3,
            {
                **{each: (4.0, order(each)) for each in HARMLESS},
                **{each: (1.0, order(each)) for each in REFUSALS},
                "all that waits is lost": (2, lambda: self._order(corner, lose=True)),
            },
        )

    def _wire(self, name: str, wire: Wire) -> Victim:
        def weather(
            begin: Callable[[], None], end: Callable[[], None] = bool
        ) -> Callable[[], None]:
            def passing() -> None:
                begin()
                self._wait(SOON_S)
                end()
                wire.clear()

            return passing

        return Victim(
            f"wire {name}",
            WIRE_S,
            {
                "cut": (3, wire.cut),
                "refuses": (2, weather(wire.refuse)),
                "stalls": (3, weather(wire.stall)),
                "slow": (2, weather(lambda: wire.slow(0.02))),
                "stalls, then cut": (1, weather(wire.stall, wire.cut)),
            },
        )

    def _broker(self) -> Victim:
        town = self._town

        def forget() -> None:
            town.broker.kill()
            town.broker_memory.unlink(missing_ok=True)
            town.broker.start()

        return Victim(
            "broker",
            15,
            {
                "killed": (2, lambda: self._kill(town.broker)),
                "killed, its memory wiped": (2, forget),
                "frozen": (2, lambda: self._freeze(town.broker, SOON_S)),
                "told to stop": (1, lambda: self._stopped(town.broker)),
            },
        )

    def _torment(self, victim: Victim) -> None:
        chance = random.Random(f"{self._town.seed} {victim.name}")
        names = list(victim.faults)
        weights = [weight for weight, _ in victim.faults.values()]
        while not self._over.wait(chance.expovariate(1 / victim.mean_s)):
            name = chance.choices(names, weights)[0]
            self._town.tell(f"{victim.name}: {name}")
            self._town.faults[f"{_family(victim.name)} {name}"] += 1
            try:
                victim.faults[name][1]()
            except Exception as error:  # noqa: BLE001, told with the verdict
                self._town.broken.append(f"{victim.name}: {name}: {error!r}")
                return

    def _wait(self, most_s: float, least_s: float = 0.0) -> None:
        self._over.wait(least_s + self._chance.random() * most_s)

    def _kill(self, part: Part) -> None:
        part.kill()
        self._wait(SOON_S / 2)
        part.start()

    def _stopped(self, part: Part) -> None:
        part.stop()
        part.start()

    def _freeze(self, part: Part, most_s: float, least_s: float = 0.0) -> None:
        part.freeze()
        self._wait(most_s, least_s)
        part.thaw()

    def _cut(self, corner: Corner, *, at_moment: bool = False) -> None:
        """Power is cut for the machine and its gateway at once."""
        if at_moment:
            corner.buyers.cut_at_moment(self._chance.randint(1, 3), corner.edge.kill, SOON_S)
        else:
            corner.buyers.cut(corner.edge.kill)
        self._wait(SOON_S / 2)
        corner.open()

    def _stop(self, corner: Corner) -> None:
        """The machine falls silent, what it said is read, and only then the gateway is stopped."""
        corner.buyers.cut(heard=True)
        while not corner.port.is_heard:
            self._over.wait(0.01)
        status = corner.edge.stop()
        assert status == 0, f"exit {status}"
        corner.open()

    def _restart(self, how: signal.Signals) -> None:
        process = self._town.server.process
        assert process is not None
        process.send_signal(how)
        process.wait(30)
        self._wait(SOON_S / 2)
        self._town.server.start()

    def _order(self, corner: Corner, **told: object) -> None:
        """Of a register that is away at the moment, nothing can be ordered."""
        if told.get("fault") in REFUSALS:
            self._town.ordered[corner.number] += 1
        url = f"http://127.0.0.1:{corner.account.port}/control"
        request = urllib.request.Request(url, json.dumps(told).encode(), method="POST")
        with suppress(OSError):
            urllib.request.urlopen(request, timeout=5).close()


@contextmanager
def chaos(town: Town) -> Iterator[None]:
    """Faults as long as the block lasts; behind it all are up and well."""
    made = Chaos(town)
    made.begin()
    try:
        yield
    finally:
        made.end()


def _family(victim: str) -> str:
    """What victims of one kind are called together."""
    return victim.partition(" ")[0]

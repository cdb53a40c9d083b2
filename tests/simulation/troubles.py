"""Troubles: everything that goes wrong in a world, each with how it begins, how it ends, and words.

A plan draws from this table. What is drawn is a value: a story can be told again without some of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from cloud.emulators.faults import Fault

if TYPE_CHECKING:
    from simulation.world import World

LASTS_S: Final = (0.5, 2, 5, 12, 30, 60, 120)
"""How long a trouble may last."""
STEPS: Final = (1, 2, 4, 8, 15, 30, 60, 120, 250)
"""How many steps, or writes, after its time a death comes: amid whatever is going on then."""
COMMITS: Final = (1, 1, 2, 3, 5, 8)
"""The so-manieth commit: of a sale that is on its way, most often."""
JUMPS_S: Final = (-10 * 365 * 86_400, -86_400, -3600, -90, 90, 3600, 86_400, 10 * 365 * 86_400)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong: when, with whom, for how long, and how much."""

    at: float
    what: str
    whom: str = ""
    for_s: float = 0.0
    how: float = 0
    """What it means is the trouble's own: a probability, a number of steps, a number of seconds."""

    def __str__(self) -> str:
        lasts = f", for {self.for_s:g} s" if self.for_s else ""
        how = f" ({self.how:g})" if self.how else ""
        return f"{self.at:7.1f} s  {self.whom}: {self.what}{how}{lasts}".replace("  : ", "  ")


AWAY_S: Final = 10.0
Act = Callable[["World", Trouble], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble: with whom it can be had, what is drawn of it, what begins and ends it."""

    whom: str
    """machine, cloud (one who serves), or one thing by its name."""
    begin: Act
    end: Act | None = None
    how: Sequence[float] = (0,)
    lasts: Sequence[float] = LASTS_S
    weight: int = 2


def _broker(knob: str) -> tuple[Act, Act]:
    """A probability of the broker's, for a while."""
    return (
        lambda world, trouble: setattr(world.broker, knob, trouble.how),
        lambda world, _: setattr(world.broker, knob, 0.0),
    )


THOUGH_STORED: Final = {Fault.DROP_AFTER_STORE, Fault.SERVER_FAULT_AFTER_STORE, Fault.NONSENSE}
"""After these nobody but the provider knows that there is a document."""


def _provider(fault: Fault) -> Kind:
    """What the provider does to the next so many requests."""
    return Kind(
        "provider",
        lambda world, trouble: world.rented.emulator.faults.order(fault, int(trouble.how)),
        how=(1, 1, 2, 4),
        lasts=(0,),
        weight=4 if fault in THOUGH_STORED else 1,
    )


ODDS: Final = (0.05, 0.2, 0.5)
KINDS: Final[Mapping[str, Kind]] = {
    # The machine's computer. ------------------------------------------------------------------
    "agent killed": Kind(
        "machine",
        lambda world, it: world.soon_killed(it),
        how=STEPS,
        lasts=(1, 5, 20),
        weight=6,
    ),
    "power cut": Kind(
        "machine",
        lambda world, it: world.soon_without_power(it),
        how=STEPS,
        lasts=(2, 20, 90),
        weight=6,
    ),
    "agent stands still": Kind(
        "machine", lambda world, it: world.stand(it), lambda world, it: world.go_on(it)
    ),
    "card full": Kind(
        "machine",
        lambda world, it: world.fill(it, full=True),
        lambda world, it: world.fill(it, full=False),
    ),
    "card fails": Kind(
        "machine",
        lambda world, it: world.spoil(it, failing=True),
        lambda world, it: world.spoil(it, failing=False),
    ),
    "card slow": Kind(
        "machine",
        lambda world, it: world.slow_disk(it, it.how),
        lambda world, it: world.slow_disk(it, 1),
        how=(20, 200),
    ),
    "card replaced": Kind(
        "machine", lambda world, it: world.replace_card(it), lasts=(10, 60), weight=1
    ),
    "card put back": Kind(
        "machine",
        lambda world, it: world.pis[it.whom].take_image(),
        lambda world, it: world.pis[it.whom].put_back(AWAY_S),
        lasts=(5, 30, 60, 120),
        weight=1,
    ),
    "clock jumps": Kind(
        "machine", lambda world, it: world.jump(it, synced=True), how=JUMPS_S, lasts=(0,)
    ),
    "clock lost": Kind(
        "machine", lambda world, it: world.jump(it, synced=False), how=JUMPS_S, lasts=(0,)
    ),
    "noise": Kind(
        "machine",
        lambda world, it: world.noise(it, it.how),
        lambda world, it: world.noise(it, 0),
        how=(0.003, 0.01, 0.05),
    ),
    "machine off and on": Kind(
        "machine", lambda world, it: world.vendings[it.whom].power_cycle(), lasts=(0,), weight=1
    ),
    # The broker and the way to it. ------------------------------------------------------------
    "broker restarts": Kind(
        "broker", lambda world, it: world.broker.restart(it.for_s, forget=False)
    ),
    "broker wiped": Kind("broker", lambda world, it: world.broker.restart(it.for_s, forget=True)),
    "broker forgets sessions": Kind(
        "broker", lambda world, _: world.broker.forget_sessions(), lasts=(0,)
    ),
    "broker takes and never delivers": Kind(
        "broker", *_broker("lose"), how=(0.2, 0.5, 0.8), lasts=(12, 60, 120), weight=5
    ),
    "broker repeats": Kind("broker", *_broker("repeat"), how=ODDS),
    "broker reorders": Kind("broker", *_broker("reorder"), how=ODDS),
    "broker loses its PUBACK": Kind("broker", *_broker("drop_puback"), how=ODDS),
    "broker slow": Kind("broker", *_broker("slow_s"), how=(0.2, 2, 10)),
    "machine's line cut": Kind(
        "machine", lambda world, it: world.broker.cut(f"chekomat-{it.whom}"), lasts=(0,)
    ),
    "machine's line dead": Kind(
        "machine",
        lambda world, it: world.broker.partition(f"chekomat-{it.whom}", closed=True),
        lambda world, it: world.broker.partition(f"chekomat-{it.whom}", closed=False),
        weight=3,
    ),
    "cloud's line cut": Kind(
        "broker", lambda world, _: world.broker.cut("chekomat-cloud"), lasts=(0,)
    ),
    "cloud's line dead": Kind(
        "broker",
        lambda world, _: world.broker.partition("chekomat-cloud", closed=True),
        lambda world, _: world.broker.partition("chekomat-cloud", closed=False),
    ),
    # The cloud. -------------------------------------------------------------------------------
    "serve killed": Kind(
        "cloud", lambda world, it: world.soon_killed(it), how=STEPS, lasts=(1, 5, 20), weight=8
    ),
    "serve killed before a commit": Kind(
        "cloud",
        lambda world, it: world.killed_before_commit(it),
        how=COMMITS,
        lasts=(1, 5, 20),
        weight=8,
    ),
    "serve stands still": Kind(
        "cloud", lambda world, it: world.stand(it), lambda world, it: world.go_on(it), weight=3
    ),
    "serve stands still behind a commit": Kind(
        "cloud",
        lambda world, it: world.stands_behind_commit(it),
        how=COMMITS,
        lasts=(12, 30, 60, 90, 120),
        weight=4,
    ),
    "cloud without power": Kind(
        "cloud",
        lambda world, it: world.soon_without_power(it),
        how=STEPS,
        lasts=(2, 20, 90),
        weight=3,
    ),
    "cloud's disk full": Kind(
        "store",
        lambda world, it: world.fill(it, full=True),
        lambda world, it: world.fill(it, full=False),
        lasts=(0.5, 2, 5, 12, 30),
    ),
    "cloud's clock jumps": Kind(
        "store",
        lambda world, it: world.jump(it, synced=True),
        how=JUMPS_S[1:-1],
        lasts=(0,),
        weight=1,
    ),
    # The provider and the way to it. ----------------------------------------------------------
    "provider out of reach": Kind(
        "provider",
        lambda world, _: world.close_road(closed=True),
        lambda world, _: world.close_road(closed=False),
        weight=5,
    ),
    "provider refuses connections": Kind(
        "provider",
        lambda world, _: world.refuse_road(refused=True),
        lambda world, _: world.refuse_road(refused=False),
    ),
    "provider's connections cut": Kind("provider", lambda world, _: world.cut_road(), lasts=(0,)),
    "provider slow": Kind(
        "provider",
        lambda world, it: world.slow_road(it.how),
        lambda world, _: world.slow_road(0.002),
        how=(0.5, 3),
    ),
    "register slow": Kind(
        "provider",
        lambda world, it: world.slow_register(it.how),
        lambda world, _: world.slow_register(0.3),
        how=(5, 40),
    ),
    "provider loses its queue": Kind(
        "provider", lambda world, _: world.provider_loses(), lasts=(0,), weight=1
    ),
    "drive full": Kind(
        "provider",
        lambda world, it: world.drive(int(it.how)),
        lambda world, _: world.drive(None),
        how=(0, 1, 3),
        weight=1,
    ),
    **{f"provider: {fault.value}": _provider(fault) for fault in Fault},
}
"""By name."""


def drawn(chance: Random, at: float, cast: Mapping[str, Sequence[str]]) -> Trouble:
    """A trouble at that time; `cast` names who there is of machine, cloud and the others."""
    names = list(KINDS)
    name = chance.choices(names, [KINDS[each].weight for each in names])[0]
    kind = KINDS[name]
    return Trouble(
        at,
        name,
        chance.choice(cast.get(kind.whom, [kind.whom])),
        chance.choice(kind.lasts),
        chance.choice(kind.how),
    )

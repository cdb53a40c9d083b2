"""The plan: what happens in a world, drawn from its seed alone and told as values.

Who buys and what goes wrong are drawn apart, and each part of a world has chance of its own: a plan
without some of its troubles is the same day otherwise, or nearly so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from kinds import KINDS
from simulation import troubles
from simulation.troubles import Trouble
from simulation.vending import Visit

DAY_S: Final = 400.0
"""A compressed day."""
BUYERS: Final = (3, 8)
"""Of each machine."""
IN_A_ROW: Final = 0.4
"""How many of them follow at the heels of another."""
ON_ITS_WAY_S: Final = (1.5, 6.0)
"""From a buyer's first byte to the last word on his receipt, on a good day."""
HOWS: Final = {"card": 10, "cash": 5, "denied": 1, "cancelled": 1, "failed": 1}
ITEMS: Final = ("0001", "0002", "0005")
MACHINES: Final = ("vm-000001", "vm-000002")
TROUBLES: Final = (2, 12)
"""How many a day has."""
SERVING: Final = ("cloud-1", "cloud-2")
STANDS: Final = 3
SOON_KEPT_S: Final = (1.0, 2.0)
"""From a buyer's first byte until just before his sale goes up."""
BEHIND: Final = "serve stands still behind a commit"


@dataclass(frozen=True, slots=True)
class Plan:
    """One day."""

    seed: int
    kind: str
    """Of the provider."""
    pushes: bool
    clouds: int
    visits: Mapping[str, Sequence[Visit]]
    """By machine."""
    troubles: Sequence[Trouble]

    def without(self, *those: Trouble) -> "Plan":
        """The same day, a little better."""
        return replace(self, troubles=tuple(each for each in self.troubles if each not in those))

    def chance(self, whose: str) -> Random:
        """The chance of a part of this world, its own."""
        return Random(f"{self.seed} {whose}")


def plan_of(seed: int) -> Plan:
    """The day of a seed."""
    chance = Random(f"{seed} plan")
    clouds = chance.choice((1, 1, 2))
    machines = MACHINES[: chance.choice((1, 2, 2))]
    plan = Plan(
        seed=seed,
        kind=chance.choice(sorted(KINDS)),
        pushes=chance.random() < 0.6,
        clouds=clouds,
        visits={each: _visits(Random(f"{seed} visits {each}")) for each in machines},
        troubles=(),
    )
    cast = {
        "machine": machines,
        "cloud": SERVING[:clouds],
        "store": ["cloud"],
    }
    trouble = Random(f"{seed} troubles")
    count = trouble.randint(*TROUBLES)
    bought = [visit.at for visits in plan.visits.values() for visit in visits]
    times = sorted(_when(trouble, bought) for _ in range(count))
    return replace(plan, troubles=tuple(troubles.drawn(trouble, at, cast) for at in times))


def contested(seed: int) -> Plan:
    """A day of the same buyers whose register forgets soon, and one of two who serve stands still.

    What it has written down that it sends, the other sends meanwhile; then it goes on.
    """
    plan = plan_of(seed)
    chance = Random(f"{seed} contested")
    bought = [visit.at for visits in plan.visits.values() for visit in visits]
    times = sorted(chance.choice(bought) + chance.uniform(*SOON_KEPT_S) for _ in range(STANDS))
    who = chance.choice(SERVING)
    stands = (Trouble(at, BEHIND, who, for_s=90, how=chance.choice((1, 2, 3, 4))) for at in times)
    return replace(plan, kind="cloudkassir", pushes=False, clouds=2, troubles=tuple(stands))


def replaced(seed: int) -> Plan:
    """A day of the same buyers on which every machine gets a new card amid them."""
    plan = plan_of(seed)
    chance = Random(f"{seed} replaced")
    cards = [
        Trouble(chance.uniform(visits[0].at, visits[-1].at), "card replaced", name, for_s=10)
        for name, visits in plan.visits.items()
    ]
    return replace(plan, troubles=tuple(sorted(cards, key=lambda card: card.at)))


DRAWS: Final[Mapping[str, Callable[[int], Plan]]] = {
    "any": plan_of,
    "contested": contested,
    "replaced": replaced,
}
"""Of a seed, by name."""


def _when(chance: Random, bought: Sequence[float]) -> float:
    """At any time; or, as often, while somebody's sale is on its way."""
    if chance.random() < 0.5:
        return chance.choice(bought) + chance.uniform(*ON_ITS_WAY_S)
    return chance.uniform(5, 0.9 * DAY_S)


def _visits(chance: Random) -> Sequence[Visit]:
    """Buyers come one by one, or in a row."""
    times: list[float] = []
    for _ in range(chance.randint(*BUYERS)):
        if times and chance.random() < IN_A_ROW:
            times.append(times[-1] + chance.uniform(3, 15))
        else:
            times.append(chance.uniform(10, 0.8 * DAY_S))
    times.sort()
    return tuple(
        Visit(at, chance.choices(list(HOWS), list(HOWS.values()))[0], chance.choice(ITEMS))
        for at in times
    )

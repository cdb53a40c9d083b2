"""Running a plan: its day, the end of all troubles, and whatever time it takes until all is settled."""

import asyncio
import gc
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from simulation import settling
from simulation.checker import Verdict, judge
from simulation.clockwork import RestlessError, StandstillError
from simulation.evidence import gathered
from simulation.plan import DAY_S, Plan
from simulation.world import World, world

LOOK_S: Final = 20.0
QUIET_S: Final = 90.0
"""So long after the last trouble a person looks into the provider's ledger: nothing is on its way."""
BOUND_S: Final = 3 * 3600.0
"""Everything is settled within this time of the end of all troubles."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan."""

    verdict: Verdict
    settled_s: float
    """Virtual seconds from the end of the troubles until all was settled."""
    digest: str
    """Of all that went over the broker and all documents: two runs of a plan have the same."""


def run(plan: Plan, migrated: Path) -> Outcome:
    """Live through it; what goes wrong in the simulation itself is told as a broken promise."""
    gc.disable()  # what the dead leave behind must not run its `finally` in somebody's turn
    with world(plan, migrated) as made:
        _KEPT.append(made)
        try:
            return made.loop.run_until_complete(_live(made))
        except (RestlessError, StandstillError) as error:
            told = Verdict(broken=[f"the simulation itself: {error!r}"])
            return Outcome(told, 0.0, "")


async def _live(made: World) -> Outcome:
    await made.begin()
    await asyncio.sleep(DAY_S)
    made.heal()
    left = await _settle(made)
    settled_s = made.loop.time() - DAY_S
    verdict = judge(await gathered(made, str(left) if left else ""))
    return Outcome(verdict, settled_s, made.digest())


async def _settle(made: World) -> settling.Unsettled:
    while True:
        left = settling.look(made)
        if not left or made.loop.time() > DAY_S + BOUND_S:
            return left
        await asyncio.sleep(LOOK_S)
        if made.loop.time() > DAY_S + QUIET_S and not left.provider:
            await settling.help_out(made)


_KEPT: Final[list[World]] = []
"""Nobody's end runs while others live."""


def quietly() -> None:
    """Nobody reads what the product logs."""
    logging.disable(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=False,
    )

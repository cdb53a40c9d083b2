"""Many plans at once: each in a process of its own, forked from one that has lived through nothing.

So a seed gives the same run whatever ran before it, and nobody has to clean up behind a world.
"""

import gc
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from simulation import mutants, running
from simulation.checker import Verdict
from simulation.plan import Plan, plan_of
from simulation.running import Outcome
from simulation.world import SHM, migrated

HANGS_S: Final = 120
"""A run that takes so long hangs."""
JOBS: Final = len(os.sched_getaffinity(0))


def outcomes(
    plans: Iterable[Plan], jobs: int = JOBS, mutant: str | None = None
) -> Iterator[tuple[Plan, Outcome]]:
    """Run them all; each as it is done."""
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(dir=SHM, prefix="chekomat-simulation-") as folder:
        file = migrated(Path(folder))
        _warm_up(file)
        live = partial(_live, file=file, mutant=mutant)
        with context.Pool(jobs, maxtasksperchild=1) as pool:
            yield from pool.imap_unordered(live, plans)


def _warm_up(file: Path) -> None:
    """One day without troubles, the same always: its modules and queries are known to all others."""
    if not _LIVED:
        running.quietly()
        _LIVED.append(running.run(replace(plan_of(0), troubles=()), file))
        gc.freeze()


_LIVED: Final[list[Outcome]] = []


def _live(plan: Plan, file: Path, mutant: str | None) -> tuple[Plan, Outcome]:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(HANGS_S)
    running.quietly()
    try:
        with mutants.in_force(mutant):
            return plan, running.run(plan, file)
    except Exception as error:  # noqa: BLE001, told with its seed
        told = Verdict(broken=[f"the simulation itself: {error!r}"])
        return plan, Outcome(told, 0.0, "")


def _hangs(_number: int, _frame: object) -> None:
    raise TimeoutError(f"this run has taken {HANGS_S} s, and hangs")

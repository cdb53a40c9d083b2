"""Many plans at once: each in a process of its own, forked from one that has lived through nothing.

So a seed gives the same run whatever ran before it, and nobody has to clean up behind a world.
"""

import gc
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Generator, Iterable
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Final

from simulation import mutants, running
from simulation.checker import Verdict
from simulation.plan import Plan, plan_of
from simulation.running import Outcome
from simulation.world import SHM, migrated

HANGS_S: Final = 120
"""A run that takes so long hangs."""
FORK: Final = multiprocessing.get_context("fork")
JOBS: Final = len(os.sched_getaffinity(0))


def outcomes(
    plans: Iterable[Plan], jobs: int = JOBS, mutant: str | None = None
) -> Generator[tuple[Plan, Outcome], None, None]:
    """Run them all; each as it is done.

    Who forks has no threads: a pool has, and now and then one of its processes begins with a lock
    that nobody gives back, or does not hear that it should end.
    """
    waiting = iter(plans)
    alive: dict[Connection, tuple[Plan, ForkProcess]] = {}
    with tempfile.TemporaryDirectory(dir=SHM, prefix="chekomat-simulation-") as folder:
        file = migrated(Path(folder))
        _warm_up(file)
        try:
            while True:
                for plan in islice(waiting, jobs - len(alive)):
                    ours, theirs = FORK.Pipe(duplex=False)
                    process = FORK.Process(target=_live, args=(theirs, plan, file, mutant))
                    process.start()
                    theirs.close()
                    alive[ours] = plan, process
                if not alive:
                    return
                for told in wait([*alive]):
                    assert isinstance(told, Connection)
                    plan, process = alive.pop(told)
                    yield plan, _heard(told, process)
        finally:
            for _, process in alive.values():
                process.kill()
                process.join()


def _heard(told: Connection, process: ForkProcess) -> Outcome:
    with told:
        try:
            outcome = told.recv()
        except EOFError:
            outcome = None
    process.join()
    if isinstance(outcome, Outcome):
        return outcome
    return _failed(f"its process ended with {process.exitcode}, and said nothing")


def _failed(why: str) -> Outcome:
    return Outcome(Verdict(broken=[f"the simulation itself: {why}"]), 0.0, "")


def _warm_up(file: Path) -> None:
    """One day without troubles, the same always: its modules and queries are known to all others."""
    if not _LIVED:
        running.quietly()
        _LIVED.append(running.run(replace(plan_of(0), troubles=()), file))
        gc.freeze()


_LIVED: Final[list[Outcome]] = []


def _live(told: Connection, plan: Plan, file: Path, mutant: str | None) -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(HANGS_S)
    running.quietly()
    try:
        with mutants.in_force(mutant):
            outcome = running.run(plan, file)
    except Exception as error:  # noqa: BLE001, told with its seed
        outcome = _failed(repr(error))
    told.send(outcome)


def _hangs(_number: int, _frame: object) -> None:
    raise TimeoutError(f"this run has taken {HANGS_S} s, and hangs")

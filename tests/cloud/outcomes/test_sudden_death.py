"""SIGKILL of the worker between each two steps, at every kind of register: one document a sale.

The worker is a process of its own and its death is real. After each death another worker finds what
is left of it; the ledger of the provider's emulator is the judge. The first answer is lost, so each
worker submits, repeats and asks. On PostgreSQL two kinds stand for all: one with a short memory,
one that can be asked by our key.
"""

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from shop import id_of, incidents, states, write

from cloud.store import Store
from cloud.store.schema import lane

from .accounts import KINDS, Rented, rented, sale_of

WORKER: Final = Path(__file__).with_name("worker.py")
ANSWERED: Final = "after its answer"
STEPS: Final = (
    *("before a commit", "after a commit"),
    *("before a request", "as its body leaves", ANSWERED),
)
FAULT: Final = "drop_after_store"
PUSHED: Final = {"komtet"}
"""Who can only be heard, once an answer was lost; and the push is not so soon."""
PUSH_S: Final = 0.05
OF_SERVER: Final = ("cloudkassir", "orange")


@dataclass
class Workers:
    """A process that forks one worker after the other."""

    process: subprocess.Popen[str]

    async def live(self, database: str, owner: str, step: str, after: int) -> bool:
        """One life, until it is killed at a step; or it comes to its end, and that is False."""
        order = {"database": database, "owner": owner, "step": step, "after": after}
        code = await asyncio.to_thread(self._ask, json.dumps(order))
        assert code in {0, -signal.SIGKILL}, code
        return code != 0

    def _ask(self, order: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    order = [sys.executable, str(WORKER)]
    with subprocess.Popen(
        order, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Workers(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize(("kind", "fault"), [*((kind, FAULT) for kind in KINDS), ("komtet", None)])
async def test_a_worker_may_die_at_any_step(  # noqa: PLR0917, a fixture is an argument
    sqlite_store: Store,
    sqlite_database: Path,
    tmp_path: Path,
    workers: Workers,
    kind: str,
    fault: str | None,
) -> None:
    pushes = kind in PUSHED
    async with rented(kind, sqlite_store, tmp_path, pushes=pushes) as register:
        if pushes:
            await register.till.control({"delay_s": PUSH_S})
        await dies_at_every_step(register, str(sqlite_database), workers, fault)


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("kind", OF_SERVER)
async def test_a_worker_of_a_server_may_die_at_any_step(
    postgres_store: Store, postgres_database: str, tmp_path: Path, workers: Workers, kind: str
) -> None:
    async with rented(kind, postgres_store, tmp_path, pushes=False) as register:
        await dies_at_every_step(register, postgres_database, workers, FAULT)


async def dies_at_every_step(
    register: Rented, database: str, workers: Workers, fault: str | None
) -> None:
    """One sale for each death, until a worker gets through; so for each kind of step."""
    numbers, went = itertools.count(1), set[str]()
    for step in STEPS:
        for after in itertools.count():
            number = next(numbers)
            key = id_of(number)
            await register.sell(sale_of(number))
            if fault:
                await register.fault(fault)
            died = await workers.live(database, f"worker {number}", step, after)
            went.add((await states(register.store))[key])
            # The lease of who is dead runs out.
            await write(register.store, sa.update(lane).values(lease_until=0))
            await register.settle("issued")
            await register.till.control({"clear": True})
            made = (await register.till.keys())[number - 1 :]
            assert made == [key], f"sale {number}, {step}, after {after} of them"
            assert await incidents(register.store) == []
            if not died:
                break
        # Whose answer was lost, and whose push is there, hears no answer.
        assert after > 0 or (step == ANSWERED and register.kind in PUSHED)
    assert went >= {"waiting", "submitted", "issued"}

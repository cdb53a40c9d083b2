"""SIGKILL of the worker between each two steps, at every kind of register: one document a sale.

The worker is a process of its own and its death is real. After each death another worker finds what
is left of it; the ledger of the provider's emulator is the judge. On PostgreSQL two kinds stand for
all: one with a short memory, one that can be asked by our key.
"""

import asyncio
import itertools
import json
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
STEPS: Final = {
    *("before a transaction", "before a commit", "after a commit"),
    *("before a request", "as its body leaves", "after its answer"),
}
PUSHED: Final = {"komtet"}
"""Who can only be heard, once an answer was lost."""
PUSH_S: Final = 0.05
OF_SERVER: Final = ("cloudkassir", "orange")


@dataclass
class Workers:
    """A process that forks one worker after the other."""

    process: subprocess.Popen[str]

    async def live(self, database: str, owner: str, at: int) -> str | None:
        """One life: the step at which it died, or None if it came to its end."""
        order = json.dumps({"database": database, "owner": owner, "at": at})
        told = json.loads(await asyncio.to_thread(self._ask, order))
        if told["killed"]:
            return str(told["at"])
        assert told["status"] == 0, told
        return None

    def _ask(self, order: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


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


@pytest.mark.parametrize("fault", [None, "drop_after_store"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_worker_may_die_at_any_step(
    sqlite_store: Store,
    sqlite_database: Path,
    tmp_path: Path,
    workers: Workers,
    kind: str,
    fault: str | None,
) -> None:
    pushes = kind in PUSHED
    async with rented(kind, sqlite_store, tmp_path, pushes=pushes) as register:
        # The answer, if it comes, comes before the push.
        await register.till.control({"delay_s": PUSH_S if pushes else 0})
        await dies_at_every_step(register, str(sqlite_database), workers, fault)


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("kind", OF_SERVER)
async def test_a_worker_of_a_server_may_die_at_any_step(
    postgres_store: Store, postgres_database: str, tmp_path: Path, workers: Workers, kind: str
) -> None:
    async with rented(kind, postgres_store, tmp_path, pushes=False) as register:
        await dies_at_every_step(register, postgres_database, workers, "drop_after_store")


async def dies_at_every_step(
    register: Rented, database: str, workers: Workers, fault: str | None
) -> None:
    """One sale for each death, until a worker gets through."""
    deaths: list[str] = []
    went: set[str] = set()
    for number in itertools.count(1):
        key = id_of(number)
        await register.sell(sale_of(number))
        if fault:
            await register.fault(fault)
        died = await workers.live(database, f"worker {number}", at=number - 1)
        went.add((await states(register.store))[key])
        # The lease of who is dead runs out.
        await write(register.store, sa.update(lane).values(lease_until=0))
        await register.settle("issued")
        made = (await register.till.keys())[number - 1 :]
        assert made == [key], f"sale {number}, died {died}"
        assert await incidents(register.store) == []
        if died is None:
            break
        deaths.append(died)
        await register.till.control({"clear": True})
    print('ZZ', len(deaths))
    assert set(deaths) == STEPS
    assert went >= {"waiting", "submitted", "issued"}
    assert len(deaths) > len(STEPS)

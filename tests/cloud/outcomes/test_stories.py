"""Whatever happens, in whatever order: one document a sale in the end, and a person tells the truth.

A story is a list of happenings: sales, faults, workers that come and go, hours that pass, a provider
that forgets and a drive that fills up. In the end all is well again, a person settles what needs a
hand by what stands in the ledger, and nothing else makes documents.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import copy
from typing import Final

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shop import id_of, incidents, now_ms, rows

from cloud.emulators.faults import Fault
from cloud.fiscal import read_qr
from cloud.receipt import Purpose
from cloud.store import Store, decisions
from cloud.store.schema import attempt, receipt

from .accounts import KINDS, Rented, rented, sale_of

EXAMPLES: Final = int(os.environ.get("STORIES", "30"))
"""How many stories are told; more of them by hand."""
LONGEST_S: Final = 33 * 86_400.0
"""After so long nobody is asked any more."""

Happening = tuple[str, object]
AFTER_IT_IS_STORED: Final = (
    Fault.DROP_AFTER_STORE,
    Fault.SERVER_FAULT_AFTER_STORE,
    Fault.NONSENSE,
)
SALES: Final = st.tuples(
    st.just("sell"), st.sampled_from(AFTER_IT_IS_STORED) | st.sampled_from([None, *Fault])
)
HAPPENINGS: Final = st.one_of(
    SALES,
    SALES,
    st.tuples(st.just("work"), st.integers(1, 6)),
    st.tuples(st.just("hours pass"), st.just(None)),
    st.tuples(st.just("lose"), st.just(None)),
    st.tuples(st.just("drive"), st.sampled_from([None, 0, 1])),
    st.tuples(st.just("a person"), st.just(None)),
)
STORIES: Final = st.lists(HAPPENINGS, min_size=5, max_size=14)


class Story:
    """What happens to one register."""

    def __init__(self, register: Rented) -> None:
        self.register = register
        self.sold = 0

    async def happen(self, what: str, how: object) -> None:
        register = self.register
        match what, how:
            case "sell", fault:
                if isinstance(fault, Fault):
                    await register.fault(fault.value)
                self.sold += 1
                await register.sell(sale_of(self.sold))
            case "work", int(turns):
                await register.turns(turns)
            case "hours pass", _:
                # So many that the provider has forgotten every key, and its tokens.
                await self._is_quiet()
                await register.age(register.opened.provider.memory_s + 120)
                await register.till.control({"forget": True})
            case "lose", _:
                await register.till.control({"lose": True})
            case "drive", room:
                await register.till.control({"drive": room})
            case _:
                await self.looked_into()

    async def end(self) -> None:
        """All is well again, and whoever is asked tells the truth."""
        register = self.register
        await register.till.control({"clear": True, "drive": None})
        while set(await register.states()) - {"issued"}:
            await register.turns(20)
            await self._is_quiet()
            await register.age(LONGEST_S)
            await register.till.control({"forget": True})
            await register.settle("issued", "attention")
            await self.looked_into()

    async def looked_into(self) -> None:
        """A person settles what needs a hand, by the ledger, once nothing is on its way."""
        register, who = self.register, ("a person", now_ms())
        await self._is_quiet()
        made = {each["key"]: each for each in await register.till.ledger()}
        for row in await rows(register.store, sa.select(receipt)):
            if row.state != "attention":
                continue
            of_it = (row.sale_id, Purpose(row.purpose))
            for key in await self._in_doubt(row.sale_id):
                document = read_qr(made[key]["qr"]) if key in made else None
                async with register.store.transaction() as connection:
                    if document is not None:
                        await decisions.found(connection, *of_it, document, *who)
                    else:
                        await decisions.not_issued(connection, *of_it, *who)
                if document is not None:
                    break
            else:
                async with register.store.transaction() as connection:
                    await decisions.requeue(connection, *of_it, *who)

    async def _in_doubt(self, sale_id: str) -> Sequence[str]:
        doubtful = (attempt.c.verdict.is_(None), attempt.c.first_sent_at.is_not(None))
        query = sa.select(attempt.c.key).where(attempt.c.sale_id == sale_id, *doubtful)
        return [row.key for row in await rows(self.register.store, query)]

    async def _is_quiet(self) -> None:
        """The provider has worked off what it has accepted."""
        entries = self.register.emulator.entries
        async with asyncio.timeout(10):
            while any(each.document is None and each.ended is None for each in entries.values()):
                await asyncio.sleep(0.005)


async def tell(kind: str, database: Path, story: Sequence[Happening], *, pushes: bool) -> None:
    store = Store(database)
    try:
        async with rented(kind, store, database.parent, pushes=pushes) as register:
            told = Story(register)
            for what, how in story:
                await told.happen(what, how)
            await told.end()
            made = {
                each["key"][: len(id_of(1))]: each["fd"] for each in await register.till.ledger()
            }
            assert len(made) == len(await register.till.ledger()) == told.sold
            assert made == {row.sale_id: row.fd for row in await rows(store, sa.select(receipt))}
            assert await incidents(store) == []
    finally:
        await store.close()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="STORIES" not in os.environ,
    database=None,
    # To make a story shorter takes longer than a test may.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(kind=st.sampled_from(sorted(KINDS)), pushes=st.booleans(), story=STORIES)
def test_every_story_ends_in_one_document_a_sale(
    migrated: Path,
    kind: str,
    pushes: bool,  # noqa: FBT001, hypothesis names its arguments
    story: list[Happening],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(copy(migrated, Path(folder) / "cloud.sqlite"))
        asyncio.run(tell(kind, file, story, pushes=pushes))

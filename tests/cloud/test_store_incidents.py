"""Incidents: each kept once, however often it is said."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from shop import MACHINE, id_of, incidents, rows, write

from cloud.store import Store
from cloud.store.incidents import report
from cloud.store.schema import incident

T = 1_800_000_000_000


async def say(store: Store, *told: Any, at: int = T) -> None:  # noqa: ANN401, as it is reported
    async with store.transaction() as connection:
        await report(connection, at, *told)


async def test_an_incident_is_kept_with_all_that_is_known_of_it(store: Store) -> None:
    await say(store, "gap", "seq 3 to 5", MACHINE, id_of(1), b"\x00\xff")
    (row,) = await rows(store, sa.select(incident))
    assert (row.at, row.kind, row.detail) == (T, "gap", "seq 3 to 5")
    assert (row.machine, row.sale_id, row.body) == (MACHINE, id_of(1), b"\x00\xff")


async def test_an_incident_may_be_nobodys(store: Store) -> None:
    await say(store, "malformed", "no topic of a machine")
    (row,) = await rows(store, sa.select(incident))
    assert (row.machine, row.sale_id, row.body) == (None, None, None)


async def test_said_again_it_is_the_same_and_keeps_its_time(store: Store) -> None:
    for at in (T, T + 5, T - 5):
        await say(store, "gap", "seq 3", MACHINE, at=at)
    (row,) = await rows(store, sa.select(incident))
    assert row.at == T


@pytest.mark.parametrize(
    "other",
    [
        ("hole", "seq 3", MACHINE, id_of(1), b"body"),
        ("gap", "seq 4", MACHINE, id_of(1), b"body"),
        ("gap", "seq 3", "vm-9", id_of(1), b"body"),
        ("gap", "seq 3", MACHINE, id_of(2), b"body"),
        ("gap", "seq 3", MACHINE, id_of(1), b"another"),
        ("gap", "seq 3", MACHINE, id_of(1)),
    ],
)
async def test_whatever_differs_is_another_incident(store: Store, other: tuple[Any, ...]) -> None:
    await say(store, "gap", "seq 3", MACHINE, id_of(1), b"body")
    await say(store, *other)
    assert len(await incidents(store)) == 2


async def test_text_with_a_zero_in_it_is_kept_on_either_database_and_once(store: Store) -> None:
    for _ in range(2):
        await say(store, "malformed", "item 00\x0001", MACHINE)
    (row,) = await rows(store, sa.select(incident))
    assert row.detail.replace("\ufffd", "\0") == "item 00\x0001"


async def test_said_by_many_at_once_it_is_one(store: Store) -> None:
    await asyncio.gather(*(say(store, "gap", "seq 3", MACHINE) for _ in range(8)))
    assert await incidents(store) == ["gap"]


async def test_an_intruder_cannot_say_it_twice(store: Store) -> None:
    await say(store, "gap", "seq 3")
    await say(store, "gap", "seq 4")
    with pytest.raises(sa.exc.IntegrityError, match=r"incident[._]digest"):
        await write(store, sa.update(incident).values(digest="0"))

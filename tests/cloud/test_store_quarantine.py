"""Quarantine: what makes no sense is kept with its bytes, and of one machine not without end."""

import sqlalchemy as sa
from shop import MACHINE, rows

from cloud.store import Store, attention, quarantine
from cloud.store.incidents import report
from cloud.store.quarantine import MOST_A_DAY
from cloud.store.schema import incident

NOON = 1_795_608_000_000
DAY_MS = 86_400_000


async def say(store: Store, *bodies: bytes, machine: str | None = MACHINE, at: int = NOON) -> None:
    async with store.transaction() as connection:
        for body in bodies:
            await quarantine.keep(connection, machine, "vend/v1/x: no JSON", body, at)


def noise(count: int, first: int = 0) -> list[bytes]:
    return [b"noise %d" % number for number in range(first, first + count)]


async def kept(store: Store, machine: str = MACHINE) -> list[tuple[bytes | None, str]]:
    query = sa.select(incident).where(incident.c.machine == machine).order_by(incident.c.id)
    return [(row.body, row.detail) for row in await rows(store, query)]


async def test_a_message_is_kept_with_its_first_bytes(store: Store) -> None:
    await say(store, b"\xff" * 70_000)
    assert await kept(store) == [(b"\xff" * 65_536, "vend/v1/x: no JSON")]


async def test_more_than_enough_of_a_day_is_counted_in_one_incident(store: Store) -> None:
    await say(store, *noise(MOST_A_DAY + 7))
    await say(store, *noise(2, 10_000))
    found = await kept(store)
    assert [body for body, _ in found] == [*noise(MOST_A_DAY), None]
    assert found[-1][1].startswith("9 more on 2026-11-25 that make no sense; they are not kept.")


async def test_each_machine_and_each_day_has_its_own(store: Store) -> None:
    await say(store, *noise(MOST_A_DAY + 1))
    await say(store, b"of another", machine="vm-9")
    await say(store, b"of nobody", machine=None)
    await say(store, b"of tomorrow", at=NOON + DAY_MS)
    assert [body for body, _ in await kept(store, "vm-9")] == [b"of another"]
    assert (await kept(store))[-1][0] == b"of tomorrow"
    assert len(await rows(store, sa.select(incident))) == MOST_A_DAY + 4


async def test_what_cost_a_receipt_is_listed_before_noise(store: Store) -> None:
    async with store.transaction() as connection:
        for kind in ("gap", "conflict", "duplicate receipt", "recorded after all"):
            await report(connection, NOON, kind, "of yesterday", MACHINE)
    await say(store, *noise(20), at=NOON + DAY_MS)
    async with store.reading() as connection:
        found = await attention.incidents(connection, 0, most=5)
    assert [each.kind for each in found] == [
        "recorded after all",
        "duplicate receipt",
        "conflict",
        "gap",
        "malformed",
    ]

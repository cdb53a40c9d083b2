"""Several change the same replies at one moment: nobody waits for one who waits for him."""

import asyncio

import pytest
import sqlalchemy as sa
from shop import a_sale, eventually, id_of, rows, sell
from till import MACHINE

from cloud.store import Store, replies
from cloud.store.schema import reply

T = 1_800_000_000_000
WAITING = sa.text("SELECT 1 FROM pg_locks WHERE NOT granted")

pytestmark = pytest.mark.needs("postgres")


async def untold(store: Store, *numbers: int) -> None:
    """Replies that lie in the table in this order."""
    await sell(store, *map(a_sale, numbers))
    for number in numbers:
        async with store.transaction() as connection:
            await connection.execute(sa.delete(reply).where(reply.c.sale_id == id_of(number)))
            await replies.revise(connection, id_of(number), MACHINE)


async def test_what_another_is_changing_is_not_waited_for_and_is_said_again(
    postgres_store: Store,
) -> None:
    await untold(postgres_store, 1, 2)
    them = [(id_of(number), 1, 0, T) for number in (1, 2)]

    async with postgres_store.transaction() as changing:
        await replies.revise(changing, id_of(1), MACHINE)
        async with asyncio.timeout(20), postgres_store.transaction() as connection:
            await replies.said(connection, them)

    found = await rows(postgres_store, sa.select(reply).order_by(reply.c.sale_id))
    assert [(row.rev, row.told_times, row.tell_at) for row in found] == [(2, 0, 0), (1, 1, T)]


async def test_a_machine_that_is_back_and_what_is_revised_meet_in_one_order(
    postgres_store: Store,
) -> None:
    await untold(postgres_store, 2, 1)

    async def comes_back() -> None:
        async with postgres_store.transaction() as connection:
            await replies.hurry(connection, MACHINE)

    async def somebody_waits() -> bool:
        async with postgres_store.reading() as connection:
            return bool((await connection.execute(WAITING)).all())

    async with postgres_store.transaction() as changing:
        await replies.revise(changing, id_of(1), MACHINE)
        coming = asyncio.ensure_future(comes_back())
        await eventually(somebody_waits)
        async with asyncio.timeout(20):
            await replies.revise(changing, id_of(2), MACHINE)
    await coming

    assert {row.rev for row in await rows(postgres_store, sa.select(reply))} == {2}

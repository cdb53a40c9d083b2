import pytest
from clerk import Clerk

from cloud.fleet import Planogram, Shelf
from cloud.store import Store, fleet


async def test_a_planogram_goes_with_its_slots(clerk: Clerk, sqlite_store: Store) -> None:
    await clerk.coffee()
    assert await clerk("machine remove vm-000123") == ["machine vm-000123: removed"]
    assert await clerk("planogram remove hot") == ["planogram hot: removed"]
    async with sqlite_store.reading() as connection:
        assert await fleet.every(connection, Planogram) == []
        assert await fleet.every(connection, Shelf) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("planogram remove hot", "planogram hot of coffee is still used by machine vm-000123"),
        ("register remove main", "register main is still used by machine vm-000123"),
        ("operator remove coffee", "operator coffee is still used by register main"),
        ("product remove tea", "there is no product tea"),
        ("planogram remove hot 0002", "there is nothing in slot 0002 of planogram hot"),
        ("planogram remove hot 1 --from 2026-01-01", "that began on 2026-01-01"),
    ],
)
async def test_what_is_used_or_not_there_is_refused_and_everything_stays(
    clerk: Clerk,
    sqlite_store: Store,
    line: str,
    said: str,
) -> None:
    await clerk.coffee()
    await clerk("product remove tea")
    _, told = await clerk.refused(line)
    assert said in told
    async with sqlite_store.reading() as connection:
        assert len(await fleet.every(connection, Shelf)) == 1


async def test_a_slot_is_cleared_as_a_whole_or_from_a_day(clerk: Clerk) -> None:
    await clerk.coffee()
    await clerk("planogram set hot 1 tea --from 2026-01-01")
    assert await clerk("planogram remove hot 1 --from 2026-01-01") == [
        "slot 0001 of planogram hot from 2026-01-01: removed: tea"
    ]
    assert await clerk("planogram remove hot 0001") == [
        "slot 0001 of planogram hot from 2000-01-01: removed: cappuccino"
    ]

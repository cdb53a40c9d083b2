"""The history: each change by whom, when and why; only added to."""

import pytest
import sqlalchemy as sa
from shop import a_document, a_sale, hear, id_of, leave, rows, sell, stocked

from cloud.outcome import Dead, Done, Unknown
from cloud.receipt import Purpose
from cloud.store import Store, decisions, history
from cloud.store.history import Change
from cloud.store.schema import history as histories

T = 1_800_000_000_000
KEY = id_of(1)


async def add(store: Store, *changes: Change) -> None:
    async with store.transaction() as connection:
        await history.add(connection, changes)


async def of(store: Store, number: int = 1) -> list[Change]:
    async with store.reading() as connection:
        return list(await history.of(connection, id_of(number)))


async def test_what_happened_to_a_sale_is_told_oldest_first(store: Store) -> None:
    changes = [
        Change(T + 5, "intake", KEY, None, "attention", "unknown slot"),
        # The clock was set back: the order is that of the writing.
        Change(T, "olga", KEY, None, "receipt"),
        Change(T, "olga", KEY, "income", "waiting", "main"),
    ]
    await add(store, *changes)
    await add(store, Change(T, "intake", id_of(2), None, "skipped", "test vend"))
    assert await of(store) == changes
    assert [each.state for each in await of(store, 2)] == ["skipped"]
    assert await of(store, 3) == []


async def test_nothing_to_add_is_no_work(store: Store) -> None:
    await add(store)
    assert await rows(store, sa.select(histories)) == []


async def test_the_same_change_again_is_another_one(store: Store) -> None:
    change = Change(T, "lane", KEY, "income", "unknown", "time-out")
    await add(store, change, change)
    assert await of(store) == [change, change]


async def test_a_change_that_was_not_committed_did_not_happen(store: Store) -> None:
    async def half() -> None:
        async with store.transaction() as connection:
            await history.add(connection, [Change(T, "lane", KEY, "income", "unknown")])
            raise LookupError

    with pytest.raises(LookupError):
        await half()
    assert await of(store) == []


async def test_a_receipts_whole_way_is_written_down(store: Store) -> None:
    await stocked(store)
    await sell(store, a_sale(), site=None)
    await sell(store, a_sale(2))
    await leave(store, at=T)
    await hear(store, Unknown("time-out"), id_of(2), at=T + 1)
    await hear(store, Unknown("time-out"), id_of(2), at=T + 2)
    await hear(store, Dead("code 13"), id_of(2), at=T + 3)
    async with store.transaction() as connection:
        await decisions.requeue(connection, id_of(2), Purpose.INCOME, "olga", T + 4)
    await leave(store, at=T + 5, who="another lane")
    await hear(store, Done(a_document()), f"{id_of(2)}-1", at=T + 6, who="push")
    told = [(each.at - T, each.who, each.state, each.detail) for each in (await of(store, 2))[1:]]
    assert told == [
        (0, "lane", "submitted", id_of(2)),
        (1, "lane", "unknown", "time-out"),
        (3, "lane", "attention", "code 13"),
        (4, "olga", "waiting", "requeued"),
        (5, "another lane", "submitted", f"{id_of(2)}-1"),
        (6, "push", "issued", f"{id_of(2)}-1"),
    ]
    ((state, purpose),) = [(each.state, each.purpose) for each in await of(store)]
    assert (state, purpose) == ("attention", None)

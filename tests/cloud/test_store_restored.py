"""A database that was restored: what waited in it is not sent before somebody has looked."""

import re
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from fate import REFUSED, hear, issue, leave
from shop import (
    a_document,
    a_sale,
    id_of,
    incidents,
    now_ms,
    rows,
    sell,
    states,
    the_receipt,
)

from cloud.desk.orders import Decision, Requeue, Resolve, Return, decide
from cloud.desk.settled import By, Settled
from cloud.errors import DecisionError
from cloud.outcome import Done, Unsent
from cloud.store import Store, restored
from cloud.store.schema import receipt
from cloud.store.sites import Sites


async def order(store: Store, what: Decision, number: int = 1) -> Settled:
    return await decide(store, Sites(), id_of(number), what, By("anna", now_ms()))


async def doubt(store: Store, register: str = "main") -> int:
    async with store.transaction() as connection:
        return await restored.doubt(connection, register, "anna", now_ms())


async def test_what_was_recorded_after_the_backup_is_not_sent_again(
    sqlite_database: Path, tmp_path: Path
) -> None:
    """The day after, CloudKassir has forgotten the key and would make a second document."""
    store = Store(str(sqlite_database))
    await sell(store, a_sale())
    backup = tmp_path / "backup.sqlite"
    async with store.transaction():  # nobody writes meanwhile
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{sqlite_database}{suffix}", f"{backup}{suffix}")
    assert await leave(store) == [id_of(1)]
    assert await hear(store, id_of(1), Done(a_document(5))) == "issued"
    await store.close()
    again = Store(str(backup))
    try:
        assert await states(again) == {id_of(1): "waiting"}
        assert await doubt(again) == 1
        assert await leave(again) == []
        assert await states(again) == {id_of(1): "attention"}
        settled = await order(again, Resolve(issued=a_document(5).qr))
        assert (settled.state, (await the_receipt(again)).fd) == ("issued", 5)
        assert await incidents(again) == []
    finally:
        await again.close()


async def test_what_was_not_recorded_goes_under_the_next_key(store: Store) -> None:
    await sell(store, a_sale())
    await doubt(store)
    with pytest.raises(DecisionError, match="was sent, and what became of it is not known"):
        await order(store, Requeue())
    await order(store, Resolve(not_issued=True))
    await order(store, Requeue())
    assert await leave(store) == [f"{id_of(1)}-1"]


async def test_a_push_of_what_was_recorded_ends_the_doubt(store: Store) -> None:
    await sell(store, a_sale())
    await doubt(store)
    await hear(store, id_of(1), Done(a_document(5)))
    assert await states(store) == {id_of(1): "issued"}


async def test_what_was_tried_in_vain_or_refused_before_is_doubted_at_its_next_key(
    store: Store,
) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3))
    await leave(store)
    for number, outcome in ((1, Unsent("no network")), (2, REFUSED), (3, Done(a_document(7)))):
        await hear(store, id_of(number), outcome)
    await order(store, Requeue(), 2)
    assert sorted((await states(store)).values()) == ["issued", "waiting", "waiting"]
    assert await doubt(store) == 2
    assert await doubt(store) == 0
    assert await leave(store) == []
    for number, key in ((1, id_of(1)), (2, f"{id_of(2)}-1")):
        with pytest.raises(DecisionError, match=re.escape(f"{key} was sent")):
            await order(store, Requeue(), number)


async def test_a_return_that_waits_is_doubted_and_the_sale_stays_issued(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    await order(store, Return())
    assert await doubt(store) == 1
    assert await leave(store) == []
    found = {row.purpose: row.state for row in await rows(store, sa.select(receipt))}
    assert found == {"income": "issued", "income_return": "attention"}
    with pytest.raises(DecisionError, match=re.escape(f"{id_of(1)}-r was sent")):
        await order(store, Requeue(purpose="income_return"))


async def test_other_registers_wait_as_before(store: Store) -> None:
    await sell(store, a_sale())
    assert await doubt(store, "side") == 0
    assert await leave(store) == [id_of(1)]

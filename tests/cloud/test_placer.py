"""The placer: sales that needed a hand go on once the fleet or a person says what was missing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime

import msgspec
import pytest
import sqlalchemy as sa
from parts import until
from postgres import Cluster
from shop import (
    MACHINE,
    MACHINE_AT_WORK,
    OPERATOR,
    SETTINGS,
    SHELVES,
    SITE,
    Account,
    Thing,
    a_document,
    a_fleet,
    a_sale,
    eventually,
    hear,
    id_of,
    leave,
    rows,
    sell,
    states,
    stock,
    story,
    write,
)
from structlog.testing import capture_logs

from cloud.bell import Bell
from cloud.fleet import Answers, Machine, Operator, Planogram, Product, Shelf
from cloud.intake import Attention, Cause, Placed
from cloud.outcome import Done
from cloud.placer import BATCH, Placer, again, own, where
from cloud.receipt import Receipt
from cloud.store import Store, fleet, placing
from cloud.store.schema import receipt, sale
from cloud.store.sites import Sites

T = 1_800_000_000_000
NOON = datetime(2026, 11, 23, 15, 42, 11, tzinfo=UTC)
KEY = id_of(1)


def without(*gone: Thing) -> list[Thing]:
    return [each for each in a_fleet() if each not in gone]


async def unplaced(store: Store, *numbers: int) -> None:
    """Sales that came before anybody knew their machine."""
    await stock(store, *without(MACHINE_AT_WORK))
    await sell(store, *(a_sale(number) for number in numbers), site=None)


@asynccontextmanager
async def at_work(
    store: Store, due: Bell | None = None, stuck: Bell | None = None, look_s: float = 0.01
) -> AsyncIterator["asyncio.Task[None]"]:
    placer = Placer(store, due or Bell(), stuck or Bell(), look_s)
    task = asyncio.ensure_future(placer.run())
    try:
        yield task
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def placed(store: Store, *numbers: int) -> None:
    """Wait until these sales have their receipts."""

    async def there() -> bool:
        return {id_of(number) for number in numbers} <= set(await states(store))

    await eventually(there)


async def test_a_sale_goes_on_when_its_machine_is_named(store: Store) -> None:
    await unplaced(store, 1)
    due = Bell()
    rung = due.listen()
    async with at_work(store, due):
        await stock(store, MACHINE_AT_WORK)
        await placed(store, 1)
        await asyncio.wait_for(rung.wait(), 10)
    assert await story(store) == ["attention", "waiting", "receipt"]


async def test_what_was_changed_while_nobody_looked_is_found_at_the_start(store: Store) -> None:
    await unplaced(store, 1)
    await stock(store, MACHINE_AT_WORK)
    async with at_work(store):
        await placed(store, 1)


async def test_more_than_a_batch_goes_on_and_what_cannot_stays(store: Store) -> None:
    numbers = range(1, BATCH + 12)
    await unplaced(store, *numbers)
    odd = a_sale(3, amount=None)
    await write(
        store,
        sa.update(sale)
        .where(sale.c.sale_id == id_of(3))
        .values(body=msgspec.json.encode(odd).decode()),
    )
    await stock(store, MACHINE_AT_WORK)
    await Placer(store, Bell(), Bell()).sweep()
    assert len(await states(store)) == len(numbers) - 1
    ((sale_id, cause),) = await rows(
        store, sa.select(sale.c.sale_id, sale.c.cause).where(sale.c.disposition == "attention")
    )
    assert (sale_id, cause) == (id_of(3), "amount")


async def test_a_sale_that_is_stuck_for_good_is_not_written_about_for_ever(store: Store) -> None:
    await unplaced(store, 1)
    placer = Placer(store, Bell(), Bell())
    for _ in range(3):
        await placer.sweep()
    assert await story(store) == ["attention"]


async def test_its_reason_is_the_one_of_today(store: Store) -> None:
    await stock(store, *without(MACHINE_AT_WORK, *SHELVES))
    await sell(store, a_sale(), site=None)
    async with at_work(store):
        await stock(store, MACHINE_AT_WORK)

        async def otherwise() -> bool:
            ((cause,),) = await rows(store, sa.select(sale.c.cause))
            return bool(cause == "unknown_slot")

        await eventually(otherwise)
        # And the next thing that is named lets it go.
        await stock(store, SHELVES[0])
        await placed(store, 1)


async def test_a_sale_is_placed_as_on_the_day_it_came(store: Store) -> None:
    """It is late by the time between the sale and its arrival, not by how long it was stuck."""
    await unplaced(store, 1)
    soon = round(NOON.timestamp() * 1000)
    await write(store, sa.update(sale).values(received_at=soon))
    await stock(store, MACHINE_AT_WORK)
    await Placer(store, Bell(), Bell()).sweep()
    ((born_at, request),) = await rows(store, sa.select(receipt.c.born_at, receipt.c.request))
    assert born_at == soon
    assert msgspec.json.decode(request, type=Receipt).sold_at == "2026-11-23T18:42:10"


async def test_what_a_person_answered_counts(store: Store) -> None:
    await stock(store, *a_fleet())
    await sell(store, a_sale(1, amount=None), a_sale(2, amount=None))
    async with store.transaction() as connection:
        await placing.say(connection, KEY, Answers(amount=500))
    await Placer(store, Bell(), Bell()).sweep()
    ((request,),) = await rows(store, sa.select(receipt.c.request))
    told = msgspec.json.decode(request, type=Receipt)
    assert (told.sale_id, told.amount) == (KEY, 500)


NEWCO: list[Thing] = [
    Operator(
        id="newco", name="ООО «Новый»", inn="7707083893", taxation="osn", policies=OPERATOR.policies
    ),
    Account(id="theirs", operator="newco", provider="cloudkassir", settings=dict(SETTINGS)),
    Planogram(id="new", operator="newco"),
    Product(id="gum", operator="newco", name="Жвачка", vat="standard"),
    Shelf(operator="newco", planogram="new", slot="0099", product="gum"),
    Machine(
        id=MACHINE, operator="newco", register="theirs", planogram="new", address="а", place="п"
    ),
]


async def test_what_was_sold_before_a_machine_changed_hands_is_not_the_next_ones_to_fiscalise(
    store: Store,
) -> None:
    await stock(store, *a_fleet())
    await sell(store, a_sale(1, item="0099"))
    await stock(store, *NEWCO)
    await sell(store, a_sale(2, item="0099"), site=None)
    await Placer(store, Bell(), Bell()).sweep()
    # Whose the machine was when the second came, nobody knew.
    assert await states(store) == {id_of(2): "waiting"}
    ((cause, reason),) = await rows(
        store, sa.select(sale.c.cause, sale.c.reason).where(sale.c.sale_id == KEY)
    )
    assert cause == "foreign_machine"
    assert reason.startswith(f"it was sold when {MACHINE} was coffee's, and the machine is newco's")
    # It comes back, and the slot is named: now it can.
    shelf = Shelf(operator="coffee", planogram="hot", slot="0099", product="tea")
    await stock(store, MACHINE_AT_WORK, shelf)
    await Placer(store, Bell(), Bell()).sweep()
    assert set(await states(store)) == {KEY, id_of(2)}


async def test_two_placers_place_a_sale_once(store: Store) -> None:
    await unplaced(store, *range(1, 21))
    await stock(store, MACHINE_AT_WORK)
    both = (Placer(store, Bell(), Bell()).sweep() for _ in range(2))
    await asyncio.gather(*both)
    assert len(await states(store)) == 20
    assert await story(store) == ["attention", "waiting", "receipt"]


# Goods that came back. ---------------------------------------------------------------------------


async def came_back(store: Store) -> None:
    """A sale that is sent, and goods that came back before its document did."""
    await sell(store, a_sale(1))
    await leave(store, at=T)
    await sell(store, a_sale(2, kind="return"))


async def is_returned(store: Store) -> bool:
    wanted = sa.select(receipt).where(receipt.c.purpose == "income_return")
    return bool(await rows(store, wanted))


async def test_goods_that_came_back_wait_for_the_receipt_of_their_sale(store: Store) -> None:
    await came_back(store)
    async with at_work(store, look_s=0.001):
        await hear(store, Done(a_document()), at=T)
        await eventually(lambda: is_returned(store))
    ((told, reason),) = await rows(
        store, sa.select(sale.c.disposition, sale.c.reason).where(sale.c.sale_id == id_of(2))
    )
    assert (told, reason) == ("skipped", f"goods came back: the receipt of {KEY} is returned")
    assert await story(store, 2) == ["attention", "skipped"]
    (back,) = await rows(store, sa.select(receipt).where(receipt.c.purpose == "income_return"))
    # When it came back, by the clock on the wall where the machine stands.
    assert msgspec.json.decode(back.request, type=Receipt).sold_at == "2026-11-23T18:42:10"


async def test_a_ring_lets_goods_that_came_back_be_looked_at_at_once(store: Store) -> None:
    await stock(store, *a_fleet())
    stuck = Bell()
    # It would look by itself once an hour.
    async with at_work(store, stuck=stuck, look_s=3600):
        await came_back(store)
        await hear(store, Done(a_document()), at=T)

        async def looked() -> bool:
            stuck.ring()
            return await is_returned(store)

        await eventually(looked)


async def test_without_a_change_only_goods_that_came_back_are_looked_at(store: Store) -> None:
    await came_back(store)
    await sell(store, a_sale(3, amount=None))
    await sell(store, a_sale(4), site=None)
    async with at_work(store, look_s=0.001):
        await placed(store, 4)  # the first look, at all of them, is over
        # Said behind the placer's back: no change of the fleet, no return.
        async with store.transaction() as connection:
            await placing.say(connection, id_of(3), Answers(amount=500))
        await hear(store, Done(a_document()), at=T)
        await eventually(lambda: is_returned(store))
    assert id_of(3) not in await states(store)


# Where a sale goes. ------------------------------------------------------------------------------


def test_a_machine_speaks_for_itself_alone() -> None:
    assert own(MACHINE, a_sale()) is None
    told = own("vm-9", a_sale())
    said = f"it says that {MACHINE} sold it, and it came from vm-9"
    assert told == Attention(Cause.FOREIGN_MACHINE, said)
    assert where("vm-9", a_sale(), SITE, NOON) == told
    assert isinstance(where(MACHINE, a_sale(), SITE, NOON), Placed)


def test_a_sale_that_our_own_code_trips_over_is_a_persons() -> None:
    broken = msgspec.structs.replace(SITE, products=None)
    with capture_logs() as said:
        told = where(MACHINE, a_sale(), broken, NOON)
    assert said[0]["event"] == "a sale cannot be placed"
    assert isinstance(told, Attention)
    assert told.cause is Cause.INVALID
    assert told.reason.startswith("it cannot be placed: AttributeError")
    assert told.reason.endswith(f"python -m cloud resolve {KEY} --skip REASON")


async def test_a_sale_that_came_under_another_name_is_never_placed(store: Store) -> None:
    await stock(store, *a_fleet())
    await sell(store, a_sale(), site=None)
    await write(store, sa.update(sale).values(machine="vm-9"))
    await Placer(store, Bell(), Bell()).sweep()
    assert await states(store) == {}
    ((cause,),) = await rows(store, sa.select(sale.c.cause))
    assert cause == "foreign_machine"


@pytest.mark.parametrize("day", ["2026-11-23", "2026-11-24"])
async def test_what_was_in_the_slot_on_the_day_of_the_sale_was_sold(store: Store, day: str) -> None:
    await stock(store, *without(*SHELVES))
    await sell(store, a_sale(), site=msgspec.structs.replace(SITE, shelves={}))
    began = date.fromisoformat(day)
    shelf = Shelf(operator="coffee", planogram="hot", slot="0001", product="tea", valid_from=began)
    await stock(store, shelf)
    async with store.transaction() as connection:
        batch = await placing.stuck(connection, most=5)
        (goes,) = await again(connection, Sites(), batch, "olga", T)
    if day == "2026-11-23":
        assert isinstance(goes, Placed)
        assert goes.receipt.name == "Чай"
    else:
        assert isinstance(goes, Attention)
        assert goes.cause is Cause.UNKNOWN_SLOT


@pytest.mark.needs("postgres")
async def test_a_register_that_is_taken_away_at_this_moment_ends_no_process(
    postgres_store: Store, postgres: Cluster
) -> None:
    """The machine has another one; what is placed at the old one waits for whoever takes it away."""
    store = postgres_store
    side = Account(id="side", operator="coffee", provider="cloudkassir", settings=SETTINGS)
    await stock(store, *a_fleet(side))
    await sell(store, a_sale(1), site=None)
    async with AsyncExitStack() as stack:
        async with store.transaction() as connection:
            moved = msgspec.structs.replace(MACHINE_AT_WORK, register="side")
            await fleet.put(connection, moved, "olga", T)
            await fleet.take_away(connection, Account, ["main"], "olga", T)
            await stack.enter_async_context(at_work(store))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            await until(lambda: postgres.execute(waiting) == [(1,)])
        await placed(store, 1)
    ((register,),) = await rows(store, sa.select(receipt.c.register))
    assert register == "side"

"""Placing: sales that need a hand, what people say of them, and where they go then."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa
from parts import until
from postgres import Cluster
from shop import (
    ASKED,
    MACHINE,
    a_document,
    a_sale,
    hear,
    id_of,
    leave,
    placed,
    rows,
    sell,
    stocked,
    story,
    write,
)

from cloud.fleet import Answers
from cloud.intake import Attention, Cause, Disposition, Placed, Skipped
from cloud.outcome import Dead, Done
from cloud.receipt import Purpose, Receipt
from cloud.store import Store, placing, receipts
from cloud.store.placing import Issued, Stuck
from cloud.store.receipts import Asked
from cloud.store.schema import answer, receipt, sale
from edge.wire import Sale

T = 1_800_000_000_000
KEY = id_of(1)
GOES = placed(a_sale()).disposition


async def unplaced(store: Store, *told: Sale) -> None:
    """Of a machine that nobody knows yet."""
    await sell(store, *(told or (a_sale(),)), site=None)


async def stuck(
    store: Store, cause: Cause | None = None, past: str = "", most: int = 9
) -> list[str]:
    async with store.transaction() as connection:
        found = await placing.stuck(connection, cause, past=past, most=most)
    return [each.sale.sale_id for each in found]


async def the_stuck(store: Store) -> Stuck:
    async with store.transaction() as connection:
        found = await placing.the_stuck(connection, KEY)
    assert found is not None
    return found


async def place_again(store: Store, goes: Disposition) -> None:
    async with store.transaction() as connection:
        each = await placing.the_stuck(connection, KEY)
        assert each is not None
        await placing.place_again(connection, each, goes, "olga", T)


async def issued(store: Store) -> Issued | None:
    async with store.transaction() as connection:
        return await placing.issued(connection, KEY)


async def test_a_stuck_sale_is_known_with_all_that_was_said_of_it(store: Store) -> None:
    await unplaced(store)
    await write(store, sa.update(sale).values(received_at=5))
    reason = f"unknown machine {MACHINE}: python -m cloud machine add {MACHINE} …"
    assert await the_stuck(store) == Stuck(
        machine=MACHINE,
        sale=a_sale(),
        received_at=5,
        cause="unknown_machine",
        reason=reason,
        answers=Answers(),
    )


async def test_what_needs_no_hand_is_not_stuck(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2, kind="test"))
    assert await stuck(store) == []
    async with store.transaction() as connection:
        for number in (1, 2, 3):
            assert await placing.the_stuck(connection, id_of(number)) is None


async def test_stuck_sales_are_found_by_cause_and_in_parts(store: Store) -> None:
    await unplaced(store, *(a_sale(number) for number in (3, 1, 5)))
    await sell(store, a_sale(2, amount=None), a_sale(4, amount=None))
    assert await stuck(store) == [id_of(number) for number in range(1, 6)]
    assert await stuck(store, Cause.AMOUNT) == [id_of(2), id_of(4)]
    assert await stuck(store, most=2) == [id_of(1), id_of(2)]
    assert await stuck(store, past=id_of(2), most=2) == [id_of(3), id_of(4)]
    assert await stuck(store, Cause.AMOUNT, past=id_of(2)) == [id_of(4)]
    assert await stuck(store, past=id_of(5)) == []


# What people say. --------------------------------------------------------------------------------


async def test_what_is_said_of_a_sale_is_joined_and_the_last_word_holds(store: Store) -> None:
    await unplaced(store)
    wanted = Answers()
    for said, changed in (
        (Answers(amount=12000), {"amount": 12000}),
        (Answers(late="receipt", price=True), {"late": "receipt", "price": True}),
        (Answers(amount=500), {"amount": 500}),
        (Answers(), {}),
    ):
        wanted = msgspec.structs.replace(wanted, **changed)
        async with store.transaction() as connection:
            assert await placing.say(connection, KEY, said) == wanted
    assert (await the_stuck(store)).answers == wanted
    assert len(await rows(store, sa.select(answer))) == 1


async def test_nothing_is_said_of_a_sale_that_is_not_here(store: Store) -> None:
    async def say() -> None:
        async with store.transaction() as connection:
            await placing.say(connection, KEY, Answers(amount=1))

    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        await say()


# Where it goes. ----------------------------------------------------------------------------------


async def test_a_sale_that_can_be_placed_at_last_goes_its_way_once(store: Store) -> None:
    await stocked(store)
    await unplaced(store)
    await write(store, sa.update(sale).values(received_at=5))
    await place_again(store, GOES)
    (kept,) = await rows(store, sa.select(sale))
    assert (kept.disposition, kept.cause, kept.reason) == ("receipt", None, None)
    (asked,) = await rows(store, sa.select(receipt))
    assert (asked.state, asked.machine, asked.register) == ("waiting", MACHINE, "main")
    # It waited longer than what came since, and is due now.
    assert (asked.born_at, asked.next_at) == (5, 0)
    assert msgspec.json.decode(asked.request, type=Receipt) == ASKED
    assert await stuck(store) == []
    assert await story(store) == ["attention", "waiting", "receipt"]


async def test_a_sale_may_need_a_hand_for_another_reason(store: Store) -> None:
    await unplaced(store)
    other = Attention(Cause.AMOUNT, "the bus did not say the amount")
    for _ in range(3):
        await place_again(store, other)
    assert (await the_stuck(store)).reason == other.reason
    assert await stuck(store, Cause.AMOUNT) == [KEY]
    # Said again, it is no change.
    assert await story(store) == ["attention", "attention"]


async def test_a_sale_may_turn_out_to_need_no_receipt(store: Store) -> None:
    await unplaced(store)
    await place_again(store, Skipped(Cause.POLICY, "the operator does not want it"))
    ((disposition, cause),) = await rows(store, sa.select(sale.c.disposition, sale.c.cause))
    assert (disposition, cause) == ("skipped", "policy")
    assert await rows(store, sa.select(receipt)) == []
    assert await story(store) == ["attention", "skipped"]


async def test_a_sale_that_cannot_be_asked_for_stays_where_it_is(store: Store) -> None:
    await unplaced(store)
    assert isinstance(GOES, Placed)
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        await place_again(store, Placed(GOES.receipt, "nowhere"))
    assert await stuck(store) == [KEY]
    assert await story(store) == ["attention"]


# What settled it. --------------------------------------------------------------------------------


async def test_what_settled_a_sale_is_its_receipt_with_its_document(store: Store) -> None:
    await sell(store, a_sale())
    assert await issued(store) is None
    await leave(store, at=T)
    assert await issued(store) is None
    await hear(store, Done(a_document()), at=T)
    assert await issued(store) == Issued(ASKED, MACHINE, "main", a_document())


async def test_what_settled_a_sale_may_be_the_correction_in_its_place(store: Store) -> None:
    await sell(store, a_sale())
    await leave(store, at=T)
    await hear(store, Dead("code 13"), at=T)
    await write(store, sa.update(receipt).values(state="closed"))
    amended = msgspec.structs.replace(ASKED, purpose=Purpose.CORRECTION)
    async with store.transaction() as connection:
        await receipts.ask(connection, [Asked(amended, MACHINE, "main", T)], "olga", T)
    assert await issued(store) is None
    await leave(store, at=T)
    await hear(store, Done(a_document(3)), f"{KEY}-c", at=T)
    found = await issued(store)
    assert found is not None
    assert (found.receipt.purpose, found.document.fd) == (Purpose.CORRECTION, 3)


@pytest.mark.parametrize("state", ["waiting", "issued"])
async def test_what_was_returned_or_will_be_settles_nothing(store: Store, state: str) -> None:
    await sell(store, a_sale())
    await leave(store, at=T)
    await hear(store, Done(a_document()), at=T)
    back = msgspec.structs.replace(ASKED, purpose=Purpose.INCOME_RETURN)
    async with store.transaction() as connection:
        await receipts.ask(connection, [Asked(back, MACHINE, "main", T)], "olga", T)
    if state == "issued":
        await leave(store, at=T)
        await hear(store, Done(replace(a_document(2), sign=2)), f"{KEY}-r", at=T)
    assert await issued(store) is None


@pytest.mark.needs("postgres")
async def test_a_person_and_the_placer_place_a_sale_one_after_the_other(
    postgres_store: Store,
) -> None:
    """Whoever comes second finds that it needs no hand any more."""
    store = postgres_store
    await stocked(store)
    await unplaced(store)

    async def place() -> bool:
        async with store.transaction() as connection:
            each = await placing.the_stuck(connection, KEY)
            if each is not None:
                await placing.place_again(connection, each, GOES, "olga", T)
            return each is not None

    assert sorted(await asyncio.gather(*(place() for _ in range(4)))) == [False] * 3 + [True]
    assert len(await rows(store, sa.select(receipt))) == 1


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("one", [True, False])
async def test_what_a_person_answers_at_this_moment_is_known_to_whoever_places_the_sale_next(
    postgres_store: Store, postgres: Cluster, *, one: bool
) -> None:
    """Whoever places it waits for the person, and would go by what was said before."""
    store = postgres_store
    await stocked(store)
    await unplaced(store)

    async def look() -> Stuck | None:
        async with store.transaction() as connection:
            if one:
                return await placing.the_stuck(connection, KEY)
            return (await placing.stuck(connection, most=5))[0]

    async with store.transaction() as connection:
        each = await placing.the_stuck(connection, KEY)
        assert each is not None
        await placing.say(connection, KEY, Answers(product="tea"))
        otherwise = Attention(Cause.PRICE, "it is too dear")
        await placing.place_again(connection, each, otherwise, "olga", T)
        looking = asyncio.ensure_future(look())
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await until(lambda: postgres.execute(waiting) == [(1,)])
    found = await looking
    assert found is not None
    assert (found.reason, found.answers) == ("it is too dear", Answers(product="tea"))

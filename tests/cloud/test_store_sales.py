"""Sales: kept once, whatever repeats; what conflicts is kept beside."""

import msgspec
import pytest
import sqlalchemy as sa
from shop import (
    ASKED,
    EPOCH,
    MACHINE,
    MACHINE_AT_WORK,
    SITE,
    a_sale,
    arrival,
    id_of,
    incidents,
    now_ms,
    placed,
    rows,
    sell,
    stocked,
    story,
    the_attempts,
    token_of,
    write,
)

from cloud.fleet import Site
from cloud.intake import Attention, Cause, ReturnOf
from cloud.receipt import Receipt
from cloud.sequence import Received
from cloud.store import Store, journal, sales, streams
from cloud.store.sales import Arrival, Kept
from cloud.store.schema import history, incident, receipt, reply, sale
from cloud.web.buyer import TOKEN
from edge.wire import Sale, decode, encode

UNPLACED = Attention(Cause.UNKNOWN_MACHINE, "nobody knows it")


async def sequence(store: Store, epoch: str = EPOCH) -> Received:
    async with store.transaction() as connection:
        return await streams.sequence(connection, MACHINE, epoch)


async def test_a_sale_is_kept_with_its_receipt(store: Store) -> None:
    assert await sell(store, a_sale()) == [Kept.NEW]
    (kept,) = await rows(store, sa.select(sale))
    assert decode(kept.body.encode(), Sale) == a_sale()
    assert (kept.disposition, kept.cause, kept.reason) == ("receipt", None, None)
    (asked,) = await rows(store, sa.select(receipt))
    assert (asked.register, asked.state, asked.attempt) == ("main", "waiting", 0)
    assert msgspec.json.decode(asked.request, type=Receipt) == ASKED
    # No key is used up, and nobody is told anything, before something is sent.
    assert (await the_attempts(store), await rows(store, sa.select(reply))) == ([], [])


@pytest.mark.parametrize(("site", "whose"), [(SITE, "coffee"), (None, None)])
async def test_a_sale_is_whose_the_machine_was_when_it_came(
    store: Store, site: Site | None, whose: str | None
) -> None:
    await sell(store, a_sale(), site=site)
    assert await rows(store, sa.select(sale.c.operator)) == [(whose,)]


async def test_a_receipt_is_of_the_machines_id_whatever_number_is_on_its_body(
    store: Store,
) -> None:
    numbered = msgspec.structs.replace(MACHINE_AT_WORK, number="А-17")
    await sell(store, a_sale(), site=msgspec.structs.replace(SITE, machine=numbered))
    (asked,) = await rows(store, sa.select(receipt))
    assert asked.machine == MACHINE
    assert msgspec.json.decode(asked.request, type=Receipt).machine == "А-17"


@pytest.mark.parametrize(
    ("told", "disposition", "cause", "reason"),
    [
        (a_sale(kind="test"), "skipped", "test", "test vend"),
        (
            a_sale(amount=None),
            "attention",
            "amount",
            f"the bus did not say the amount: python -m cloud requeue {id_of(1)} --amount 120.00",
        ),
    ],
)
async def test_a_sale_without_a_receipt_has_its_reason(
    store: Store, told: Sale, disposition: str, cause: str, reason: str
) -> None:
    await sell(store, told)
    (kept,) = await rows(store, sa.select(sale))
    assert (kept.disposition, kept.cause, kept.reason) == (disposition, cause, reason)
    assert await rows(store, sa.select(receipt)) == []
    (said,) = await rows(store, sa.select(history))
    assert (said.purpose, said.state, said.detail) == (None, disposition, reason)


async def test_goods_that_came_back_are_no_disposition_of_a_row(store: Store) -> None:
    """Whoever forgets to settle them is told, and nothing is written."""
    back = arrival(a_sale(), ReturnOf(id_of(9), "2026-11-23T18:42:10"))
    with pytest.raises(TypeError, match="settled by their receipt's return"):
        async with store.transaction() as connection:
            await sales.keep(connection, [back], now_ms())
    assert await rows(store, sa.select(sale)) == []


async def test_the_same_sale_again_is_the_same_row(store: Store) -> None:
    assert await sell(store, a_sale(), a_sale()) == [Kept.NEW, Kept.AGAIN]
    assert await sell(store, a_sale()) == [Kept.AGAIN]
    assert len(await rows(store, sa.select(sale))) == 1
    assert len(await rows(store, sa.select(receipt))) == 1
    assert await incidents(store) == []
    assert await story(store) == ["waiting"]


@pytest.mark.parametrize(
    "other",
    [
        a_sale(amount=1),
        a_sale(item="0002"),
        a_sale(seq=2),
        a_sale(epoch="00000000"),
        # The same page, and another sale.
        a_sale(sale_id=id_of(2)),
        a_sale(2, token=token_of(1)),
    ],
)
async def test_the_same_name_with_another_body_is_an_incident_and_both_are_kept(
    store: Store, other: Sale
) -> None:
    assert await sell(store, a_sale(), other, other) == [Kept.NEW, Kept.CONFLICT, Kept.CONFLICT]
    (kept,) = await rows(store, sa.select(sale))
    assert decode(kept.body.encode(), Sale) == a_sale()
    (beside,) = await rows(store, sa.select(incident))
    assert (beside.kind, beside.machine, beside.sale_id) == ("conflict", MACHINE, other.sale_id)
    assert decode(beside.body, Sale) == other
    assert len(await rows(store, sa.select(receipt))) == 1


async def test_one_batch_with_new_repeated_and_conflicting_sales_keeps_each_as_it_is(
    store: Store,
) -> None:
    await sell(store, a_sale(1))
    told = [a_sale(2), a_sale(1), a_sale(3), a_sale(2, amount=1), a_sale(3), a_sale(1, item="9")]
    new, again, conflict = Kept.NEW, Kept.AGAIN, Kept.CONFLICT
    assert await sell(store, *told) == [new, again, new, conflict, again, conflict]
    assert len(await rows(store, sa.select(receipt))) == 3
    assert await sequence(store) == Received(3, 3, ())


async def test_another_sale_at_the_same_place_is_kept_with_its_receipt_and_an_incident(
    store: Store,
) -> None:
    """A card that forgot its last sale gives its place to the next; both were sold."""
    other = a_sale(2, seq=1)
    assert await sell(store, a_sale(), other, other) == [Kept.NEW, Kept.NEW, Kept.AGAIN]
    assert len(await rows(store, sa.select(receipt))) == 2
    assert await incidents(store) == ["two sales at one place"]
    assert await sequence(store) == Received(1, 1, ())


@pytest.mark.parametrize(
    ("first", "told", "kept", "beside"),
    [
        pytest.param(a_sale(1), a_sale(1), Kept.AGAIN, [], id="the machine has another name now"),
        pytest.param(
            a_sale(9), a_sale(9, seq=1), Kept.CONFLICT, ["conflict"], id="its id is another's"
        ),
        pytest.param(
            a_sale(9),
            a_sale(1, token=token_of(9)),
            Kept.NEW,
            ["another machine's token"],
            id="its page is another's",
        ),
    ],
)
async def test_a_sale_that_is_kept_elsewhere_is_told_as_stored(
    store: Store, first: Sale, told: Sale, kept: Kept, beside: list[str]
) -> None:
    """Or its machine would repeat it for ever."""
    await sell(store, first)
    before = await rows(store, sa.select(sale))
    by_another = Arrival("vm-new", told, encode(told).decode(), UNPLACED)
    async with store.transaction() as connection:
        assert await sales.keep(connection, [by_another], now_ms()) == [kept]
        behind = Arrival("vm-new", a_sale(2), "{}", UNPLACED)
        await sales.keep(connection, [behind], now_ms())
        assert await streams.sequence(connection, "vm-new", EPOCH) == Received(2, 2, ())
    assert await rows(store, sa.select(sale).where(sale.c.machine == MACHINE)) == before
    assert await incidents(store) == beside


async def test_a_sale_whose_token_another_machine_took_first_has_its_receipt_and_a_page_of_its_own(
    store: Store,
) -> None:
    """A token stands on a screen before the cloud hears of the sale: anybody may have read it."""
    thief = a_sale(9, machine="vm-thief", token=token_of(1))
    assert await sell(store, thief) == [Kept.NEW]
    assert await sell(store, a_sale(), a_sale()) == [Kept.NEW, Kept.AGAIN]
    assert await sell(store, a_sale()) == [Kept.AGAIN]
    assert len(await rows(store, sa.select(receipt))) == 2
    assert await incidents(store) == ["another machine's token"]
    async with store.reading() as connection:
        its = await journal.by_id(connection, id_of(1))
        assert its is not None
        assert its.sale.token != token_of(1)
        assert TOKEN.fullmatch(its.sale.token)
        page = await journal.by_token(connection, its.sale.token)
        taken = await journal.by_token(connection, token_of(1))
    assert page == its
    assert taken is not None
    assert taken.sale == thief


async def test_two_different_conflicts_are_two_incidents(store: Store) -> None:
    await sell(store, a_sale(), a_sale(amount=1), a_sale(amount=2), a_sale(amount=1))
    assert await incidents(store) == ["conflict", "conflict"]


async def test_two_machines_may_count_alike(store: Store) -> None:
    other = a_sale(2, seq=1, machine="vm-9")
    assert await sell(store, a_sale(), other) == [Kept.NEW, Kept.NEW]


async def test_a_machine_with_a_new_card_begins_again(store: Store) -> None:
    other = a_sale(2, seq=1, epoch="00000001")
    assert await sell(store, a_sale(), other) == [Kept.NEW, Kept.NEW]
    assert await sequence(store) == await sequence(store, "00000001") == Received(1, 1, ())


async def test_a_sale_may_hold_any_character_that_json_has(store: Store) -> None:
    """PostgreSQL has no U+0000: a reason may lose it, a body says it in other words."""
    odd = a_sale(item="00\x0001 \u2028 '; -- 🥤", boot_id="\x00")
    assert await sell(store, odd, odd) == [Kept.NEW, Kept.AGAIN]
    assert await sell(store, odd) == [Kept.AGAIN]
    (kept,) = await rows(store, sa.select(sale))
    assert decode(kept.body.encode(), Sale) == odd
    assert (kept.disposition, kept.cause) == ("attention", "unknown_slot")


async def test_a_batch_is_kept_as_a_whole_or_not_at_all(store: Store) -> None:
    """A receipt that no register can take spoils it, and leaves nothing behind."""

    async def both() -> None:
        async with store.transaction() as connection:
            told = [placed(a_sale(1)), placed(a_sale(2), "nowhere")]
            await sales.keep(connection, told, now_ms())

    await stocked(store)
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        await both()
    for table in (sale, receipt, history):
        assert await rows(store, sa.select(table)) == []
    assert await sequence(store) == Received(0, 0, ())


async def test_no_batch_at_all_is_no_work(store: Store) -> None:
    async with store.transaction() as connection:
        assert await sales.keep(connection, [], now_ms()) == []


@pytest.mark.parametrize(
    ("order", "broken"),
    [
        (sa.update(sale).values(disposition="skipped"), "reasoned"),
        (sa.update(sale).values(disposition="attention", reason="?"), "reasoned"),
        (sa.update(sale).values(disposition="lost", reason="?", cause="?"), "disposition"),
        (sa.update(sale).values(token=token_of(1)), r"sale[._]token"),
        (sa.delete(sale).where(sale.c.sale_id == id_of(1)), r"(?i)foreign key"),
        (sa.update(receipt).values(sale_id=id_of(3)), r"(?i)foreign key|receipt[._]"),
        (sa.insert(reply).values(sale_id=id_of(3), machine="x", rev=1), r"(?i)foreign key"),
    ],
    ids=str,
)
async def test_an_intruder_cannot_make_a_sale_end_nowhere(
    store: Store, order: sa.UpdateBase, broken: str
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    before = await rows(store, sa.select(sale).order_by(sale.c.sale_id))
    with pytest.raises(sa.exc.IntegrityError, match=broken):
        await write(store, order)
    assert await rows(store, sa.select(sale).order_by(sale.c.sale_id)) == before

"""A day as the store finds it: its sales by the machine's zone, its documents, what is missing."""

import dataclasses
from datetime import date

import msgspec
import sqlalchemy as sa
from fate import REFUSED, hear, issue, meet
from shop import (
    EPOCH,
    MACHINE,
    MACHINE_AT_WORK,
    NOON,
    a_document,
    a_fleet,
    a_sale,
    id_of,
    sell,
    stock,
    write,
)

from cloud.outcome import Done, Unsent
from cloud.store import Store, streams
from cloud.store import day as days
from cloud.store.day import Gap, Place, Places, Sold
from cloud.store.schema import run, sale, stream

DAY = date(2026, 11, 23)
OTHER = "0b0b0b0b"


async def sold(store: Store, day: date = DAY) -> list[Sold]:
    async with store.reading() as connection:
        where = await days.places(connection)
        return [each async for page in days.sold(connection, day, where) for each in page]


async def numbers(store: Store, day: date = DAY) -> list[int]:
    return [each.sale.seq for each in await sold(store, day)]


async def test_a_sale_belongs_to_the_day_of_its_machines_zone(store: Store) -> None:
    # Moscow is three hours ahead: the first is still the 22nd, the last is the 24th already.
    for seq, at in enumerate(("22T20:59:59Z", "22T21:00:00Z", "23T20:59:59Z", "23T21:00:00Z"), 1):
        await sell(store, a_sale(seq, sold_at=f"2026-11-{at}"))
    assert await numbers(store) == [2, 3]
    assert await numbers(store, date(2026, 11, 22)) == [1]
    east = msgspec.structs.replace(MACHINE_AT_WORK, timezone="Asia/Kamchatka")
    await stock(store, east)
    assert await numbers(store) == [1, 2]


async def test_a_day_begins_early_in_the_far_east(store: Store) -> None:
    await stock(store, *a_fleet())
    await stock(store, msgspec.structs.replace(MACHINE_AT_WORK, timezone="Asia/Kamchatka"))
    await sell(store, a_sale(1, sold_at="2026-11-22T12:30:00Z"))
    at_once = 1_795_350_600_000  # 2026-11-22T12:30:00Z
    await write(store, sa.update(sale).values(received_at=at_once))
    assert await numbers(store) == [1]


async def test_a_sale_that_came_weeks_late_is_of_the_day_on_which_it_was_made(
    store: Store,
) -> None:
    await sell(store, a_sale(1, sold_at="2026-10-01T12:00:00Z"), a_sale(2, clock="unsynced"))
    assert await numbers(store, date(2026, 10, 1)) == [1]
    arrived = sa.update(sale).values(received_at=1_795_000_000_000)  # 2026-11-18, Moscow
    await write(store, arrived)
    assert await numbers(store, date(2026, 11, 18)) == [2]
    assert await numbers(store) == []


async def test_a_day_has_its_receipts_and_is_read_in_pages(store: Store) -> None:
    many = days.PAGE + 5
    await sell(store, *(a_sale(number) for number in range(1, many + 1)))
    await issue(store, 1)
    await meet(store, REFUSED, 2)
    found = {each.sale.seq: each for each in await sold(store)}
    assert len(found) == many
    assert [(piece.state.value, piece.total) for piece in found[1].receipts] == [("issued", 12010)]
    assert [(piece.state.value, piece.total) for piece in found[2].receipts] == [
        ("attention", None)
    ]
    assert found[2].receipts[0].error == REFUSED.reason


async def test_documents_are_of_the_day_that_the_register_says(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await issue(store, 1, fd=7)
    other = dataclasses.replace(a_document(8), at="20261124T0001")
    await meet(store, Done(other), 2)
    assert NOON.startswith("20261123")
    async with store.reading() as connection:
        (first,) = await days.recorded(connection, DAY)
        (second,) = await days.recorded(connection, date(2026, 11, 24))
        assert await days.owners(connection) == {"main": "coffee"}
    assert (first.fd, first.sale_id, first.total) == (7, id_of(1), 12010)
    assert second.fd == 8


async def gaps(store: Store, *seqs: int) -> list[tuple[int, int]]:
    async with store.reading() as connection:
        found = await days.gaps_around(connection, MACHINE, EPOCH, seqs)
    return [(each.first, each.last) for each in found]


async def test_gaps_lie_between_the_days_sales_and_beside_them(store: Store) -> None:
    await sell(store, *(a_sale(seq) for seq in (2, 5, 6, 9, 12)))
    assert await gaps(store, 5, 6, 9) == [(3, 4), (7, 8), (10, 11)]
    assert await gaps(store, 2) == [(1, 1), (3, 4)]
    assert await gaps(store, 12) == [(10, 11)]


async def test_a_place_that_is_answered_for_and_has_no_sale_is_a_gap_all_the_same(
    store: Store,
) -> None:
    await sell(store, a_sale(1), a_sale(4))
    async with store.transaction() as connection:
        await streams.reach(connection, MACHINE, EPOCH, 1, 4)
    assert await gaps(store, 1, 4) == [(2, 3)]


async def test_a_hole_of_a_stream_without_sales_of_the_day_is_told_if_it_may_be_of_it(
    store: Store,
) -> None:
    await sell(store, a_sale(1, sold_at="2026-11-20T12:00:00Z"), a_sale(2))
    await sell(store, a_sale(5, sold_at="2026-11-25T12:00:00Z"))
    where = Places({MACHINE: Place("coffee", days.UNKNOWN_ZONE)})
    told = {}
    async with store.reading() as connection:
        for number in (20, 22, 23, 24, 25, 26):
            day = date(2026, 11, number)
            told[number] = await days.gaps_on(connection, day, where, set())
        assert await days.gaps_on(connection, DAY, where, {(MACHINE, EPOCH)}) == []
    gap = [Gap(MACHINE, EPOCH, 3, 4)]
    assert told == {20: [], 22: [], 23: gap, 24: gap, 25: gap, 26: []}


async def test_a_hole_with_nothing_behind_it_is_open_to_its_end(store: Store) -> None:
    await sell(store, a_sale(1))
    row = {"machine": MACHINE, "epoch": OTHER, "first": 2, "last": 9}
    await write(store, sa.insert(run).values(row))
    where = Places({})
    async with store.reading() as connection:
        found = await days.gaps_on(connection, date(2030, 1, 1), where, set())
    assert found == [Gap(MACHINE, OTHER, 1, 1)]


async def test_what_a_machine_claims_beyond_what_is_here_is_a_hole(store: Store) -> None:
    await sell(store, a_sale(1))
    row = {"machine": MACHINE, "epoch": EPOCH, "claimed": 4}
    await write(store, sa.insert(stream).values(row))
    where = Places({MACHINE: Place("coffee", days.UNKNOWN_ZONE)})
    async with store.reading() as connection:
        found = await days.gaps_on(connection, date(2026, 11, 25), where, set())
    assert found == [Gap(MACHINE, EPOCH, 2, 4)]


async def test_attempts_that_left_are_tried_and_others_are_not(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    await issue(store, 1)
    await sell(store, a_sale(3), a_sale(4))
    await meet(store, Unsent("no connection"), 4)
    await hear(store, id_of(3), Unsent("no connection"))
    ids = [id_of(number) for number in (1, 2, 3, 4)]
    async with store.reading() as connection:
        found = {each.key: each for each in await days.tried(connection, ids)}
    # The second left with the first, and its answer is not in.
    assert set(found) == {id_of(1), id_of(2)}
    assert (found[id_of(1)].provider_id, found[id_of(1)].fd) == ("p-1", 1)
    assert found[id_of(2)].verdict is None
    assert found[id_of(1)].current

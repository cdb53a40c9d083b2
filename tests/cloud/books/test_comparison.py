from datetime import date

from stall import a_product, a_shelf, an_operator

from cloud.books import archive
from cloud.books.comparison import Comparison, overlap
from cloud.books.kinds import SHELF
from cloud.books.known import Known
from cloud.books.spool import Spool
from cloud.fleet import Planogram, Shelf
from cloud.store import Store, fleet
from cloud.store.fleet import Put


async def test_a_slot_s_rows_are_compared_together(sqlite_store: Store) -> None:
    async with sqlite_store.transaction() as connection:
        for each in (an_operator(), a_product(), a_product(id="tea"),
                     Planogram(id="hot", operator="coffee"), a_shelf()):  # fmt: skip
            await fleet.put(connection, each, "test", 1)
        known = await Known.read(connection)
        said: list[str] = []
        with Spool() as spool:
            for number, begin in ((3, "2026-02-01"), (2, "2026-01-01")):
                key = ("coffee", "hot", "0001", begin)
                told = {"planogram": "hot", "slot": "0001", "product": "tea", "valid_from": begin}
                spool.put(key, number, told)
            compared = Comparison(SHELF, None, known, spool, said.append)
            rows: list[int] = []
            await compared.all(connection, rows.append)
            (wanted,) = spool.wanted(Shelf)
            assert not spool.mistakes
    assert rows == [2]
    assert compared.counts == {Put.NEW: 2}
    assert said == [
        "row 2: slot 0001 of planogram hot from 2026-01-01: new",
        "row 3: slot 0001 of planogram hot from 2026-02-01: new",
    ]
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    assert wanted == [
        a_shelf(valid_until=january),
        a_shelf(product="tea", valid_from=january, valid_until=february),
        a_shelf(product="tea", valid_from=february),
    ]


def test_an_overlap_is_told_with_its_days() -> None:
    one = a_shelf(valid_until=date(2026, 1, 1))
    assert overlap(one, a_shelf(product="tea", valid_from=date(2025, 1, 1))) == (
        "cappuccino from 2000-01-01 until 2026-01-01 overlaps tea from 2025-01-01 on"
    )


def test_the_archive_asks_for_no_more_than_a_database_takes() -> None:
    assert archive.AT_ONCE * 4 < 32_766

"""The wreck: what each way of reading finds. The kinds of damage are in test_salvage."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from specimens import receipt, sale

from edge.storage.outbox import Outbox
from edge.storage.wreck import BLOCK_BYTES, LONGEST_SALE, FoundSale, read
from edge.wire import encode

EPOCH = "7f3a9c1e"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a folder? with #signs%20" / "outbox.sqlite"


def test_rows_that_can_be_read_keep_all_that_is_known_of_them(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.put(sale(2, clock="unsynced"))
        outbox.tell([(2, sale(2, clock="corrected"))])
        outbox.put_receipt(receipt(sale(1)))
    before = file.read_bytes()
    found = read(file)
    told = encode(sale(2, clock="corrected"))
    assert found.sales == [
        FoundSale(sale(1), encode(sale(1)), 1),
        FoundSale(sale(2, clock="unsynced"), encode(sale(2, clock="unsynced")), 2, told, True),
    ]
    assert [row["rev"] for row in found.rows["receipt"]] == [1]
    assert file.read_bytes() == before


def test_sales_are_found_in_any_bytes_each_once_and_whole(file: Path) -> None:
    file.parent.mkdir()
    first, told = sale(1, clock="unsynced"), sale(1, clock="bounded")
    long = sale(3, raw={str(number): "x" * 200 for number in range(20)})
    assert len(encode(long)) > LONGEST_SALE
    odd = sale(2, item='}{"sale_id":"', raw={"}": "}}"})
    texts = [encode(odd), encode(first), encode(receipt(odd)), encode(told), encode(first)]
    file.write_bytes(b"\xa5".join([os.urandom(50), *texts, encode(odd)[:-1], encode(long)]))
    found = read(file)
    assert [each.body for each in found.sales] == [encode(told), encode(odd)]


def test_rows_that_are_no_sales_or_no_receipts_are_left(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.put_receipt(receipt(sale(1)))
    with closing(sqlite3.connect(file)) as intruder, intruder:
        intruder.execute("UPDATE receipt SET sale_id = 'x'")
        intruder.execute("INSERT INTO answer VALUES ('c', 1, x'ff')")
        intruder.execute("INSERT INTO note (number, channel, body) VALUES (1, 'shown', x'5b5d')")
    found = read(file)
    assert [found.rows[table] for table in ("receipt", "answer", "note")] == [[], [], []]


def test_nothing_is_found_where_nothing_is(file: Path) -> None:
    file.parent.mkdir()
    assert read(file).sales == []
    file.write_bytes(bytes(3 * BLOCK_BYTES))
    assert read(file).sales == []

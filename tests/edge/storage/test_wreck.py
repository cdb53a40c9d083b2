"""The wreck: what each way of reading finds. The kinds of damage are in test_salvage."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from specimens import receipt, sale

from edge.storage.finds import FoundSale
from edge.storage.outbox import Outbox
from edge.storage.wreck import (
    BLOCK_BYTES,
    LONGEST_ROW,
    LONGEST_SALE,
    PORTION,
    SEARCHED_BYTES,
    Row,
    opened,
)
from edge.wire import encode

EPOCH = "7f3a9c1e"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a folder? with #signs%20" / "outbox.sqlite"


TABLES = ("receipt", "answer", "note")


@dataclass
class Found:
    sales: list[FoundSale]
    rows: dict[str, list[Row]]
    pulses: int


def read(file: Path) -> Found:
    pulses = list[None]()
    scratch = file.with_name("scratch")
    with opened(file, scratch, lambda: pulses.append(None)) as wreck:
        rows = {table: list(wreck.rows(table)) for table in TABLES}
        found = Found(list(wreck.sales()), rows, len(pulses))
    scratch.unlink()
    return found


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
        FoundSale(sale(1).sale_id, EPOCH, 1, encode(sale(1)), 1),
        FoundSale(
            sale(2).sale_id, EPOCH, 2, encode(sale(2, clock="unsynced")), 2, told, untimed=True
        ),
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


def test_a_sale_is_found_wherever_the_pieces_that_are_read_meet(file: Path) -> None:
    """Each stands so that another part of it is at the end of the first piece or the second."""
    file.parent.mkdir()
    content = bytearray(3 * SEARCHED_BYTES)
    size = len(encode(sale(1)))
    edges = (SEARCHED_BYTES, SEARCHED_BYTES + LONGEST_SALE, 2 * SEARCHED_BYTES)
    for shift in range(0, size, 37):
        for edge in edges:
            at = edge - shift
            file.write_bytes(content[:at] + encode(sale(1)) + content[at + size :])
            assert [each.body for each in read(file).sales] == [encode(sale(1))]
    file.write_bytes(content[:-size] + encode(sale(1)))
    assert len(read(file).sales) == 1


def test_it_says_that_it_lives_while_it_reads_rows_and_bytes(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(bytes(10 * SEARCHED_BYTES))
    assert read(file).pulses >= 9
    file.unlink()
    with closing(sqlite3.connect(file)) as old, old:
        old.execute("CREATE TABLE sale (body BLOB)")
        old.executemany("INSERT INTO sale VALUES (?)", [(b"x",)] * (5 * PORTION))
    assert read(file).pulses >= 5


def test_a_row_without_end_is_left_and_those_behind_it_are_read(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.memory.put_answer("long", b'"%s"' % (b"x" * LONGEST_ROW))
        outbox.memory.put_answer("short", b'"x"')
    assert [row["command"] for row in read(file).rows["answer"]] == ["short"]

"""The disk: a sale committed, beside a bare SQLite commit of the same bytes with the same settings."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figure import Figure

from edge.clock import SystemClock
from edge.sale import sale_of
from edge.storage.outbox import Outbox
from edge.wire import Sale, encode
from mdb import Kind
from mdb.event import Sale as Vend
from mdb.event import Tender

ROUNDS = 300


def measure_disk() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "outbox.sqlite", "0" * 8)
        bare = sqlite3.connect(Path(folder) / "bare.sqlite")
        bare.execute("PRAGMA journal_mode = wal")
        bare.execute("PRAGMA synchronous = full")
        bare.execute("CREATE TABLE sale (seq INTEGER PRIMARY KEY, sale_id TEXT UNIQUE, body BLOB)")
        ours, theirs = [], []
        for number in range(ROUNDS):
            sale = _sale(number + 1)
            ours.append(_timed(lambda sale=sale: outbox.put(sale)))
            theirs.append(_timed(lambda sale=sale: _commit(bare, sale)))
        outbox.close()
        bare.close()
    yield Figure(
        "sale committed to disk, p50",
        1000 * statistics.median(ours),
        1000 * statistics.median(theirs),
        "ms",
        "bare SQLite commit",
    )


def _commit(bare: sqlite3.Connection, sale: Sale) -> None:
    bare.execute("INSERT INTO sale VALUES (?, ?, ?)", (sale.seq, sale.sale_id, encode(sale)))
    bare.commit()


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sale(seq: int) -> Sale:
    paid = (Tender("cashless-1", 12000),)
    vend = Vend(0.0, 0x10, "0001", Kind.PAID, 12000, "RUB", paid)
    chance = 2 * seq.to_bytes(10, "big")
    return sale_of(
        vend, machine="vm-1", epoch="0" * 8, seq=seq, moment=SystemClock().now(), chance=chance
    )

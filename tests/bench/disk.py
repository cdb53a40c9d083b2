"""The disk: a sale committed, beside a bare SQLite commit of the same bytes with the same settings."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from figure import Figure

from edge.clock import SystemClock
from edge.intent import Intent, intent_of
from edge.sale import sale_of
from edge.storage.file import PAGE_BYTES
from edge.storage.outbox import Outbox
from edge.wire import Ack, Receipt, Sale, Shown, encode
from mdb import Kind
from mdb.event import Sale as Vend
from mdb.event import Tender, VendApproved

ROUNDS = 300
HERE = Path.cwd()
"""Written to the disk that the project is on: a memory disk would write nothing."""


def measure_disk() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        yield _commits(Path(folder))
        yield from _bytes(Path(folder))


def _commits(folder: Path) -> Figure:
    outbox = Outbox(folder / "commits/outbox.sqlite", "0" * 8)
    bare = _bare(folder / "bare.sqlite")
    ours, theirs = [], []
    for number in range(ROUNDS):
        sale = _sale(number + 1)
        ours.append(_timed(lambda sale=sale: outbox.put(sale)))
        theirs.append(_timed(lambda sale=sale: _commit(bare, sale)))
    outbox.close()
    bare.close()
    return Figure(
        "sale committed to disk, p50",
        1000 * statistics.median(ours),
        1000 * statistics.median(theirs),
        "ms",
        "bare SQLite commit",
        "ratio ≤ 1.3",
    )


def _bytes(folder: Path) -> Iterator[Figure]:
    """A sale's whole life: approved, sold, acknowledged, its receipt, and two showings."""
    outbox = Outbox(folder / "bytes/outbox.sqlite", "0" * 8)
    bare = _bare(folder / "bare-bytes.sqlite")
    sold, lived, theirs = 0, 0, 0
    for number in range(1, ROUNDS + 1):
        sale = _sale(number)
        began = _written()
        outbox.memory.put_intent(0x10, _intent())
        before = _written()
        outbox.put(sale, 0x10)
        sold += _written() - before
        _live(outbox, sale)
        lived += _written() - began
        before = _written()
        _commit(bare, sale)
        theirs += _written() - before
    outbox.close()
    bare.close()
    each = ROUNDS * 1024
    peer = "bare SQLite commit of the sale alone"
    yield Figure(
        "written for a sale, with what rides along", sold / each, theirs / each, "KiB", peer, "≤ 20"
    )
    yield Figure(
        "and with its approval, receipt and evidence", lived / each, theirs / each, "KiB", peer
    )


def _live(outbox: Outbox, sale: Sale) -> None:
    outbox.acknowledge(Ack(epoch=outbox.epoch, upto=sale.seq, time=""), 0)
    outbox.put_receipt(
        Receipt(
            sale_id=sale.sale_id,
            rev=1,
            status="issued",
            qr="t=20261123T1542&s=120.00&fn=9999078900000000&i=12345&fp=1234567890&n=1",
        )
    )
    for rev in (0, 1):
        outbox.notes.put_showing(
            Shown(
                sale_id=sale.sale_id,
                rev=rev,
                on="screen",
                shown_at=sale.sold_at,
                hidden_at=sale.sold_at,
                reason="timeout",
                frame_sha256="a" * 64,
                display="1-kiosk",
            )
        )


def _intent() -> Intent:
    return intent_of(VendApproved(0.0, 0x10, "0001", 12000, "RUB"), SystemClock().now())


def _bare(file: Path) -> sqlite3.Connection:
    bare = sqlite3.connect(file)
    bare.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    bare.execute("PRAGMA journal_mode = wal")
    bare.execute("PRAGMA synchronous = full")
    bare.execute("CREATE TABLE sale (seq INTEGER PRIMARY KEY, sale_id TEXT UNIQUE, body BLOB)")
    return bare


def _commit(bare: sqlite3.Connection, sale: Sale) -> None:
    bare.execute("INSERT INTO sale VALUES (?, ?, ?)", (sale.seq, sale.sale_id, encode(sale)))
    bare.commit()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _written() -> int:
    """Bytes this process has had written to a disk."""
    told = Path("/proc/self/io").read_text("ascii")
    return next(int(line.split()[1]) for line in told.splitlines() if "write_bytes" in line)


def _sale(seq: int) -> Sale:
    paid = (Tender("cashless-1", 12000),)
    vend = Vend(0.0, 0x10, "0001", Kind.PAID, 12000, "RUB", paid)
    chance = 2 * seq.to_bytes(10, "big")
    sale = sale_of(
        vend, machine="vm-1", epoch="0" * 8, seq=seq, moment=SystemClock().now(), chance=chance
    )
    return msgspec.structs.replace(sale, clock="synced")

"""A damaged outbox: what could be read is never lost, whatever was hit and whenever it dies."""

import os
import random
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import ROOT
from specimens import BOOT, StillClock, receipt, sale

from edge.anchors import Anchor
from edge.incident import of_machine
from edge.storage import salvage as module
from edge.storage.log import OPEN
from edge.storage.outbox import OpenSale, Outbox
from edge.storage.trouble import DamagedError
from edge.wire import Ack, Sale, encode

EPOCH, NEXT, THIRD = "7f3a9c1e", "0badcafe", "00000003"
SALES = 40
NOISE = random.Random(4).randbytes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def fill(outbox: Outbox, count: int = SALES) -> None:
    """Sales, of which every other is acknowledged, and one of everything else."""
    for seq in range(1, count + 1):
        outbox.put(
            sale(seq, epoch=outbox.epoch, sale_id=sale(seq + 1000 * len(outbox.epoch)).sale_id)
        )
    odd = tuple(range(1, count + 1, 2))
    outbox.acknowledge(Ack(epoch=outbox.epoch, upto=count, missing=odd, time=""), 1_795_000_000)
    first = outbox.open_sales(0, 1)[0]
    outbox.put_receipt(receipt(msgspec.json.decode(first.body, type=Sale)))
    outbox.notes.put_incident(of_machine("printer", "no paper", StillClock().now()))
    outbox.memory.put_answer("c1", b'{"ok":true}')
    outbox.memory.put_wish(b'{"version":1}')
    outbox.memory.put_anchor(
        Anchor(boot_id=BOOT, boottime_ms=1, unix_ms=1_795_000_000_000, source="kernel", after=7)
    )


def kept(outbox: Outbox) -> dict[str, bytes]:
    """What goes up, by name."""
    return {
        msgspec.json.decode(body)["sale_id"]: body for _, body, _ in outbox.open_sales(0, 10**6)
    }


@contextmanager
def killed(file: Path) -> Iterator[Path]:
    """The outbox as a power cut leaves it: the file and its log, in a folder of their own."""
    with closing(Outbox(file.parent / "alive" / "outbox.sqlite", EPOCH)) as outbox:
        fill(outbox)
        for name in ("outbox.sqlite", "outbox.sqlite-wal"):
            (file.parent / name).write_bytes((file.parent / "alive" / name).read_bytes())
        yield file


@pytest.fixture
def closed(file: Path) -> tuple[Path, dict[str, bytes]]:
    with closing(Outbox(file, EPOCH)) as outbox:
        fill(outbox)
        return file, kept(outbox)


def pages(file: Path) -> int:
    return file.stat().st_size // 2048


def damaged_files(file: Path) -> list[str]:
    return sorted(each.name for each in file.parent.glob("*.damaged-*.sqlite"))


def test_an_outbox_that_is_sound_is_left_as_it_is(closed: tuple[Path, dict[str, bytes]]) -> None:
    file, open_sales = closed
    with closing(Outbox(file, NEXT)) as outbox:
        assert (outbox.epoch, outbox.salvaged, kept(outbox)) == (EPOCH, None, open_sales)
    assert damaged_files(file) == []


def test_a_damaged_outbox_goes_on_as_another_epoch_and_its_sales_come_first(
    closed: tuple[Path, dict[str, bytes]],
) -> None:
    file, open_sales = closed
    with closing(sqlite3.connect(file)) as intruder, intruder:
        intruder.execute("DROP INDEX sale_open")
    before = file.read_bytes()
    with closing(Outbox(file, NEXT)) as outbox:
        assert (outbox.epoch, outbox.next_seq, outbox.last_place) == (NEXT, 1, SALES)
        assert outbox.salvaged == (
            "the outbox was damaged (parts of it are missing: sale_open) and set aside; 40 sales"
            " were salvaged, 20 of them go up again; 0 numbers between them were not found"
        )
        new = sale(1, epoch=NEXT, sale_id=sale(99).sale_id)
        assert outbox.put(new) == OpenSale(SALES + 1, encode(new))
        bodies = [each.body for each in outbox.open_sales(0, 100)]
        assert bodies == [*open_sales.values(), encode(new)]
        assert [each.text for each in outbox.notes.incidents(9)] == ["no paper"]
        assert outbox.notes.open(0, 9)[0].number == 1
        assert outbox.memory.answer("c1") == b'{"ok":true}'
        assert outbox.memory.wish() == b'{"version":1}'
        assert [each.after for each in outbox.anchors] == [7]
        first = next(iter(open_sales))
        assert outbox.receipt(first) is not None
        outbox.tell_salvage(of_machine("outbox_salvaged", outbox.salvaged, StillClock().now()))
        assert outbox.salvaged is None
    assert (file.parent / "outbox.damaged-1.sqlite").read_bytes() == before
    with closing(Outbox(file, THIRD)) as outbox:
        assert (outbox.epoch, outbox.salvaged, outbox.next_seq) == (NEXT, None, 2)


def test_acks_of_the_old_epoch_and_of_the_new_reach_their_own_sales(
    closed: tuple[Path, dict[str, bytes]],
) -> None:
    file, _ = closed
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.mend(NEXT)
        for seq in (1, 2, 3):
            outbox.put(sale(seq, epoch=NEXT, sale_id=sale(90 + seq).sale_id))
        places = list(range(1, SALES + 4))

        def acknowledge(epoch: str, upto: int, **more: tuple[object, ...]) -> set[int]:
            ack = msgspec.convert({"epoch": epoch, "upto": upto, "time": "", **more}, Ack)
            return outbox.acknowledge(ack, 1, places)[0]

        old = set(range(1, SALES + 1, 2))
        assert acknowledge(NEXT, 0, also=((0, 1),)) == old | {42, 43}, "never the place before"
        assert acknowledge(NEXT, 2) == old | {43}
        assert acknowledge(EPOCH, 9, missing=(3,)) == old - {1, 5, 7, 9} | {43}
        assert acknowledge(EPOCH, 0, also=((20, 30), (35, 35))) == {3, 11, 13, 15, 17, 19} | {
            *(31, 33, 37, 39, 43)
        }
        assert acknowledge("99999999", 100) == {3, 11, 13, 15, 17, 19, 31, 33, 37, 39, 43}
        assert acknowledge(EPOCH, SALES) == {43}
        _, missing = outbox.acknowledge(Ack(epoch=NEXT, upto=3, missing=(3,), time=""), 1, places)
        assert missing == {43}


def test_an_ack_of_the_new_epoch_never_reaches_the_last_sale_of_the_old(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.mend(NEXT)
        outbox.put(sale(1, epoch=NEXT, sale_id=sale(2).sale_id))
        outbox.acknowledge(Ack(epoch=NEXT, upto=0, also=((0, 1),), time=""), 1)
        assert [each.place for each in outbox.open_sales(0, 9)] == [1]


def test_an_outbox_that_was_salvaged_may_be_salvaged_again(
    closed: tuple[Path, dict[str, bytes]],
) -> None:
    """The epochs stay in the order in which they were begun, though their names are chance."""
    file, open_sales = closed
    order = [EPOCH] * SALES
    with closing(Outbox(file, EPOCH)) as outbox:
        for number, epoch in enumerate((NEXT, "ffffffff", "00000001"), 1):
            outbox.mend(epoch)
            name = sale(500 + number).sale_id
            outbox.put(sale(1, epoch=epoch, sale_id=name))
            order.append(epoch)
        outbox.mend(THIRD)
        assert (outbox.next_seq, outbox.last_place) == (1, SALES + 3)
        found = [msgspec.json.decode(each.body)["epoch"] for each in outbox.open_sales(0, 100)]
        assert found == [EPOCH] * 20 + order[SALES:]
        assert list(kept(outbox))[:20] == list(open_sales)
    assert damaged_files(file) == [f"outbox.damaged-{number}.sqlite" for number in (1, 2, 3, 4)]


def test_mending_is_done_once_for_one_epoch(closed: tuple[Path, dict[str, bytes]]) -> None:
    file, _ = closed
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.mend(NEXT)
        outbox.mend(NEXT)
        assert outbox.epoch == NEXT
    assert damaged_files(file) == ["outbox.damaged-1.sqlite"]


# Damage of every kind. ---------------------------------------------------------------------------


def damage(file: Path, hit: Callable[[bytearray], None]) -> None:
    content = bytearray(file.read_bytes())
    hit(content)
    file.write_bytes(content)


@pytest.mark.parametrize("page", range(1, 32))
def test_one_page_of_noise_costs_its_own_rows_at_most(
    closed: tuple[Path, dict[str, bytes]], page: int
) -> None:
    file, open_sales = closed
    if page > pages(file):
        assert page > 24
        return
    noise = NOISE(2048)
    damage(file, lambda content: content.__setitem__(slice(2048 * page - 2048, 2048 * page), noise))
    readable = {name for name, body in open_sales.items() if body in file.read_bytes()}
    with closing(Outbox(file, NEXT)) as outbox:
        found = kept(outbox)
        assert readable <= set(found)
        assert len(open_sales) - len(readable) <= 3
        assert {name: found[name] for name in readable} == {
            name: open_sales[name] for name in readable
        }
        assert (outbox.epoch, len(damaged_files(file))) in {(NEXT, 1), (EPOCH, 0)}
        if outbox.epoch == EPOCH:  # a page that holds nothing
            assert found == open_sales


def test_a_file_cut_off_anywhere_gives_what_is_left(
    closed: tuple[Path, dict[str, bytes]],
) -> None:
    file, open_sales = closed
    whole = file.read_bytes()
    for number, page in enumerate(range(1, pages(file), 3)):
        folder = file.parent / str(number)
        folder.mkdir()
        cut = folder / "outbox.sqlite"
        cut.write_bytes(whole[: 2048 * page])
        left = {name for name, body in open_sales.items() if body in cut.read_bytes()}
        with closing(Outbox(cut, NEXT)) as outbox:
            assert left <= set(kept(outbox))
            assert (outbox.epoch, outbox.next_seq) == (NEXT, 1)


@pytest.mark.parametrize(
    "hit",
    [
        pytest.param(lambda content: content.__setitem__(slice(0, 100), bytes(100)), id="zeroed"),
        pytest.param(lambda content: content.__setitem__(slice(0, 2048), bytes(2048)), id="page"),
        pytest.param(lambda content: content.__setitem__(18, 9), id="write version"),
        pytest.param(lambda content: content.__setitem__(19, 9), id="read version"),
        pytest.param(lambda content: content.__setitem__(47, 9), id="schema format"),
        pytest.param(lambda content: content.__setitem__(slice(60, 64), b"\xff" * 4), id="layout"),
        pytest.param(lambda content: content.__setitem__(slice(16, 18), b"\0\3"), id="page size"),
    ],
)
def test_a_header_of_nonsense_hides_no_sale(
    closed: tuple[Path, dict[str, bytes]], hit: Callable[[bytearray], None]
) -> None:
    file, open_sales = closed
    damage(file, hit)
    with closing(Outbox(file, NEXT)) as outbox:
        assert open_sales.items() <= kept(outbox).items()
        assert (outbox.epoch, outbox.next_seq) == (NEXT, 1)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_bytes_anywhere_never_stop_a_start_and_never_change_a_sale(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("hit") / "outbox.sqlite"
    with closing(Outbox(file, EPOCH)) as outbox:
        fill(outbox)
        open_sales = kept(outbox)
    at = data.draw(st.integers(64, file.stat().st_size - 1))  # before it: see the header's table
    noise = data.draw(st.binary(min_size=1, max_size=300))
    damage(file, lambda content: content.__setitem__(slice(at, at + len(noise)), noise))
    left = {name for name, body in open_sales.items() if body in file.read_bytes()}
    with closing(Outbox(file, NEXT)) as outbox:
        found = {body for _, body, _ in outbox.open_sales(0, 1000)}
        assert {open_sales[name] for name in left} <= found
        outbox.pending()
        outbox.last_sale()
        outbox.memory.contexts()
        seq = outbox.next_seq
        outbox.put(sale(seq, epoch=outbox.epoch, sale_id=sale(999).sale_id))


def test_a_file_of_noise_is_set_aside_and_kept(file: Path) -> None:
    file.write_bytes(b"this is no database, and somebody may want it back" * 100)
    before = file.read_bytes()
    with closing(Outbox(file, EPOCH)) as outbox:
        assert (outbox.epoch, outbox.next_seq) == (EPOCH, 1)
        assert outbox.salvaged is not None
        assert "0 sales were salvaged" in outbox.salvaged
    assert (file.parent / "outbox.damaged-1.sqlite").read_bytes() == before


def test_an_empty_file_is_a_new_outbox_and_beside_a_log_a_damaged_one(file: Path) -> None:
    file.write_bytes(b"")
    with closing(Outbox(file, EPOCH)) as outbox:
        assert (outbox.epoch, outbox.salvaged) == (EPOCH, None)
    with killed(file):
        file.write_bytes(b"")
        with closing(Outbox(file, NEXT)) as outbox:
            assert outbox.salvaged is not None
            assert len(kept(outbox)) == SALES


def test_a_newer_outbox_is_no_damaged_one(closed: tuple[Path, dict[str, bytes]]) -> None:
    file, _ = closed
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("PRAGMA user_version = 4")
    with pytest.raises(Exception, match="a newer Chekomat made it; install that one again"):
        Outbox(file, NEXT)
    assert damaged_files(file) == []


def test_damage_to_an_index_alone_costs_no_sale(closed: tuple[Path, dict[str, bytes]]) -> None:
    """An entry that is gone from the index of open sales: no page is broken, the sale is silent."""
    file, open_sales = closed
    with closing(sqlite3.connect(file)) as intruder, intruder:
        intruder.execute("PRAGMA writable_schema = on")
        (root,) = intruder.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sale_open'"
        ).fetchone()
    at = 2048 * (root - 1)

    def forget_one(content: bytearray) -> None:
        (cells,) = struct.unpack_from(">H", content, at + 3)
        struct.pack_into(">H", content, at + 3, cells - 1)

    damage(file, forget_one)
    with closing(Outbox(file, NEXT)) as outbox:
        assert kept(outbox) == open_sales
        assert outbox.epoch == NEXT


# The log. ----------------------------------------------------------------------------------------


def test_a_log_that_a_power_cut_left_is_read_and_nothing_is_salvaged(file: Path) -> None:
    with killed(file), closing(Outbox(file, NEXT)) as outbox:
        assert (outbox.epoch, outbox.next_seq, outbox.salvaged) == (EPOCH, SALES + 1, None)


def lose(log: Path) -> None:
    log.unlink()


def empty(log: Path) -> None:
    log.write_bytes(b"")


def zero_the_header(log: Path) -> None:
    damage(log, lambda content: content.__setitem__(slice(0, 32), bytes(32)))


def garble_the_middle(log: Path) -> None:
    middle = 32 + 2072 * (log.stat().st_size // 2072 // 2)
    damage(log, lambda content: content.__setitem__(slice(middle, middle + 64), NOISE(64)))


def garble_the_first(log: Path) -> None:
    damage(log, lambda content: content.__setitem__(slice(56, 96), NOISE(40)))


@pytest.mark.parametrize("hit", [lose, empty, zero_the_header, garble_the_middle, garble_the_first])
def test_a_log_that_is_lost_or_damaged_gives_no_number_twice(
    file: Path, hit: Callable[[Path], None]
) -> None:
    with killed(file):
        log = file.with_name("outbox.sqlite-wal")
        hit(log)
        left = log.read_bytes() if log.exists() else b""
        readable = {
            sale(seq + 8000).sale_id
            for seq in range(1, SALES + 1)
            if encode(sale(seq, sale_id=sale(seq + 8000).sale_id)) in left
        }
        with closing(Outbox(file, NEXT)) as outbox:
            assert (outbox.epoch, outbox.next_seq) == (NEXT, 1)
            assert all(outbox.sale(each) is not None for each in readable)
        aside = file.with_name("outbox.damaged-1.sqlite-wal")
        assert (aside.read_bytes() if aside.exists() else b"") == left, "kept for a person"


def test_a_commit_that_a_power_cut_tore_is_no_damage(file: Path) -> None:
    """`put` had not returned: the sale is not promised, and the outbox goes on."""
    with closing(Outbox(file.parent / "alive" / "outbox.sqlite", EPOCH)) as alive:
        fill(alive)
        log = file.parent / "alive" / "outbox.sqlite-wal"
        before = log.stat().st_size
        alive.put(sale(SALES + 1))
        database = (file.parent / "alive" / "outbox.sqlite").read_bytes()
        content = log.read_bytes()
        for cut in range(before + 1, len(content), 513):
            file.write_bytes(database)
            file.with_name("outbox.sqlite-wal").write_bytes(content[:cut])
            with closing(Outbox(file, NEXT)) as outbox:
                assert (outbox.epoch, outbox.salvaged) == (EPOCH, None)
                assert outbox.next_seq == SALES + 1


def test_an_outbox_says_in_itself_that_it_is_open(file: Path) -> None:
    with closing(Outbox(file, EPOCH)):
        assert file.read_bytes()[68:72] == OPEN.to_bytes(4, "big")
    assert file.read_bytes()[68:72] == bytes(4)


def test_a_sale_that_was_told_is_not_told_otherwise_after_a_salvage(file: Path) -> None:
    untimed = sale(1, clock="unsynced")
    told = msgspec.structs.replace(untimed, clock="corrected", wall=untimed.sold_at)
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(untimed)
        outbox.put(sale(2, clock="unsynced"))
        outbox.tell([(1, told)])
        outbox.mend(NEXT)
        assert outbox.open_sales(0, 9) == [
            OpenSale(1, encode(told)),
            OpenSale(2, encode(sale(2, clock="unsynced")), untimed=True),
        ]
    damage(file, lambda content: content.__setitem__(slice(0, 100), bytes(100)))
    with closing(Outbox(file, THIRD)) as outbox:
        assert outbox.open_sales(0, 1)[0].body == encode(told)


def test_a_sale_whose_commit_failed_is_not_kept_twice(file: Path) -> None:
    """Its bytes may stand in the damaged file, and be found there."""
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.mend(NEXT)
        again = outbox.put(sale(1, epoch=NEXT), 0x10)
        assert again == OpenSale(1, encode(sale(1)))
        assert (outbox.next_seq, len(outbox.open_sales(0, 9))) == (1, 1)


def test_the_first_layout_is_taken_over(file: Path) -> None:
    with closing(sqlite3.connect(file)) as old, old:
        old.executescript(
            "CREATE TABLE identity (one INTEGER PRIMARY KEY, epoch TEXT NOT NULL);"
            "CREATE TABLE sale (seq INTEGER PRIMARY KEY, sale_id TEXT UNIQUE, body BLOB,"
            " acknowledged INTEGER NOT NULL DEFAULT 0);"
            "CREATE TABLE receipt (sale_id TEXT PRIMARY KEY, rev INTEGER, body BLOB);"
            "CREATE TABLE showing (id INTEGER PRIMARY KEY, body BLOB, published INTEGER);"
            f"INSERT INTO identity VALUES (1, '{EPOCH}');"
        )
        for seq in (1, 2, 3):
            row = (seq, sale(seq).sale_id, encode(sale(seq)), seq < 3)
            old.execute("INSERT INTO sale VALUES (?, ?, ?, ?)", row)
        row = (sale(3).sale_id, 1, encode(receipt(sale(3))))
        old.execute("INSERT INTO receipt VALUES (?, ?, ?)", row)
        shown = (
            b'{"sale_id":"0193a5d2-7c1e-7b54-9d0e-000000000001","rev":1,"on":"screen","shown_at":"",'
            b'"hidden_at":"","reason":"timeout","frame_sha256":"%s"}' % (64 * b"a")
        )
        old.execute("INSERT INTO showing VALUES (1, ?, 0)", (shown,))
    with closing(Outbox(file, NEXT)) as outbox:
        assert (outbox.epoch, outbox.next_seq) == (NEXT, 1)
        assert outbox.salvaged is not None
        assert "its layout is 0, and 3 is read here" in outbox.salvaged
        assert outbox.open_sales(0, 9) == [OpenSale(3, encode(sale(3)))]
        assert outbox.sale(sale(1).sale_id) == sale(1)
        assert outbox.receipt(sale(3).sale_id) == receipt(sale(3))
        assert [note.channel.tail for note in outbox.notes.open(0, 9)] == ["shown"]


# A machine that is small, a card that is not. ------------------------------------------------------

CHILD = """
import re, sys
from pathlib import Path
from edge.storage.outbox import Outbox

def kilobytes(of):
    return int(re.search(of + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1))

pulses = []
outbox = Outbox(Path(sys.argv[1]), "0badcafe", lambda: pulses.append(None))
before, opening = kilobytes("VmRSS"), len(pulses)
Path("/proc/self/clear_refs").write_text("5")
outbox.mend("00000003")
print(kilobytes("VmHWM") - before, outbox.last_place, outbox.pending()[0], len(pulses) - opening)
outbox.close()
"""


def test_a_salvage_of_years_takes_little_memory_and_says_that_it_lives(file: Path) -> None:
    """The service may take 160 MB, all in all, and is started again for ever if it takes more."""
    count = 30_000
    with closing(Outbox(file, EPOCH)) as outbox, outbox._file.committed():  # noqa: SLF001, at once
        for seq in range(1, count + 1):
            made = sale(seq)
            sold = {"place": seq, "seq": seq, "epoch": EPOCH, "sale_id": made.sale_id}
            outbox._file.run("put_sale", body=encode(made), untimed=False, **sold)  # noqa: SLF001
            body = encode(receipt(made))
            outbox._file.run("put_receipt", sale_id=made.sale_id, rev=1, body=body)  # noqa: SLF001
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.acknowledge(Ack(epoch=EPOCH, upto=7, time=""), 1)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(file)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    grown, sales, pending, pulses = map(int, child.stdout.split())
    assert (sales, pending) == (count, count - 7)
    assert grown < 20 * 1024, "kilobytes"
    assert pulses > count // 250
    with closing(Outbox(file, THIRD)) as outbox:
        assert outbox.receipt(sale(count).sale_id) == receipt(sale(count))


def test_a_salvage_in_many_portions_keeps_what_one_would(
    closed: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PORTION", 3)
    file, open_sales = closed
    with closing(Outbox(file, EPOCH)) as outbox:
        for number in range(8):
            outbox.notes.put_incident(of_machine("printer", str(number), StillClock().now()))
        outbox.mend(NEXT)
        assert kept(outbox) == open_sales
        texts = [each.text for each in outbox.notes.incidents(99)]
        assert texts == [*map(str, reversed(range(8))), "no paper"]
        assert outbox.notes.pending() == 9


def test_the_first_damaged_file_and_the_newest_are_kept_with_their_logs(file: Path) -> None:
    """The card would be full of them. What is kept of the others is in those after them."""
    (file.parent / "outbox.damaged-x.sqlite").write_bytes(b"somebody's")
    with closing(Outbox(file, EPOCH)) as outbox:
        for number in range(1, 13):
            outbox.put(sale(1, epoch=outbox.epoch, sale_id=sale(number).sale_id))
            outbox.mend(f"{number:08x}")
        assert len(kept(outbox)) == 12
    numbers = (1, 9, 10, 11, 12)
    mains = {f"outbox.damaged-{number}.sqlite" for number in (*numbers, "x")}
    assert set(damaged_files(file)) == mains
    logs = {each.name for each in file.parent.glob("*.damaged-*-wal")}
    assert logs == {f"outbox.damaged-{number}.sqlite-wal" for number in numbers}


def test_the_story_that_nobody_was_told_stands_in_the_next(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.mend(NEXT, "the first")
        first = outbox.salvaged
        assert first is not None
        outbox.mend(THIRD, "the second")
        assert outbox.salvaged is not None
        assert outbox.salvaged.startswith("the outbox was damaged (the second)")
        assert outbox.salvaged.endswith(f"; and before that: {first}")


def test_the_story_of_one_salvage_told_late_does_not_silence_the_next(file: Path) -> None:
    moment = StillClock().now()
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.mend(NEXT, "the first")
        first = of_machine("outbox_salvaged", outbox.salvaged or "", moment)
        outbox.mend(THIRD, "the second")
        second = outbox.salvaged
        outbox.tell_salvage(first)
        assert outbox.salvaged == second is not None
    with closing(Outbox(file, THIRD)) as outbox:
        assert outbox.salvaged == second
        outbox.tell_salvage(of_machine("outbox_salvaged", second or "", moment))
        assert outbox.salvaged is None
        assert len(outbox.notes.incidents(9)) == 2
    with closing(Outbox(file, THIRD)) as outbox:
        assert outbox.salvaged is None


# A power cut in the salvage itself. --------------------------------------------------------------

STEPS = ("rename", "unlink", "fsync", "connect", "link")


class PowerCutError(BaseException):
    """Nothing runs after it, not even what would tidy up after an error."""


@contextmanager
def power_cut(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Everything ends before the given call that changes the disk."""
    calls = list[str]()

    def cutting(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            if len(calls) >= step:
                raise PowerCutError
            calls.append(name)
            return real(*arguments, **more)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", cutting("rename", Path.rename))
        patch.setattr(Path, "unlink", cutting("unlink", Path.unlink))
        patch.setattr(os, "fsync", cutting("fsync", os.fsync))
        patch.setattr(os, "link", cutting("link", os.link))
        patch.setattr(sqlite3, "connect", cutting("connect", sqlite3.connect))
        for name in ("_fill", "_take_notes_over", "_story"):
            patch.setattr(module, name, cutting(name, getattr(module, name)))
        yield calls


@pytest.mark.parametrize("logged", [False, True], ids=["closed", "killed"])
def test_a_power_cut_at_any_step_of_a_salvage_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, logged: bool
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with killed(source / "outbox.sqlite") as file:
        if not logged:
            Outbox(file, EPOCH).close()
        with closing(sqlite3.connect(file)) as intruder, intruder:
            intruder.execute("DROP TRIGGER sale_is_kept")
            open_now = intruder.execute("SELECT sale_id, body FROM sale WHERE acknowledged = 0")
            expected = dict(open_now.fetchall())
            assert len(expected) == SALES // 2
            names = [each for each in source.iterdir() if each.is_file()]
            before = {each.name: each.read_bytes() for each in names}
    for step in range(200):
        folder = tmp_path / str(step)
        folder.mkdir()
        for name, content in before.items():
            (folder / name).write_bytes(content)
        file = folder / "outbox.sqlite"
        done = False
        with power_cut(step, monkeypatch):
            try:
                outbox = Outbox(file, NEXT)
                done = True
            except PowerCutError:
                pass
        if done:
            outbox.close()
        with closing(Outbox(file, THIRD)) as outbox:
            assert kept(outbox) == expected, step
            assert outbox.epoch in {NEXT, THIRD}
            assert outbox.next_seq == 1
            assert outbox.salvaged is not None
        assert damaged_files(file) == ["outbox.damaged-1.sqlite"]
        left = {each.name.split(".")[1] for each in folder.iterdir()}
        assert not left & {"half", "whole", "finds"}
        if done:
            assert step > 8
            return
    pytest.fail("the salvage has no end")


def test_a_row_that_rotted_does_not_stop_the_start(closed: tuple[Path, dict[str, bytes]]) -> None:
    file, _ = closed
    with closing(sqlite3.connect(file)) as intruder, intruder:
        intruder.execute("INSERT INTO context VALUES (16, x'00')")
        intruder.execute("INSERT INTO intent VALUES (16, x'7b7d')")
        intruder.execute("INSERT INTO anchor (body) VALUES (x'ff')")
        intruder.execute("UPDATE receipt SET rev = 9")
    with closing(Outbox(file, NEXT)) as outbox:
        assert outbox.epoch == EPOCH
        assert (outbox.memory.contexts(), outbox.memory.intents()) == ({}, {})
        assert len(outbox.anchors) == 1
        outbox.mend(NEXT)
        assert (outbox.epoch, outbox.memory.contexts()) == (NEXT, {})


def test_what_is_damaged_is_told_apart_from_what_is_in_the_way(file: Path) -> None:
    file.mkdir()
    with pytest.raises(Exception, match="check the disk and the folder's owner") as raised:
        Outbox(file, EPOCH)
    assert not isinstance(raised.value, DamagedError)

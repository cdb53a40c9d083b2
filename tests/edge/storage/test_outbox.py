"""The outbox against everything that would lose, change or repeat a sale."""

import dataclasses
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from parts import ROOT
from specimens import BOOT, receipt, sale

from edge.errors import StartError
from edge.incident import outcome_unknown
from edge.intent import Intent
from edge.storage.file import QUERIES
from edge.storage.outbox import OpenSale, Outbox
from edge.wire import Ack, Sale, Shown, decode, encode

EPOCH = "7f3a9c1e"
SHOWN = Shown(
    sale_id=sale().sale_id,
    rev=1,
    on="screen",
    shown_at="2026-11-23T15:42:11.700Z",
    hidden_at="2026-11-23T15:43:11.702Z",
    reason="timeout",
    frame_sha256="a" * 64,
)

INTENT = Intent(
    item="0001",
    amount=12510,
    currency="RUB",
    at="2026-11-23T15:42:08.112Z",
    clock="synced",
    boot_id=BOOT,
    boottime_ms=512_343_278,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "outbox.sqlite"


@pytest.fixture
def outbox(file: Path) -> Iterator[Outbox]:
    opened = Outbox(file, EPOCH)
    yield opened
    opened.close()


def seqs(outbox: Outbox, after: int = 0, most: int = 1000) -> list[int]:
    return [kept.place for kept in outbox.open_sales(after, most)]


def acknowledge(outbox: Outbox, upto: int, missing: Sequence[int] = ()) -> None:
    outbox.acknowledge(Ack(epoch=EPOCH, upto=upto, missing=tuple(missing), time=""), 1_795_000_000)


def pending(outbox: Outbox) -> tuple[int, int | None]:
    count, oldest = outbox.pending()
    return count, oldest.seq if oldest else None


def on_disk(file: Path) -> list[int]:
    """What another reader finds: only what was committed."""
    with closing(sqlite3.connect(file)) as reader:
        return [seq for (seq,) in reader.execute("SELECT seq FROM sale WHERE acknowledged = 0")]


def test_a_new_outbox_has_its_epoch_and_counts_from_one(outbox: Outbox) -> None:
    assert (outbox.epoch, outbox.next_seq) == (EPOCH, 1)
    assert pending(outbox) == (0, None)
    assert seqs(outbox) == []


def test_a_sale_is_committed_when_put_returns(outbox: Outbox, file: Path) -> None:
    outbox.put(sale(1))
    assert on_disk(file) == [1]
    assert outbox.next_seq == 2


def test_a_sale_is_published_byte_for_byte_as_it_was_kept(outbox: Outbox) -> None:
    kept = sale(1, raw={"price": 1251, "item": "ffff", "approved": None})
    outbox.put(kept)
    assert outbox.open_sales(0, 1) == [OpenSale(1, encode(kept))]
    assert outbox.sale(kept.sale_id) == kept
    assert outbox.sale(sale(2).sale_id) is None


def test_reopened_it_has_the_epoch_the_sequence_and_every_sale_it_had(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as first:
        for seq in (1, 2, 3):
            first.put(sale(seq))
        acknowledge(first, 2, [1])
    with closing(Outbox(file, "0badcafe")) as again:
        assert (again.epoch, again.next_seq) == (EPOCH, 4)
        assert seqs(again) == [1, 3]
        assert pending(again) == (2, 1)


def test_the_sequence_goes_on_though_every_sale_is_acknowledged(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as first:
        first.put(sale(1))
        acknowledge(first, 1, [])
    with closing(Outbox(file, EPOCH)) as again:
        assert again.next_seq == 2


@pytest.mark.parametrize(
    ("upto", "missing", "left"),
    [
        (0, [], [1, 2, 3, 4]),
        (2, [], [3, 4]),
        (4, [], []),
        (4, [1, 3], [1, 3]),
        (4, [4], [4]),
        (2, [4], [3, 4]),
        (3, [2, 2, -1, 99], [2, 4]),
        (2**53, [], []),
    ],
)
def test_an_acknowledgement_is_all_up_to_a_number_but_those_missing(
    outbox: Outbox, upto: int, missing: list[int], left: list[int]
) -> None:
    for seq in (1, 2, 3, 4):
        outbox.put(sale(seq))
    acknowledge(outbox, upto, missing)
    assert seqs(outbox) == left
    assert pending(outbox) == (len(left), min(left, default=None))


def test_open_sales_come_in_order_and_in_portions(outbox: Outbox) -> None:
    for seq in range(1, 8):
        outbox.put(sale(seq))
    acknowledge(outbox, 2, [])
    assert seqs(outbox, most=3) == [3, 4, 5]
    assert seqs(outbox, after=5, most=3) == [6, 7]


def test_acknowledgements_ride_along_with_the_next_sale(outbox: Outbox, file: Path) -> None:
    outbox.put(sale(1))
    acknowledge(outbox, 1, [])
    assert on_disk(file) == [1]
    outbox.put(sale(2))
    assert on_disk(file) == [2]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (sale(3), "a gap in the sequence"),
        (sale(1, sale_id=sale(9).sale_id), "a gap in the sequence"),
        (sale(2, sale_id=sale(1).sale_id), "kept already"),
        (sale(0), "out of its place"),
        (sale(-1), "out of its place"),
    ],
)
def test_a_sale_in_the_wrong_place_is_refused_and_the_right_one_taken(
    outbox: Outbox, wrong: Sale, told: str
) -> None:
    outbox.put(sale(1))
    with pytest.raises(sqlite3.IntegrityError, match=told):
        outbox.put(wrong)
    outbox.put(sale(2))
    assert [decode(body, Sale) for _, body, _ in outbox.open_sales(0, 9)] == [sale(1), sale(2)]


INSERT = "INTO sale (place, epoch, seq, sale_id, body, untimed) VALUES"
FORBIDDEN = {
    "delete what the cloud has not": "DELETE FROM sale WHERE seq = 2",
    "delete all": "DELETE FROM sale",
    "delete the last": "DELETE FROM sale WHERE place = 3",
    "rewrite a body": "UPDATE sale SET body = x'7b7d'",
    "rename a sale": "UPDATE sale SET sale_id = 'x' WHERE seq = 1",
    "move a sale": "UPDATE sale SET place = 9 WHERE seq = 2",
    "number a sale anew": "UPDATE sale SET seq = 9 WHERE seq = 2",
    "give a sale to another epoch": "UPDATE sale SET epoch = '0badcafe'",
    "say that a clock was right": "UPDATE sale SET untimed = 0",
    "leave a gap": f"INSERT {INSERT} (5, '7f3a9c1e', 5, 'x', x'7b7d', 0)",
    "take a place twice": f"INSERT {INSERT} (1, '7f3a9c1e', 1, 'x', x'7b7d', 0)",
    "take a place by force": f"INSERT OR REPLACE {INSERT} (2, '7f3a9c1e', 2, 'x', x'7b7d', 0)",
    "take a name by force": f"INSERT OR REPLACE {INSERT} (4, '7f3a9c1e', 4,"
    " (SELECT sale_id FROM sale WHERE place = 2), x'7b7d', 0)",
    "sell in another epoch": f"INSERT {INSERT} (4, '0badcafe', 4, 'x', x'7b7d', 0)",
    "sell under another number": f"INSERT {INSERT} (4, '7f3a9c1e', 5, 'x', x'7b7d', 0)",
    "number with letters": f"INSERT {INSERT} ('c', '7f3a9c1e', 4, 'x', x'7b7d', 0)",
    "a body of nothing": f"INSERT {INSERT} (4, '7f3a9c1e', 4, 'x', NULL, 0)",
    "half acknowledge": "UPDATE sale SET acknowledged = 2",
    "take an acknowledgement back": "UPDATE sale SET acknowledged = 0, acknowledged_at = NULL",
    "be acknowledged at a time and not": "UPDATE sale SET acknowledged_at = 5 WHERE seq = 2",
    "tell a sale anew whose clock was right": "UPDATE sale SET told = x'7b7d' WHERE place = 2",
    "tell a sale in two ways": "UPDATE sale SET told = x'7b7d' WHERE place = 3",
    "have two identities": "INSERT INTO identity (one, epoch, base) VALUES (2, 'x', 0)",
    "be another by force": "INSERT OR REPLACE INTO identity (one, epoch, base) VALUES (1, 'x', 0)",
    "be nobody": "UPDATE identity SET epoch = NULL",
    "be another": "UPDATE identity SET epoch = '0badcafe'",
    "have another beginning": "UPDATE identity SET base = 1",
    "forget who it is": "DELETE FROM identity",
    "delete a note the cloud has not": "DELETE FROM note WHERE number = 2",
    "delete the last note": "DELETE FROM note WHERE number = 3",
    "rewrite a note": "UPDATE note SET body = x'7b7d'",
    "number a note anew": "UPDATE note SET number = 9 WHERE number = 2",
    "take a note's number by force": "INSERT OR REPLACE INTO note (number, channel, body)"
    " VALUES (2, 'shown', x'7b7d')",
    "leave a gap in the notes": "INSERT INTO note (number, channel, body)"
    " VALUES (5, 'shown', x'7b7d')",
    "a note of another kind": "INSERT INTO note (number, channel, body)"
    " VALUES (4, 'sale', x'7b7d')",
    "have a note noted and not": "UPDATE note SET noted_at = 5 WHERE number = 2",
    "take a noting back": "UPDATE note SET noted = 0, noted_at = NULL",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_schema_itself_refuses_to(file: Path, statement: str) -> None:
    untimed = sale(3, clock="unsynced")
    with closing(Outbox(file, EPOCH)) as outbox:
        for each in (sale(1), sale(2), untimed):
            outbox.put(each)
        outbox.tell([(3, msgspec.structs.replace(untimed, clock="corrected"))])
        acknowledge(outbox, 3, [2])
        for _ in range(3):
            outbox.notes.put_showing(SHOWN)
        outbox.notes.noted((1, 3), 5)
        outbox.keep_what_rides_along()
        before = outbox.open_sales(0, 9), outbox.notes.open(0, 9)
    with closing(sqlite3.connect(file)) as intruder, pytest.raises(sqlite3.IntegrityError):
        intruder.execute(statement)
    with closing(Outbox(file, "0badcafe")) as outbox:
        assert (outbox.epoch, outbox.next_seq, seqs(outbox)) == (EPOCH, 4, [2])
        assert (outbox.open_sales(0, 9), outbox.notes.open(0, 9)) == before


def test_every_object_of_the_schema_is_missed_where_it_is_gone(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
    with closing(sqlite3.connect(file)) as intruder, intruder:
        objects = list(intruder.execute(QUERIES["objects"]))
        assert len(objects) > 20
        intruder.execute("DROP TRIGGER sale_is_kept")
    with closing(Outbox(file, "0badcafe")) as outbox:
        assert outbox.salvaged is not None
        assert "parts of it are missing: sale_is_kept" in outbox.salvaged
        assert outbox.open_sales(0, 9)[0].body == encode(sale(1))


def test_a_sale_is_told_once_and_only_in_its_own_place(outbox: Outbox) -> None:
    """Between reading what is untimed and telling it, a mending may have moved the places."""
    first, second = sale(1, clock="unsynced"), sale(2, clock="unsynced")
    outbox.put(first)
    outbox.put(second)
    outbox.put(sale(3))
    assert outbox.untimed() == [(1, first), (2, second)]
    told = sale(1, clock="corrected", wall=first.sold_at)
    outbox.tell([(1, told), (2, told), (3, sale(3, clock="corrected")), (9, told)])
    outbox.tell([(1, sale(1, clock="bounded"))])
    assert outbox.open_sales(0, 9) == [
        OpenSale(1, encode(told)),
        OpenSale(2, encode(second), untimed=True),
        OpenSale(3, encode(sale(3))),
    ]
    assert outbox.untimed() == [(2, second)]


def test_an_ack_of_numbers_that_were_never_given_is_not_of_this_outbox(outbox: Outbox) -> None:
    outbox.put(sale(1))
    known = [
        Ack(epoch=EPOCH, upto=1, time=""),
        Ack(epoch=EPOCH, upto=0, also=((1, 1),), time=""),
    ]
    assert [outbox.knows(ack) for ack in known] == [True] * 2
    assert not outbox.knows(Ack(epoch=EPOCH, upto=2, time=""))
    assert not outbox.knows(Ack(epoch=EPOCH, upto=0, also=((1, 1), (2, 2)), time=""))
    other = Ack(epoch="99999999", upto=9, time="")
    assert not outbox.knows(other)
    outbox.mend("0badcafe")
    assert outbox.knows(other), "of something that was salvaged, for all that is known here"


def test_an_ack_frees_the_sales_it_names_and_no_number(
    outbox: Outbox,
) -> None:
    """An old card was put back: the cloud has other sales under the numbers that it gave again."""
    for seq in (1, 2, 3, 4, 5):
        outbox.put(sale(seq))
    outbox.mend("0badcafe")
    outbox.put(sale(1, epoch="0badcafe", sale_id=sale(6).sale_id))
    places = list(range(1, 7))

    def acknowledge(stored: tuple[int, ...], epoch: str = EPOCH) -> tuple[set[int], set[int]]:
        ids = tuple(sale(seq).sale_id for seq in stored)
        told = Ack(epoch=epoch, upto=10, missing=(2,), also=((12, 19),), time="", stored=ids)
        return outbox.acknowledge(told, 1_795_000_000, places)

    for _ in range(2):
        assert acknowledge(()) == ({1, 2, 3, 4, 5, 6}, set())
    assert acknowledge((5, 2, 99, 6)) == ({1, 3, 4, 6}, set())
    assert acknowledge((1, 3), epoch="99999999") == ({1, 3, 4, 6}, set())
    # Of its own epoch as well; there a number tells what to say again.
    unnamed = Ack(epoch="0badcafe", upto=1, time="", stored=())
    assert outbox.acknowledge(unnamed, None, places) == ({1, 3, 4, 6}, {6})
    assert acknowledge((1, 3, 6), epoch="0badcafe") == ({1, 3, 4}, set())
    # And of a cloud that names none nothing else is known.
    older = Ack(epoch=EPOCH, upto=4, missing=(3,), time="")
    assert outbox.acknowledge(older, None, places) == ({3}, {3})


def test_a_sale_that_rotted_stops_nobody(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"kind":"paid"', b'"kind":"p\xffid"'))
    with closing(Outbox(file, "0badcafe")) as again:
        assert again.pending() == (1, None)
        assert again.last_sale() is None
        assert again.sale(sale(1).sale_id) is None
        assert len(again.open_sales(0, 9)) == 1, "the cloud keeps it for a person to look at"


def test_a_sale_whose_id_rotted_is_let_go_by_the_id_that_the_cloud_was_told(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        for seq in (1, 2):
            outbox.put(sale(seq))
    true, rotten = sale(1).sale_id, f"{sale(1).sale_id[:-1]}e"
    content = file.read_bytes()
    file.write_bytes(
        content.replace(f'"sale_id":"{true}"'.encode(), f'"sale_id":"{rotten}"'.encode())
    )
    with closing(Outbox(file, "0badcafe")) as again:
        told = Ack(epoch=EPOCH, upto=1, time="", stored=(rotten,))
        assert again.acknowledge(told, ACKED, [1, 2]) == ({2}, set())


# Sixty days. -------------------------------------------------------------------------------------

DAY = 86400
ACKED = 1_795_000_000


def test_the_cloud_s_sixty_days_let_go_of_what_it_has_and_its_receipts(outbox: Outbox) -> None:
    for seq in (1, 2, 3, 4):
        outbox.put(sale(seq))
        outbox.put_receipt(receipt(sale(seq)))
    acknowledge(outbox, 4, [2])
    assert outbox.forget(ACKED + 60 * DAY) == 0
    assert outbox.forget(ACKED + 60 * DAY + 1) == 2
    found = [outbox.sale(sale(seq).sale_id) is not None for seq in (1, 2, 3, 4)]
    assert found == [False, True, False, True], "the unacknowledged and the last stay"
    found = [outbox.receipt(sale(seq).sale_id) is not None for seq in (1, 2, 3, 4)]
    assert found == [False, True, False, True]
    assert outbox.forget(ACKED + 6000 * DAY) == 0
    outbox.put(sale(5))
    assert (outbox.next_seq, seqs(outbox)) == (6, [2, 5])


def test_what_was_acknowledged_at_an_unknown_time_is_so_since_the_next_known_one(
    outbox: Outbox,
) -> None:
    for seq in (1, 2, 3):
        outbox.put(sale(seq))
    outbox.acknowledge(Ack(epoch=EPOCH, upto=2, time=""), None)
    assert outbox.forget(ACKED) == 0
    assert outbox.forget(ACKED + 60 * DAY) == 0
    assert outbox.forget(ACKED + 60 * DAY + 1) == 2
    assert seqs(outbox) == [3]


def test_notes_that_were_noted_at_an_unknown_time_are_so_since_the_next_known_one(
    outbox: Outbox,
) -> None:
    for _ in range(3):
        outbox.notes.put_showing(SHOWN)
    outbox.notes.noted((1, 2), None)
    assert [outbox.forget(ACKED + days * DAY) for days in (0, 60, 61)] == [0, 0, 2]


def test_receipts_of_sales_that_are_not_here_do_not_fill_the_disk(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.storage.outbox.MOST_STRAYS", 3)
    outbox.put(sale(1))
    outbox.put_receipt(receipt(sale(1)))
    for seq in range(11, 21):
        assert outbox.put_receipt(receipt(sale(seq)))
    assert outbox.put_receipt(receipt(sale(18), rev=2))

    def here(*numbers: int) -> list[int]:
        return [seq for seq in numbers if outbox.receipt(sale(seq).sale_id) is not None]

    assert here(1, *range(11, 21)) == [1, 18, 19, 20]
    outbox.mend("0badcafe")
    assert here(1, *range(11, 21)) == [1, 18, 19, 20]
    outbox.put_receipt(receipt(sale(21)))
    assert here(1, *range(11, 22)) == [1, 19, 20, 21]


def test_a_cloud_whose_clock_was_ahead_keeps_things_longer_and_never_loses_any(
    outbox: Outbox,
) -> None:
    for seq in (1, 2, 3):
        outbox.put(sale(seq))
    outbox.acknowledge(Ack(epoch=EPOCH, upto=1, time=""), ACKED + 4000 * DAY)
    outbox.acknowledge(Ack(epoch=EPOCH, upto=2, time=""), ACKED)
    assert outbox.forget(ACKED + 61 * DAY) == 1
    assert [outbox.sale(sale(seq).sale_id) is None for seq in (1, 2, 3)] == [False, True, False]
    assert outbox.forget(ACKED - 4000 * DAY) == 0


def test_letting_go_is_done_in_portions(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.storage.outbox.AT_ONCE", 2)
    for seq in range(1, 7):
        outbox.put(sale(seq))
    acknowledge(outbox, 6)
    assert [outbox.forget(ACKED + 61 * DAY) for _ in range(4)] == [2, 2, 1, 0]


def test_a_higher_revision_replaces_a_lower_one_and_never_the_other_way(outbox: Outbox) -> None:
    of = sale(1)
    told = [outbox.put_receipt(receipt(of, rev)) for rev in (1, 1, 3, 2, 3, 4)]
    assert told == [True, False, True, False, False, True]


def test_a_receipt_is_committed_when_it_was_taken(outbox: Outbox, file: Path) -> None:
    outbox.put_receipt(receipt(sale(1), 2))
    with closing(sqlite3.connect(file)) as reader:
        assert reader.execute("SELECT rev FROM receipt").fetchall() == [(2,)]


def test_a_receipt_of_an_earlier_card_is_kept_as_well(outbox: Outbox) -> None:
    assert outbox.put_receipt(receipt(sale(77)))
    assert outbox.sale(sale(77).sale_id) is None


def test_closing_folds_the_log_into_the_one_file(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.notes.put_showing(SHOWN)
    assert [each.name for each in file.parent.iterdir()] == ["outbox.sqlite"]
    with closing(Outbox(file, EPOCH)) as outbox:
        assert len(outbox.notes.open(0, 9)) == 1


def test_the_settings_are_read_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[sqlite3.Connection]()
    connect = sqlite3.connect

    def remember(*where: object, **how: object) -> sqlite3.Connection:
        opened.append(connect(*where, **how))  # type: ignore[call-overload]
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remember)
    with closing(Outbox(file, EPOCH)):
        assert opened[0].execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert opened[0].execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_disk_on_which_a_setting_does_not_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the lock beside the database goes
    with pytest.raises(StartError, match="journal_mode is memory, not wal, on this disk"):
        Outbox(Path(":memory:"), EPOCH)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StartError, match=r"/file: the outbox cannot be used: .*exists"):
        Outbox(tmp_path / "file" / "outbox.sqlite", EPOCH)


# What a sale costs. ------------------------------------------------------------------------------


def test_a_sale_is_one_commit_an_ack_none_an_intent_one(outbox: Outbox) -> None:
    said = list[str]()
    traced(outbox).set_trace_callback(said.append)

    def commits() -> int:
        count = sum(statement.startswith("COMMIT") for statement in said)
        said.clear()
        return count

    outbox.memory.put_intent(0x10, INTENT)
    assert commits() == 1
    outbox.put(sale(1), 0x10)
    assert commits() == 1
    acknowledge(outbox, 1)
    outbox.notes.put_showing(SHOWN)
    outbox.notes.noted((1,), None)
    assert commits() == 0
    outbox.put_receipt(receipt(sale(1)))
    assert commits() == 1
    assert outbox.memory.intents() == {}


def test_a_sale_writes_less_than_a_bare_one_with_sqlite_s_own_pages(outbox: Outbox) -> None:
    """What is appended to the log: the sale, the end of its approval and what rode along."""
    log, most = traced(outbox), 0
    (page,) = log.execute("PRAGMA page_size").fetchone()
    for seq in range(1, 60):
        outbox.memory.put_intent(0x10, INTENT)
        log.execute("PRAGMA wal_checkpoint(PASSIVE)")
        acknowledge(outbox, seq - 1)
        outbox.notes.put_showing(SHOWN)
        outbox.put(sale(seq), 0x10)
        _, frames, _ = log.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        most = max(most, frames * (page + 24))
    assert 0 < most < 21 * 1024


def test_a_hundred_thousand_open_sales_are_found_by_an_index(outbox: Outbox) -> None:
    """A plan and no stop-watch: nothing that is asked all day reads every row."""
    values = {"base": 0, "epoch": EPOCH, "first": 1, "last": 9, "missing": "[]", "places": "[]"}
    values |= {
        "stored": "[]",
        "after": 0,
        "most": 9,
        "at": None,
        "place": 1,
        "sale_id": "",
        "before": None,
        "now": 1,
    }
    queries = (
        "open_sales",
        "count_open",
        "acknowledge",
        "acknowledge_by_id",
        "still_open",
        "place_of",
        "untimed",
        "date",
    )
    for query in queries:
        named = {name: values[name] for name in re.findall(r":(\w+)", QUERIES[query])}
        plan = traced(outbox).execute(f"EXPLAIN QUERY PLAN {QUERIES[query]}", named).fetchall()
        steps = [step for *_, step in plan if " sale" in step]
        assert steps
        assert [step for step in steps if step == "SCAN sale"] == []


def traced(outbox: Outbox) -> sqlite3.Connection:
    return outbox._file._connection  # noqa: SLF001, what it says to SQLite is the question


# A power cut. ------------------------------------------------------------------------------------

CHILD = """
import itertools, sys
from pathlib import Path
from specimens import BOOT, receipt, sale
from edge.storage.outbox import Outbox
from edge.wire import Ack, Shown
outbox = Outbox(Path(sys.argv[1]), "7f3a9c1e")
for seq in itertools.count(outbox.next_seq):
    outbox.put(sale(seq, clock="unsynced"))
    print(seq, flush=True)
    outbox.acknowledge(Ack(epoch="7f3a9c1e", upto=seq // 2, time=""), 1_795_000_000)
    outbox.tell([(place, sale(place, clock="corrected")) for place, _ in outbox.untimed()])
    outbox.notes.noted((seq // 2,), None)
    outbox.put_receipt(receipt(sale(seq)))
"""


def test_whatever_put_returned_for_is_there_after_a_sigkill(file: Path) -> None:
    last = 0
    for lines in (1, 2, 5, 13, 34):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(file)],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            assert child.stdout is not None
            printed = [child.stdout.readline() for _ in range(lines)]
            child.kill()
            printed += child.stdout.read().splitlines(keepends=True)
        assert child.returncode == -signal.SIGKILL
        whole = [int(line) for line in printed if line.endswith("\n")]
        assert whole == list(range(whole[0], whole[0] + len(whole)))
        assert whole[0] in {last + 1, last + 2}  # one may be there whose number was not printed
        last = whole[-1]
        with closing(Outbox(file, "0badcafe")) as outbox:
            assert outbox.epoch == EPOCH
            assert outbox.next_seq in {last + 1, last + 2}
            assert outbox.salvaged is None
            for seq in range(1, last + 1):
                kept = outbox.sale(sale(seq).sale_id)
                ways = [sale(seq, clock="corrected")]
                ways += [sale(seq, clock="unsynced")] if seq >= last else []
                assert kept in ways
            last = outbox.next_seq - 1
            assert set(range(last // 2 + 1, last + 1)) <= set(seqs(outbox))


# Any order of verbs, crashes and intruders. ------------------------------------------------------


class OutboxStory(RuleBasedStateMachine):
    """The outbox beside lists and sets that cannot be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "outbox.sqlite"
        self.epoch = EPOCH
        self.outbox = Outbox(self.file, EPOCH)
        self.sold = list[Sale]()
        self.body = dict[int, bytes]()  # by number in `sold`, from 1: what is published of it
        self.open = set[int]()
        self.intents = dict[int, Intent]()
        self.notes = list[str]()  # texts, open
        self.damages = 0

    @property
    def mine(self) -> list[int]:
        """Numbers of the sales of this epoch."""
        return [place for place, each in enumerate(self.sold, 1) if each.epoch == self.epoch]

    @rule(
        amount=st.integers(0, 10**6),
        clock=st.sampled_from(["synced", "unsynced"]),
        ends=st.sampled_from([None, 0x10, 0x60]),
    )
    def sell(self, amount: int, clock: str, ends: int | None) -> None:
        place = len(self.sold) + 1
        sold = sale(
            len(self.mine) + 1,
            sale_id=sale(place).sale_id,
            epoch=self.epoch,
            amount=amount,
            clock=clock,
        )
        kept = self.outbox.put(sold, ends)
        assert kept == OpenSale(place, encode(sold), clock == "unsynced")
        self.sold.append(sold)
        self.body[place] = encode(sold)
        self.open.add(place)
        if ends is not None:
            self.intents.pop(ends, None)

    @rule(seq=st.integers(-2, 30))
    def put_in_the_wrong_place(self, seq: int) -> None:
        if seq == len(self.mine) + 1:
            return
        self.outbox.keep_what_rides_along()  # else it goes back with what is refused
        with pytest.raises(sqlite3.IntegrityError):
            self.outbox.put(sale(seq, sale_id=sale(999).sale_id, epoch=self.epoch))

    @precondition(lambda self: self.sold)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(sorted({each.epoch for each in self.sold})))
        theirs = {each.seq: place for place, each in enumerate(self.sold, 1) if each.epoch == epoch}
        numbers = st.integers(0, max(theirs))
        ids = st.lists(st.sampled_from([each.sale_id for each in self.sold]), max_size=4)
        ack = Ack(
            epoch=epoch,
            upto=data.draw(numbers),
            missing=tuple(data.draw(st.lists(numbers, max_size=4))),
            also=tuple(data.draw(st.lists(st.tuples(numbers, numbers), max_size=3))),
            time="",
            stored=data.draw(st.none() | ids.map(tuple)),
        )
        runs = [(1, ack.upto), *ack.also]
        has = {seq for first, last in runs for seq in range(first, last + 1)} - set(ack.missing)
        if ack.stored is not None:
            has = {s for s, place in theirs.items() if self.sold[place - 1].sale_id in ack.stored}
        still, missing = self.outbox.acknowledge(ack, 1_795_000_000, sorted(self.body))
        self.open -= {place for seq, place in theirs.items() if seq in has}
        assert still == self.open
        told = ack.stored is None or epoch == self.epoch
        assert missing <= (still & set(theirs.values()) if told else set())

    @rule(address=st.sampled_from([0x10, 0x60]), amount=st.integers(1, 9))
    def approve(self, address: int, amount: int) -> None:
        self.intents[address] = dataclasses.replace(INTENT, amount=amount)
        self.outbox.memory.put_intent(address, self.intents[address])

    @rule(address=st.sampled_from([0x10, 0x60]))
    def ask(self, address: int) -> None:
        if (intent := self.intents.pop(address, None)) is not None:
            self.outbox.ask(address, outcome_unknown(intent, f"why {intent.amount}"))
            self.notes.append(f"why {intent.amount}")

    @precondition(lambda self: self.notes)
    @rule(data=st.data())
    def note(self, data: st.DataObject) -> None:
        rows = self.outbox.notes.open(0, 1000)
        index = data.draw(st.integers(0, len(rows) - 1))
        self.outbox.notes.noted((rows[index].number,), None)
        del self.notes[index]

    @rule()
    def tell(self) -> None:
        told = [
            (place, msgspec.structs.replace(each, clock="corrected", wall=each.sold_at))
            for place, each in self.outbox.untimed()
        ]
        self.outbox.tell(told)
        self.outbox.tell([(place, sale(77)) for place, _ in told])  # never otherwise
        self.body |= {place: encode(each) for place, each in told}

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.file, "0badcafe")

    @precondition(lambda self: self.damages < 3)
    @rule(how=st.sampled_from(["mend", "layout", "schema"]))
    def damage(self, how: str) -> None:
        """Something readable stays readable, but the epoch is another."""
        self.damages += 1
        self.epoch = f"dead000{self.damages}"
        if how == "mend":
            self.outbox.keep_what_rides_along()
            self.outbox.mend(self.epoch)
        elif how == "layout":
            self.outbox.close()
            with closing(sqlite3.connect(self.file)) as intruder, intruder:
                intruder.execute("PRAGMA user_version = 99999")
            self.outbox = Outbox(self.file, self.epoch)
        else:
            self.outbox.close()
            with closing(sqlite3.connect(self.file)) as intruder, intruder:
                intruder.execute("DROP TRIGGER note_is_kept")
            self.outbox = Outbox(self.file, self.epoch)
        assert self.outbox.salvaged is not None

    @rule(statement=st.sampled_from(sorted(FORBIDDEN.values())))
    def intrude(self, statement: str) -> None:
        """Whether it is refused or not: what the cloud does not have is not touched."""
        self.outbox.close()
        with closing(sqlite3.connect(self.file)) as intruder:
            with suppress(sqlite3.IntegrityError):
                intruder.execute(statement)
            left = dict(intruder.execute("SELECT place, coalesce(told, body) FROM sale"))
            if "told" not in statement:
                assert {place: left[place] for place in self.open} == self.expected()
            if self.sold:
                assert max(left) >= len(self.sold)
            intruder.rollback()
        self.outbox = Outbox(self.file, "0badcafe")

    def expected(self) -> dict[int, bytes]:
        return {place: self.body[place] for place in sorted(self.open)}

    @invariant()
    def every_open_sale_is_there_as_it_was_made(self) -> None:
        kept = {place: body for place, body, _ in self.outbox.open_sales(0, 1000)}
        assert kept == self.expected()

    @invariant()
    def the_place_of_the_next_sale_is_known(self) -> None:
        assert self.outbox.epoch == self.epoch
        assert self.outbox.next_seq == len(self.mine) + 1
        count, oldest = self.outbox.pending()
        assert count == len(self.open)
        first = min(self.open, default=None)
        assert (oldest and oldest.sale_id) == (first and self.sold[first - 1].sale_id)

    @invariant()
    def every_approval_is_open_or_asked_of(self) -> None:
        assert self.outbox.memory.intents() == self.intents
        asked = [msgspec.json.decode(each.body)["text"] for each in self.outbox.notes.open(0, 1000)]
        assert asked == self.notes

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()


OutboxStory.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
test_no_story_loses_or_changes_a_sale = OutboxStory.TestCase


def test_a_second_agent_is_told_that_the_first_is_there(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    first = Outbox(file, "7f3a9c1e")
    with pytest.raises(StartError, match="another agent uses this outbox"):
        Outbox(file, "7f3a9c1e")
    first.close()
    Outbox(file, "7f3a9c1e").close()


def test_a_receipt_is_unshown_until_there_is_evidence_of_it_or_a_later_revision(
    outbox: Outbox,
) -> None:
    for seq in (1, 2, 3):
        outbox.put(sale(seq))
        outbox.put_receipt(receipt(sale(seq), rev=2))
    outbox.put(sale(4))
    outbox.notes.put_showing(msgspec.structs.replace(SHOWN, sale_id=sale(1).sale_id, rev=2))
    outbox.notes.put_showing(msgspec.structs.replace(SHOWN, sale_id=sale(2).sale_id, rev=1))
    assert [each.seq for each, _ in outbox.unshown()] == [2, 3]
    assert [each.seq for each, _ in outbox.unshown(most=2)] == [3]


# Rot that no check of the pages sees. ---------------------------------------------------------------


def rot(file: Path, table: str, column: str, change: Callable[[bytes], bytes]) -> None:
    """Another content of the same row, in a file that is sound for all SQLite can tell."""
    with closing(sqlite3.connect(file)) as intruder, intruder:
        trigger = f"{table}_is_frozen"
        (made,) = intruder.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)
        ).fetchone()
        (content,) = intruder.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()
        intruder.execute(f"DROP TRIGGER {trigger}")
        intruder.execute(
            f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT min(rowid) FROM {table})",
            (change(content),),
        )
        intruder.execute(made)


@pytest.mark.parametrize("noise", [b"y", b"\xff"])
def test_evidence_that_rotted_hides_no_other_and_stops_nobody(file: Path, noise: bytes) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        for seq in (1, 2):
            outbox.put(sale(seq))
            outbox.put_receipt(receipt(sale(seq)))
            outbox.notes.put_showing(msgspec.structs.replace(SHOWN, sale_id=sale(seq).sale_id))
    rot(file, "note", "body", lambda body: noise + body[1:])
    with closing(Outbox(file, "0badcafe")) as outbox:
        assert (outbox.epoch, outbox.salvaged) == (EPOCH, None)
        assert [each.seq for each, _ in outbox.unshown()] == [1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body.replace(b"0193a5d2", b"1193a5d2"), id="another's name"),
        pytest.param(lambda body: b"\xff" + body[1:], id="noise"),
    ],
)
def test_a_sale_that_cannot_be_told_otherwise_is_told_as_it_is(
    file: Path, change: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever settles how sales are told would read it again and again, and never end."""
    monkeypatch.setattr("edge.storage.outbox.AT_ONCE", 1)
    with closing(Outbox(file, EPOCH)) as outbox:
        for seq in (1, 2):
            outbox.put(sale(seq, clock="unsynced"))
    rot(file, "sale", "body", change)
    with closing(Outbox(file, "0badcafe")) as outbox:
        assert outbox.untimed() == [(2, sale(2, clock="unsynced"))]
        outbox.tell(outbox.untimed())
        assert outbox.untimed() == []
        first, second = outbox.open_sales(0, 9)
        assert (first.body, first.untimed) == (change(encode(sale(1, clock="unsynced"))), False)
        assert not second.untimed


# Processes that end without closing. ---------------------------------------------------------------

LEAVING = """
import sys
from pathlib import Path
from specimens import sale
from edge.storage.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), "0badcafe")
outbox.put(sale(outbox.next_seq))
print(outbox.epoch, outbox.salvaged, flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end",
    [
        "raise SystemExit(2)",
        "raise ValueError('a broken display')",
        "pass",
        "del outbox; print('goes on')",
        "import os; os._exit(0)",
        "outbox.close(); outbox.close(); raise SystemExit(2)",
    ],
)
def test_a_process_that_ends_without_closing_leaves_nothing_that_looks_damaged(
    file: Path, end: str
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
    for _ in range(2):
        child = subprocess.run(
            [sys.executable, "-c", LEAVING.replace("{end}", end), str(file)],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.stdout.splitlines()[0] == f"{EPOCH} None"
    with closing(Outbox(file, "0badcafe")) as outbox:
        assert (outbox.epoch, outbox.salvaged, outbox.next_seq) == (EPOCH, None, 4)


def test_closing_twice_does_nothing_and_locks_nobody_out(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(file, EPOCH)
    outbox.put(sale(1))
    outbox.close()
    with closing(Outbox(file, EPOCH)) as again:
        outbox.close()
        again.put(sale(2))
        with pytest.raises(StartError, match="another agent uses this outbox"):
            Outbox(file, EPOCH)
    with closing(Outbox(file, EPOCH)) as again:
        assert (again.salvaged, seqs(again)) == (None, [1, 2])
    assert caplog.text == ""

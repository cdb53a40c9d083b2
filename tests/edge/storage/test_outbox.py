"""The outbox against everything that would lose, change or repeat a sale."""

import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from parts import ROOT
from specimens import receipt, sale

from edge.errors import StartError
from edge.storage.outbox import Outbox
from edge.wire import Ack, Sale, Shown, decode, encode
from mdb.context import Context
from mdb.scaling import Scaling

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
    assert outbox.open_sales(0, 1) == [(1, encode(kept))]
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
        (sale(2, sale_id=sale(1).sale_id), "UNIQUE"),
        (sale(0), "a gap in the sequence|CHECK"),
        (sale(-1), "a gap in the sequence|CHECK"),
    ],
)
def test_a_sale_in_the_wrong_place_is_refused_and_the_right_one_taken(
    outbox: Outbox, wrong: Sale, told: str
) -> None:
    outbox.put(sale(1))
    with pytest.raises(sqlite3.IntegrityError, match=told):
        outbox.put(wrong)
    outbox.put(sale(2))
    assert [decode(body, Sale) for _, body in outbox.open_sales(0, 9)] == [sale(1), sale(2)]


FORBIDDEN = {
    "delete what the cloud has not": "DELETE FROM sale WHERE seq = 2",
    "delete all": "DELETE FROM sale",
    "rewrite a body": "UPDATE sale SET body = x'7b7d'",
    "rename a sale": "UPDATE sale SET sale_id = 'x' WHERE seq = 1",
    "move a sale": "UPDATE sale SET seq = 9 WHERE seq = 2",
    "leave a gap": "INSERT INTO sale (seq, sale_id, body) VALUES (4, 'x', x'7b7d')",
    "take a place twice": "INSERT INTO sale (seq, sale_id, body) VALUES (1, 'x', x'7b7d')",
    "half acknowledge": "UPDATE sale SET acknowledged = 2",
    "have two identities": "INSERT INTO identity (one, epoch) VALUES (2, 'x')",
    "be nobody": "UPDATE identity SET epoch = NULL",
    "number with letters": "INSERT INTO sale (seq, sale_id, body) VALUES ('c', 'x', x'7b7d')",
    "a body of nothing": "INSERT INTO sale (seq, sale_id, body) VALUES (3, 'x', NULL)",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_schema_itself_refuses_to(file: Path, statement: str) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.put(sale(2))
        acknowledge(outbox, 1, [])
    with closing(sqlite3.connect(file)) as intruder, pytest.raises(sqlite3.IntegrityError):
        intruder.execute(statement)
    with closing(Outbox(file, "0badcafe")) as outbox:
        assert (outbox.epoch, outbox.next_seq, seqs(outbox)) == (EPOCH, 3, [2])


def test_what_the_cloud_has_may_be_deleted_one_day_but_the_last_keeps_the_place(
    file: Path,
) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.put(sale(2))
        acknowledge(outbox, 2, [])
    with closing(sqlite3.connect(file)) as janitor, janitor:
        assert janitor.execute("DELETE FROM sale WHERE seq = 1").rowcount == 1
        with pytest.raises(sqlite3.IntegrityError, match="the last sale"):
            janitor.execute("DELETE FROM sale")
    with closing(Outbox(file, EPOCH)) as outbox:
        assert outbox.next_seq == 3


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


def test_evidence_is_open_until_the_broker_has_it(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.put_showing(SHOWN)
    assert outbox.open_showings(0, 9) == [(number, encode(SHOWN)) for number in (1, 2, 3)]
    outbox.showing_published(2)
    assert [number for number, _ in outbox.open_showings(0, 9)] == [1, 3]
    assert [number for number, _ in outbox.open_showings(1, 9)] == [3]
    assert [number for number, _ in outbox.open_showings(0, 1)] == [1]


def test_what_the_readers_told_outlives_a_restart(file: Path) -> None:
    told = {0x10: Context(3, 2, Scaling(10, 2, "RUB"), 1), 0x60: Context()}
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put_context({0x10: Context(1, 1, Scaling(1, 0, None), None)})
        outbox.put_context(told)
    with closing(Outbox(file, EPOCH)) as outbox:
        assert outbox.contexts() == told


def test_closing_folds_the_log_into_the_one_file(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.put(sale(1))
        outbox.put_showing(SHOWN)
    assert [each.name for each in file.parent.iterdir()] == ["outbox.sqlite"]
    with closing(Outbox(file, EPOCH)) as outbox:
        assert len(outbox.open_showings(0, 9)) == 1


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


def test_a_file_that_is_no_outbox_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    file.write_bytes(b"this is no database, and somebody may want it back" * 100)
    before = file.read_bytes()
    with pytest.raises(StartError, match=r"outbox.sqlite: the outbox cannot be used: .*; check"):
        Outbox(file, EPOCH)
    assert file.read_bytes() == before


def test_a_damaged_file_is_refused(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        for seq in range(1, 200):
            outbox.put(sale(seq))
    content = bytearray(file.read_bytes())
    for at in range(2 * 4096, len(content), 4096):
        content[at : at + 64] = b"\xa5" * 64
    file.write_bytes(content)
    with pytest.raises(StartError, match=r"damaged|malformed"):
        Outbox(file, EPOCH)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StartError, match=r"file/outbox\.sqlite: the outbox cannot be used"):
        Outbox(tmp_path / "file" / "outbox.sqlite", EPOCH)


# A power cut. ------------------------------------------------------------------------------------

CHILD = """
import itertools, sys
from pathlib import Path
from specimens import receipt, sale
from edge.storage.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), "7f3a9c1e")
for seq in itertools.count(outbox.next_seq):
    outbox.put(sale(seq))
    print(seq, flush=True)
    acknowledge(outbox, seq // 2, [])
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
            for seq in range(1, last + 1):
                assert outbox.sale(sale(seq).sale_id) == sale(seq)
            last = outbox.next_seq - 1
            assert set(range(last // 2 + 1, last + 1)) <= set(seqs(outbox))


# Any order of verbs, crashes and intruders. ------------------------------------------------------


class OutboxStory(RuleBasedStateMachine):
    """The outbox beside a list and a set that cannot be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "outbox.sqlite"
        self.outbox = Outbox(self.file, EPOCH)
        self.bodies: list[bytes] = []
        self.open: set[int] = set()

    @rule(amount=st.integers(0, 10**6))
    def sell(self, amount: int) -> None:
        sold = sale(len(self.bodies) + 1, amount=amount)
        self.outbox.put(sold)
        self.bodies.append(encode(sold))
        self.open.add(sold.seq)

    @rule(seq=st.integers(-2, 30))
    def put_in_the_wrong_place(self, seq: int) -> None:
        if seq == len(self.bodies) + 1:
            return
        with pytest.raises(sqlite3.IntegrityError):
            self.outbox.put(sale(seq))

    @precondition(lambda self: self.bodies)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        upto = data.draw(st.integers(0, len(self.bodies)))
        missing = data.draw(st.lists(st.integers(1, len(self.bodies)), max_size=4))
        self.acknowledge(outbox, upto, missing)
        self.open -= set(range(1, upto + 1)) - set(missing)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.file, "0badcafe")

    @rule(statement=st.sampled_from(sorted(FORBIDDEN.values())))
    def intrude(self, statement: str) -> None:
        """Whether it is refused or not: what the cloud does not have is not touched."""
        self.outbox.close()
        with closing(sqlite3.connect(self.file)) as intruder:
            with suppress(sqlite3.IntegrityError):
                intruder.execute(statement)
            left = dict(intruder.execute("SELECT seq, body FROM sale"))
            assert {seq: left[seq] for seq in self.open} == self.expected()
            if self.bodies:
                assert max(left) >= len(self.bodies)
            intruder.rollback()
        self.outbox = Outbox(self.file, "0badcafe")

    def expected(self) -> dict[int, bytes]:
        return {seq: self.bodies[seq - 1] for seq in sorted(self.open)}

    @invariant()
    def every_open_sale_is_there_as_it_was_made(self) -> None:
        assert self.outbox.open_sales(0, 1000) == list(self.expected().items())

    @invariant()
    def the_place_of_the_next_sale_is_known(self) -> None:
        assert self.outbox.epoch == EPOCH
        assert pending(self.outbox) == (len(self.open), min(self.open, default=None))

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

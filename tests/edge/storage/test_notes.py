import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from parts import ROOT
from specimens import StillClock, sale

from edge.incident import of_machine
from edge.storage.outbox import Outbox
from edge.wire import Channel, Shown

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
INCIDENT = of_machine("printer", "no paper", StillClock().now())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(file: Path) -> Iterator[Outbox]:
    with closing(Outbox(file, EPOCH)) as opened:
        yield opened


def numbers(outbox: Outbox, after: int = 0, most: int = 99) -> list[int]:
    return [note.number for note in outbox.notes.open(after, most)]


def test_an_incident_is_committed_and_told_at_once(outbox: Outbox) -> None:
    outbox.notes.put_incident(INCIDENT)
    (note,) = outbox.notes.open(0, 9)
    assert (note.number, note.channel) == (1, Channel.INCIDENT)
    told = msgspec.json.decode(note.body)
    assert (told["epoch"], told["number"], told["text"]) == (EPOCH, 1, "no paper")


def test_evidence_is_told_when_the_next_commit_has_made_it_safe(outbox: Outbox) -> None:
    outbox.notes.put_showing(SHOWN)
    outbox.notes.put_showing(SHOWN)
    assert (numbers(outbox), outbox.notes.pending()) == ([], 2)
    outbox.put(sale(1))
    outbox.notes.put_showing(SHOWN)
    assert numbers(outbox) == [1, 2]
    assert outbox.keep_what_rides_along()
    assert not outbox.keep_what_rides_along()
    assert numbers(outbox) == [1, 2, 3]
    assert (numbers(outbox, after=1), numbers(outbox, most=1)) == ([2, 3], [1])


def test_an_acknowledgement_that_rides_along_holds_no_note_back(outbox: Outbox) -> None:
    outbox.notes.put_incident(INCIDENT)
    outbox.notes.noted((77,), None)
    assert numbers(outbox) == [1]


def test_evidence_that_went_back_with_a_refused_sale_gives_its_number_to_the_next(
    outbox: Outbox,
) -> None:
    outbox.notes.put_showing(SHOWN)
    with pytest.raises(Exception, match="a gap in the sequence"):
        outbox.put(sale(7))
    outbox.notes.noted((1,), None)
    outbox.notes.put_showing(SHOWN)
    assert numbers(outbox) == []
    outbox.put(sale(1))
    assert numbers(outbox) == [1]


def test_what_is_noted_is_not_told_again(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.notes.put_incident(INCIDENT)
    outbox.notes.noted((1, 3, 99), 1_795_000_000)
    assert (numbers(outbox), outbox.notes.pending()) == ([2], 1)


def test_numbers_of_an_outbox_that_was_mended_meanwhile_are_not_those_of_the_new_one(
    outbox: Outbox,
) -> None:
    outbox.notes.put_incident(INCIDENT)
    outbox.notes.noted((1,), None, EPOCH)
    outbox.notes.put_incident(INCIDENT)
    outbox.mend("0badcafe")
    assert numbers(outbox) == [1]
    outbox.notes.noted((1,), None, EPOCH)
    assert numbers(outbox) == [1]
    outbox.notes.noted((1,), None, "0badcafe")
    assert numbers(outbox) == []


def test_noted_notes_go_after_sixty_days_but_the_last_tells_the_next_number(
    outbox: Outbox,
) -> None:
    for _ in range(3):
        outbox.notes.put_incident(INCIDENT)
    outbox.notes.noted((1,), None)
    outbox.notes.noted((2, 3), 1_795_000_000)
    assert outbox.forget(1_795_000_000 + 60 * 86400) == 0
    assert outbox.forget(1_795_000_000 + 60 * 86400 + 1) == 1
    outbox.notes.put_incident(INCIDENT)
    assert numbers(outbox) == [4]


def test_the_newest_incidents_come_first(outbox: Outbox) -> None:
    outbox.notes.put_showing(SHOWN)
    for text in ("one", "two", "three"):
        outbox.notes.put_incident(msgspec.structs.replace(INCIDENT, text=text))
    assert [each.text for each in outbox.notes.incidents(2)] == ["three", "two"]


def test_the_last_showings_are_those_among_the_newest_notes(outbox: Outbox) -> None:
    for rev in (1, 2, 3):
        outbox.notes.put_showing(msgspec.structs.replace(SHOWN, rev=rev))
    outbox.notes.put_incident(INCIDENT)
    assert [each.rev for each in outbox.notes.showings(3)] == [2, 3]
    assert [each.rev for each in outbox.notes.showings(100)] == [1, 2, 3]


@pytest.mark.parametrize(("tail", "body"), [("sale", b"{}"), ("shown", b"{}"), ("shown", b"\xff")])
def test_a_note_of_a_damaged_outbox_that_is_none_is_left(
    outbox: Outbox, tail: str, body: bytes
) -> None:
    outbox.notes.put_again(tail, body)
    assert outbox.notes.pending() == 0


CHILD = """
import sys
from pathlib import Path
import msgspec
from test_notes import SHOWN
from specimens import sale
from edge.storage.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), "7f3a9c1e")
for count in range(outbox.next_seq, 10**9):
    outbox.notes.put_showing(msgspec.structs.replace(SHOWN, reason=sys.argv[2] + str(count)))
    for note in outbox.notes.open(0, 10**6)[-3:]:
        print(note.number, msgspec.json.decode(note.body)["reason"], flush=True)
    outbox.put(sale(count))
"""


def test_a_number_that_was_told_is_never_another_note_s_after_a_sigkill(file: Path) -> None:
    """The kills come also between a showing and the commit that makes it safe."""
    told = dict[str, str]()
    for run, lines in enumerate((1, 3, 4, 9, 20, 31)):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(file), f"run{run}-"],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{Path(__file__).parent}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        with child:
            assert child.stdout is not None
            printed = [child.stdout.readline() for _ in range(lines)]
            child.kill()
            printed += child.stdout.read().splitlines(keepends=True)
        assert child.returncode == -signal.SIGKILL
        for line in printed:
            if line.endswith("\n"):
                number, reason = line.split()
                assert told.setdefault(number, reason) == reason
    with closing(Outbox(file, EPOCH)) as outbox:
        kept = {
            str(note.number): msgspec.json.decode(note.body) for note in outbox.notes.open(0, 10**6)
        }
    assert len(told) >= 20
    assert {number: kept[number]["reason"] for number in told} == told

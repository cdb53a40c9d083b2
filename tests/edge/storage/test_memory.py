from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from specimens import BOOT

from edge.anchors import Anchor
from edge.intent import Intent
from edge.storage import memory as module
from edge.storage.outbox import Outbox
from mdb.context import Context
from mdb.scaling import Scaling

EPOCH = "7f3a9c1e"
INTENT = Intent("0001", 700, "RUB", "2026-11-23T15:42:10.512Z", "synced", BOOT, 50_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(file: Path) -> Iterator[Outbox]:
    with closing(Outbox(file, EPOCH)) as opened:
        yield opened


def anchor(at: int) -> Anchor:
    return Anchor(
        boot_id=BOOT, boottime_ms=at, unix_ms=1_795_000_000_000, source="kernel", after=at
    )


def test_what_the_peripherals_told_outlives_a_restart(file: Path) -> None:
    told = {0x10: Context(3, 2, Scaling(10, 2, "RUB"), 1), 0x60: Context()}
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.memory.put_context({0x10: Context(1, 1, Scaling(1, 0, None), None)})
        outbox.memory.put_context(told)
    with closing(Outbox(file, EPOCH)) as outbox:
        assert outbox.memory.contexts() == told


def test_an_intent_stays_until_it_is_dropped(file: Path) -> None:
    with closing(Outbox(file, EPOCH)) as outbox:
        outbox.memory.put_intent(0x10, INTENT)
        outbox.memory.put_intent(0x60, INTENT)
        outbox.memory.drop_intent(0x60)
        outbox.memory.drop_intent(0x61)
    with closing(Outbox(file, EPOCH)) as outbox:
        assert outbox.memory.intents() == {0x10: INTENT}


def test_the_newest_anchors_are_kept_in_their_order(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ANCHORS", 3)
    for at in range(1, 6):
        outbox.memory.put_anchor(anchor(at))
    assert outbox.memory.anchors() == [anchor(3), anchor(4), anchor(5)]


def test_the_newest_answers_are_kept_and_the_last_word_on_a_command_counts(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ANSWERS", 2)
    for command, answer in (("a", b"1"), ("b", b"2"), ("b", b"3"), ("c", b"4")):
        outbox.memory.put_answer(command, answer)
    assert [outbox.memory.answer(each) for each in "abc"] == [None, b"3", b"4"]


def test_a_wish_is_kept_until_it_is_withdrawn(outbox: Outbox) -> None:
    assert outbox.memory.wish() is None
    outbox.memory.put_wish(b"{}")
    outbox.memory.put_wish(b'{"version":2}')
    assert outbox.memory.wish() == b'{"version":2}'
    outbox.memory.put_wish(None)
    assert outbox.memory.wish() is None

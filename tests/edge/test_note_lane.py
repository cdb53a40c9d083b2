from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from specimens import StillClock

from edge.incident import of_machine
from edge.note_lane import SIZE, NoteLane
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.window import PATIENCE_S
from edge.wire import Channel, Incident, Noted, decode

EPOCH = "7f3a9c1e"


class Shop:
    def __init__(self, file: Path) -> None:
        self.outbox = Outbox(file, EPOCH)
        self.disk = Disk()
        self.sent = list[int]()
        self.lane = NoteLane(self.outbox, self.disk, self._publish)

    def note(self, count: int) -> None:
        for _ in range(count):
            self.outbox.notes.put_incident(of_machine("printer", "no paper", StillClock().now()))

    def _publish(self, channel: Channel, body: bytes) -> None:
        assert channel is Channel.INCIDENT
        self.sent.append(decode(body, Incident).number)

    def take(self) -> list[int]:
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    used = Shop(tmp_path / "outbox.sqlite")
    with closing(used.outbox), closing(used.disk):
        yield used


async def test_notes_go_up_in_order_and_no_more_than_the_window_holds(shop: Shop) -> None:
    shop.note(SIZE + 3)
    await shop.lane.send(0)
    assert shop.take() == list(range(1, SIZE + 1))
    await shop.lane.send(1)
    assert shop.take() == []
    await shop.lane.noted(Noted(epoch=EPOCH, numbers=(1, 3)), 5, 2)
    await shop.lane.send(2)
    assert shop.take() == [SIZE + 1, SIZE + 2]


async def test_a_note_is_repeated_until_it_is_noted(shop: Shop) -> None:
    shop.note(2)
    await shop.lane.send(0)
    await shop.lane.noted(Noted(epoch=EPOCH, numbers=(1,)), None, 1)
    assert shop.lane.next_deadline(1) == PATIENCE_S - 1
    await shop.lane.send(PATIENCE_S)
    assert shop.take() == [1, 2, 2]
    await shop.lane.noted(Noted(epoch=EPOCH, numbers=(2, 77)), None, 40)
    assert shop.lane.next_deadline(40) is None
    assert shop.outbox.notes.pending() == 0


async def test_another_epoch_s_noted_is_of_other_notes(shop: Shop) -> None:
    shop.note(1)
    await shop.lane.noted(Noted(epoch="0badcafe", numbers=(1,)), None, 1)
    assert shop.outbox.notes.pending() == 1


async def test_one_that_is_noted_behind_its_back_does_not_stay_due_for_ever(shop: Shop) -> None:
    shop.note(3)
    await shop.lane.send(0)
    shop.outbox.notes.noted((2,), None)
    shop.take()
    await shop.lane.send(PATIENCE_S)
    assert set(shop.take()) == {1, 3}
    assert shop.lane.next_deadline(PATIENCE_S) == 2 * PATIENCE_S


async def test_a_new_connection_begins_with_the_oldest(shop: Shop) -> None:
    shop.note(2)
    await shop.lane.send(0)
    shop.lane.restart()
    await shop.lane.send(1)
    assert shop.take() == [1, 2, 1, 2]


async def test_a_noted_that_waited_for_a_mending_is_not_stuck_on_the_old_file(shop: Shop) -> None:
    shop.note(2)
    notes = shop.outbox.notes
    shop.outbox.mend("0badcafe")
    await shop.disk.insist(notes.noted, (1,), None)
    assert [note.number for note in shop.outbox.notes.open(0, 9)] == [2]

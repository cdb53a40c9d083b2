import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.window import LONGEST_S, PATIENCE_S, SIZE, Window


def window(*seqs: int, now: float = 0.0) -> Window:
    sent = Window()
    for seq in seqs:
        sent.sent(seq, now)
    return sent


def test_a_window_has_room_for_its_size() -> None:
    assert Window().room(0) == SIZE
    assert window(1, 2, 3).room(0) == SIZE - 3
    assert window(*range(1, SIZE + 1)).room(0) == 0


def test_a_sale_is_due_when_its_patience_is_over_and_the_lowest_goes_first() -> None:
    sent = window(2, 1)
    assert sent.due(PATIENCE_S - 0.1) == []
    assert sent.due(PATIENCE_S) == [1, 2]


@pytest.mark.parametrize(
    ("times", "patience"),
    [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 600), (60, 600), (9999, 600)],
)
def test_patience_doubles_up_to_ten_minutes(times: int, patience: float) -> None:
    sent = window(*[1] * times)
    assert sent.next_deadline(0) == patience <= LONGEST_S
    assert sent.room(0) == SIZE - 1


def test_what_is_acknowledged_is_forgotten_and_what_is_missing_is_due_at_once() -> None:
    sent = window(1, 2, 3, 4)
    sent.acknowledged({1, 3}, {2}, now=5)
    assert sent.due(5) == [2]
    assert sent.room(5) == SIZE - 2
    sent.acknowledged({2, 4}, [], now=6)
    assert sent.due(1e9) == []
    assert sent.next_deadline(6) is None


def test_an_old_acknowledgement_changes_nothing() -> None:
    sent = window(5, 6)
    sent.acknowledged({1, 2}, {3}, now=1)
    assert sent.room(1) == SIZE - 2
    assert sent.due(1) == []


def test_a_pause_holds_everything_until_it_is_over() -> None:
    sent = window(1)
    sent.hold(100)
    assert (sent.room(99), sent.due(99), sent.next_deadline(99)) == (0, [], 1)
    assert (sent.room(100), sent.due(100)) == (SIZE - 1, [1])


def test_an_empty_window_wakes_when_a_pause_is_over() -> None:
    held = Window()
    held.hold(100)
    assert held.next_deadline(40) == 60
    assert held.next_deadline(100) is None


def test_a_new_connection_begins_with_the_oldest() -> None:
    sent = window(1, 2, 2)
    assert sent.highest == 2
    sent.restart()
    assert (sent.highest, sent.room(0), sent.due(1e9)) == (0, SIZE, [])
    sent.sent(2, 0)
    assert sent.next_deadline(0) == PATIENCE_S


def test_a_backlog_leaves_room_for_what_is_sold_meanwhile() -> None:
    sent = Window(live=4)
    assert (sent.room(0), sent.room_to_overtake(0)) == (SIZE - 4, 4)
    for number in range(1, 17):
        sent.sent(number, 0)
    assert (sent.room(0), sent.room_to_overtake(0)) == (0, 4)
    for number in range(101, 105):
        sent.sent(number, 0, overtaking=True)
    assert (sent.room_to_overtake(0), sent.highest) == (0, 16)
    sent.acknowledged({1, 101}, [], 0)
    assert (sent.room(0), sent.room_to_overtake(0)) == (1, 1)
    assert len(sent.on_their_way) == 18


def test_one_that_overtook_and_is_sent_again_is_not_passed_before_its_turn() -> None:
    sent = Window(live=4)
    sent.sent(9, 0, overtaking=True)
    sent.sent(9, PATIENCE_S)
    assert (sent.highest, sent.room_to_overtake(0)) == (0, 3)
    sent.passed(9)
    assert (sent.highest, sent.room_to_overtake(0), sent.room(0)) == (9, 4, SIZE - 5)
    sent.hold(50)
    assert sent.room_to_overtake(49) == 0


@given(
    st.lists(st.integers(1, 40), unique=True, max_size=SIZE),
    st.sets(st.integers(0, 40)),
    st.sets(st.integers(1, 40)),
)
def test_an_acknowledgement_frees_exactly_what_it_names(
    numbers: list[int], arrived: set[int], missing: set[int]
) -> None:
    sent = window(*numbers)
    sent.acknowledged(arrived, missing, now=0)
    left = [number for number in sorted(numbers) if number not in arrived]
    newest = max((at for at, number in enumerate(numbers) if number in arrived), default=-1)
    lost = {number for number in numbers[: newest + 1] if number in missing}
    assert sent.due(0) == [number for number in left if number in lost]
    assert sent.due(1e9) == left


def test_what_is_missing_a_second_time_is_waited_for_as_any_other() -> None:
    sent = window(1, 2, 3)
    sent.acknowledged({2}, (1,), now=5)
    assert sent.due(5) == [1]
    sent.sent(1, 5)
    sent.sent(4, 5)
    sent.acknowledged({3, 4}, (1,), now=6)
    assert sent.due(6) == []
    assert sent.due(5 + 2 * PATIENCE_S) == [1]


def test_the_newest_word_on_a_pause_counts_also_when_all_begins_again() -> None:
    sent = window(1)
    sent.hold(100)
    sent.hold(0)
    assert sent.room(1) == SIZE - 1
    sent.hold(100)
    sent.restart()
    assert sent.room(1) == 0
    assert sent.room(100) == SIZE


def test_what_is_on_its_way_behind_all_that_arrived_is_not_lost() -> None:
    """A live sale leaves a gap as long as the backlog; the ack names the numbers of its beginning."""
    sent = window(1, 2)
    sent.sent(1000, 0, overtaking=True)
    sent.sent(3, 0)
    sent.sent(4, 0)
    sent.acknowledged({1, 2, 1000}, (3, 4, 5, 6), now=1)
    assert sent.due(1) == []
    sent.acknowledged({4}, (3,), now=2)
    assert sent.due(2) == [3]

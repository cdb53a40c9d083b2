import pytest

from cloud.fiscalization import OPEN, State
from cloud.retry import LONGEST_S, SCHEDULES, delay


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (State.WAITING, [1, 2, 5, 10, 30, 60, 120, 300, 300, 300]),
        (State.UNKNOWN, [1, 2, 5, 10, 30, 60, 120, 300, 300]),
        (State.ACCEPTED, [1, 2, 3, 5, 8, 13, 20, 30, 60]),
        (State.ISSUED, [0, 0]),
    ],
)
def test_the_first_tries_come_soon_and_the_last_wait_is_the_longest(
    state: State, waits: list[float]
) -> None:
    assert [delay(state, tries) for tries in range(1, len(waits) + 1)] == waits


@pytest.mark.parametrize("state", SCHEDULES)
def test_no_schedule_ends(state: State) -> None:
    assert delay(state, 10**6) == max(SCHEDULES[state])
    assert delay(state, 0) == SCHEDULES[state][0]


def test_a_lost_answer_is_repeated_more_than_once_while_the_provider_remembers() -> None:
    assert sum(delay(State.UNKNOWN, tries) for tries in range(1, 9)) < 3300


def test_what_is_open_waits_before_it_is_tried_again() -> None:
    tried_again = set(OPEN) - {State.SUBMITTED}
    assert all(delay(state, 1) > 0 for state in tried_again)


def test_an_accepted_receipt_is_asked_for_to_the_tenth_minute_the_day_and_beyond() -> None:
    waits = [delay(State.ACCEPTED, tries) for tries in range(1, 200)]
    minutes = sum(wait for wait in waits if wait <= 60)
    assert 9 * 60 < minutes < 12 * 60
    assert 23 * 3600 < sum(wait for wait in waits if wait <= 600) < 25 * 3600
    assert waits[-1] == 3600 == LONGEST_S


def test_a_register_may_have_a_schedule_of_its_own() -> None:
    assert [delay(State.ACCEPTED, tries, (4, 9)) for tries in (1, 2, 3)] == [4, 9, 9]
    assert delay(State.UNKNOWN, 1, (4, 9)) == 1

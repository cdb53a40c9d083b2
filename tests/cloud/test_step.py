"""What a lane does with a receipt that is due, by two clocks."""

import math

import pytest

from cloud.clock import SinceBoot, now_ms, since_boot
from cloud.fiscalization import State
from cloud.step import Sent, Step, step

HOUR = 3_600_000
DAY = 24 * HOUR
MEMORY_S = 3300.0
NOW = 1_800_000_000_000
BOOT = SinceBoot("this", 40 * DAY)
LATELY = Sent(NOW - 1)
LONG_AGO = Sent(NOW - 2 * HOUR)


def next_step(
    state: State,
    sent: Sent | None,
    provider_id: str | None = None,
    memory_s: float = MEMORY_S,
    *,
    by_key: bool = False,
) -> Step:
    return step(state, sent, provider_id, memory_s, NOW, BOOT, by_key=by_key)


@pytest.mark.parametrize(
    ("state", "sent", "provider_id", "then"),
    [
        (State.WAITING, None, None, "submit"),
        (State.ACCEPTED, LATELY, "sc_1", "ask"),
        (State.ACCEPTED, LONG_AGO, "sc_1", "ask"),
        (State.UNKNOWN, LATELY, None, "submit"),
        (State.UNKNOWN, LONG_AGO, None, "give up"),
        # An odd answer about an accepted receipt: it can still be asked for.
        (State.UNKNOWN, LONG_AGO, "sc_1", "ask"),
        (State.SUBMITTED, LATELY, None, "submit"),
        # The wall clock was set back, or on: the clock of this boot knows better.
        (State.UNKNOWN, Sent(NOW + 3 * HOUR, SinceBoot("this", 1)), None, "give up"),
        (State.UNKNOWN, Sent(NOW - 1, SinceBoot("this", BOOT.ms - 2 * HOUR)), None, "give up"),
        (State.UNKNOWN, Sent(NOW - 1, SinceBoot("this", BOOT.ms - 1)), None, "submit"),
        # Another boot's clock says nothing.
        (State.UNKNOWN, Sent(NOW - 1, SinceBoot("another", BOOT.ms + 1)), None, "submit"),
        (State.UNKNOWN, Sent(NOW + 1, SinceBoot("another", 1)), None, "give up"),
    ],
)
def test_a_key_is_used_again_only_while_every_clock_says_it_is_remembered(
    state: State, sent: Sent | None, provider_id: str | None, then: Step
) -> None:
    assert next_step(state, sent, provider_id) == then


@pytest.mark.parametrize(
    ("boot", "then"),
    [
        (None, "give up"),
        (SinceBoot("another", 1), "give up"),
        # This boot's clock says that it left a second ago.
        (SinceBoot("this", BOOT.ms - 1000), "submit"),
    ],
)
def test_a_server_clock_that_was_set_back_is_believed_by_nobody_who_has_no_other(
    boot: SinceBoot | None, then: Step
) -> None:
    sent, latest = Sent(NOW - 45 * 60_000, boot), NOW + 30 * 60_000
    decided = step(State.UNKNOWN, sent, None, MEMORY_S, NOW, BOOT, by_key=False, latest_ms=latest)
    assert decided == then


def test_a_provider_that_can_be_asked_by_the_key_is_asked_when_it_may_have_forgotten_it() -> None:
    assert next_step(State.UNKNOWN, LONG_AGO, by_key=True) == "ask"
    assert next_step(State.UNKNOWN, Sent(NOW - 32 * DAY), by_key=True) == "give up"


def test_a_provider_that_never_forgets_is_sent_the_same_key_for_ever() -> None:
    assert next_step(State.UNKNOWN, Sent(NOW - 400 * DAY), memory_s=math.inf) == "submit"


def test_what_was_accepted_and_has_no_number_to_ask_with_waits_for_a_person() -> None:
    assert next_step(State.ACCEPTED, LATELY) == "give up"


def test_what_was_accepted_is_asked_for_during_thirty_days() -> None:
    assert next_step(State.ACCEPTED, Sent(NOW - 29 * DAY), "sc_1") == "ask"
    assert next_step(State.ACCEPTED, Sent(NOW - 31 * DAY), "sc_1") == "give up"


def test_a_clock_that_is_set_back_gives_nothing_up_that_can_be_asked_for() -> None:
    ahead = Sent(NOW + DAY, SinceBoot("this", BOOT.ms - 1))
    assert next_step(State.ACCEPTED, ahead, "sc_1") == "ask"
    assert next_step(State.UNKNOWN, ahead, "sc_1") == "ask"
    assert (
        next_step(State.ACCEPTED, Sent(NOW - 40 * DAY, SinceBoot("this", BOOT.ms)), "sc_1") == "ask"
    )


def test_the_clocks_go_on() -> None:
    first, wall = since_boot(), now_ms()
    assert since_boot().boot_id == first.boot_id
    assert since_boot().ms >= first.ms > 0
    assert now_ms() >= wall


def test_what_was_accepted_is_given_up_once_every_clock_says_so() -> None:
    sent = Sent(NOW - 31 * DAY, SinceBoot("this", BOOT.ms - 31 * DAY))
    assert next_step(State.ACCEPTED, sent, "sc_1") == "give up"

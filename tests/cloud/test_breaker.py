"""A provider that does not answer is tried seldom; a register that takes nothing is left alone."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.breaker import FAILURES, LONGEST_S, OPEN_S, PROBE_S, Circuit, after, is_late, the_one
from cloud.outcome import Accepted, Dead, Outcome, Pause, Unknown, Unsent

NOW = 1_800_000_000_000
AWAY = Unsent("no connection")
HOUR = 3_600_000


def failed(times: int, outcome: Outcome = AWAY) -> Circuit:
    circuit = Circuit()
    for _ in range(times):
        circuit = after(circuit, outcome, NOW)
    return circuit


def test_a_few_failures_hold_nothing() -> None:
    assert not failed(FAILURES - 1).is_open()
    assert not failed(FAILURES - 1).holds(NOW)


@pytest.mark.parametrize("outcome", [AWAY, Unknown("time-out")])
def test_failures_in_a_row_open_it_for_longer_and_longer(outcome: Outcome) -> None:
    opened = [failed(FAILURES + more, outcome) for more in range(len(OPEN_S) + 2)]
    held = [(each.hold_until - NOW) / 1000 for each in opened]
    assert held == [*OPEN_S, OPEN_S[-1], OPEN_S[-1]]
    assert all(each.is_open() and each.holds(NOW) and each.mutes(NOW) for each in opened)
    assert not opened[0].holds(opened[0].hold_until)


def test_what_may_have_arrived_and_what_surely_has_not_try_it_in_turns() -> None:
    tries = [the_one(failed(FAILURES + more), ["sure"], ["asked"]) for more in range(4)]
    assert tries == [([], ["asked"]), (["sure"], [])] * 2
    assert the_one(failed(FAILURES), ["sure"], []) == (["sure"], [])
    assert the_one(failed(FAILURES + 1), [], ["asked"]) == ([], ["asked"])


@pytest.mark.parametrize("outcome", [Accepted("1"), Dead("refused")])
def test_whatever_the_provider_says_closes_it(outcome: Outcome) -> None:
    assert after(failed(FAILURES + 3), outcome, NOW) == Circuit()
    assert after(failed(FAILURES + 3), outcome, NOW, asked=True) == Circuit()


def test_a_provider_that_lost_what_it_had_accepted_is_there_all_the_same() -> None:
    lost = Unknown("the provider says 'NotFound'", answered=True)
    assert after(failed(FAILURES + 3), lost, NOW, asked=True) == Circuit()
    assert not is_late(failed(FAILURES + 3), lost, NOW)
    full = after(Circuit(), Unsent("full", pause=Pause.DRIVE), NOW)
    assert after(full, lost, NOW, asked=True) == full


@pytest.mark.parametrize("pause", PROBE_S)
def test_a_register_at_fault_is_paused_with_its_reason(pause: Pause) -> None:
    circuit = after(Circuit(), Unsent("the reason", pause=pause), NOW)
    assert (circuit.pause, circuit.reason) == (pause, "the reason")
    assert circuit.holds(NOW)
    assert circuit.is_open()
    assert not circuit.holds(NOW + round(1000 * PROBE_S[pause]))
    assert after(circuit, Accepted("1"), NOW) == Circuit()


def test_what_was_accepted_is_asked_for_while_the_register_takes_nothing_new() -> None:
    full = after(Circuit(), Unsent("full", pause=Pause.DRIVE), NOW)
    assert not full.mutes(NOW)
    assert after(full, Accepted("1"), NOW, asked=True) == full


def test_a_provider_that_does_not_know_us_is_not_asked_either() -> None:
    shut = after(Circuit(), Unsent("401", pause=Pause.AUTH), NOW)
    assert shut.mutes(NOW)
    assert after(shut, Accepted("1"), NOW, asked=True) == Circuit()


def test_a_busy_provider_says_for_how_long() -> None:
    busy = after(failed(2), Unsent("503", retry_after_s=7), NOW)
    assert busy.hold_until == NOW + 7000
    assert not busy.is_open()


def test_a_persons_pause_is_ended_by_a_person_alone() -> None:
    paused = Circuit(pause=Pause.BY_HAND, reason="the accountant asked")
    assert paused.holds(NOW + 365 * 24 * HOUR)
    for outcome in (Accepted("1"), AWAY, Unsent("401", pause=Pause.AUTH)):
        assert after(paused, outcome, NOW) == paused


HOLDING = [
    *(failed(FAILURES + more) for more in range(len(OPEN_S))),
    *(after(Circuit(), Unsent("", pause=pause), NOW) for pause in PROBE_S),
    *(
        after(Circuit(), Unsent("", retry_after_s=each), NOW)
        for each in (7, LONGEST_S, 86_400, inf)
    ),
]


@given(st.sampled_from(HOLDING), st.integers(0, 10 * 24 * HOUR))
def test_a_clock_that_is_set_back_holds_nothing_for_days(circuit: Circuit, ahead: int) -> None:
    """What was held under a clock that was ahead is tried when that is set right, or soon behind."""
    set_right = NOW - ahead
    assert not circuit.holds(set_right) or not circuit.holds(set_right + round(1000 * LONGEST_S))


@pytest.mark.parametrize("circuit", HOLDING)
def test_what_is_held_is_held_for_as_long_as_it_says(circuit: Circuit) -> None:
    assert circuit.holds(NOW)
    assert circuit.holds(circuit.hold_until - 1)
    assert not circuit.holds(circuit.hold_until)


def test_what_may_have_arrived_and_what_never_left_try_it_in_turns() -> None:
    """What only the one fails at does not keep the circuit open for the other."""
    turns = [failed(FAILURES + more).asks_first for more in range(4)]
    assert turns in ([True, False, True, False], [False, True, False, True])

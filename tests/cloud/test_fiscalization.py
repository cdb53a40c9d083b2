"""The table: every state, every class of outcome, and what no interleaving of them may undo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import a_document

from cloud.fiscalization import MOST_ATTEMPTS, OPEN, SENT, TRANSITIONS, State, after
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent

DONE, ACCEPTED = Done(a_document()), Accepted("sc_1")
UNSENT, UNKNOWN, DEAD = Unsent("no network"), Unknown("time-out"), Dead("code 13")
OUTCOMES = [DONE, ACCEPTED, UNSENT, UNKNOWN, DEAD]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: type(each).__name__)
def test_every_outcome_has_a_place_in_every_state(state: State, outcome: Outcome) -> None:
    assert after(state, outcome) in State


@pytest.mark.parametrize(
    ("state", "outcome", "next_state"),
    [
        (State.SUBMITTED, ACCEPTED, State.ACCEPTED),
        (State.SUBMITTED, UNSENT, State.WAITING),
        (State.SUBMITTED, UNKNOWN, State.UNKNOWN),
        (State.SUBMITTED, DEAD, State.ATTENTION),
        # That a repetition did not leave says nothing about the first request.
        (State.UNKNOWN, UNSENT, State.UNKNOWN),
        (State.ACCEPTED, UNSENT, State.ACCEPTED),
        # The provider forgot what it had accepted.
        (State.ACCEPTED, UNKNOWN, State.UNKNOWN),
        # Only a document ends the wait for a person.
        (State.ATTENTION, ACCEPTED, State.ATTENTION),
        (State.ATTENTION, DONE, State.ISSUED),
    ],
)
def test_a_state_and_an_outcome_lead_on(state: State, outcome: Outcome, next_state: State) -> None:
    assert after(state, outcome) is next_state


def test_a_document_issues_a_receipt_whatever_was_before() -> None:
    assert {after(state, DONE) for state in State} == {State.ISSUED}


@given(st.sampled_from(State), st.lists(st.sampled_from(OUTCOMES), max_size=30))
def test_no_interleaving_leaves_issued(state: State, outcomes: list[Outcome]) -> None:
    issued = state is State.ISSUED
    for outcome in outcomes:
        state = after(state, outcome)
        issued = issued or outcome is DONE
        assert (state is State.ISSUED) == issued


@given(st.lists(st.sampled_from([ACCEPTED, UNSENT, UNKNOWN]), max_size=30))
def test_what_may_have_arrived_is_never_taken_for_unsent(outcomes: list[Outcome]) -> None:
    state = State.UNKNOWN
    for outcome in outcomes:
        state = after(state, outcome)
        assert state in {State.UNKNOWN, State.ACCEPTED}


def test_the_fiscaliser_has_something_to_do_until_the_end_or_a_person() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(State) - set(OPEN) == {State.ISSUED, State.ATTENTION, State.CLOSED}


EXPIRED = Dead("expired in the queue", again=True)
GONE = Unknown("nobody can be asked any more", final=True)


@pytest.mark.parametrize("state", SENT)
def test_what_is_dead_through_no_fault_of_its_own_waits_for_its_next_key(state: State) -> None:
    assert after(state, EXPIRED) is State.WAITING


def test_a_receipt_that_dies_again_and_again_is_a_persons() -> None:
    assert after(State.ACCEPTED, EXPIRED, MOST_ATTEMPTS - 1) is State.WAITING
    assert after(State.ACCEPTED, EXPIRED, MOST_ATTEMPTS) is State.ATTENTION


@pytest.mark.parametrize("state", SENT)
@pytest.mark.parametrize("again", [True, False])
def test_what_dies_of_a_full_drive_goes_back_to_waiting_whatever_that_costs_in_keys(
    state: State, *, again: bool
) -> None:
    full = Dead("the drive is full", again=again, pause=Pause.DRIVE)
    assert after(state, full, MOST_ATTEMPTS + 80) is State.WAITING


@pytest.mark.parametrize("state", SENT)
def test_what_nobody_can_tell_is_a_persons(state: State) -> None:
    assert after(state, GONE) is State.ATTENTION


@pytest.mark.parametrize("outcome", OUTCOMES[1:], ids=lambda each: type(each).__name__)
def test_what_a_person_has_closed_stays_closed_unless_there_is_a_document(
    outcome: Outcome,
) -> None:
    assert after(State.CLOSED, outcome) is State.CLOSED
    assert after(State.CLOSED, DONE) is State.ISSUED

from itertools import product
from typing import get_args

import pytest

from edge.printers.job import ON_ITS_WAY, TABLE, WAITING, Event, State, reason_of
from edge.printers.status import Word

STATES = get_args(State)
WORDS = get_args(Word)
EVENTS = (*WORDS, "no_status", "not_sent", "expired")
TRIED = ("paper_out", "offline", "unknown")


def legal(state: str, event: str) -> bool:
    """Every pair, by hand: who can hear what."""
    if state in {"done", "dropped"}:
        return False
    if state in {"printing", "copying"}:
        return event != "expired"
    return event != "not_sent"


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_exactly_the_steps_that_can_happen_are_in_the_table(state: State, event: Event) -> None:
    assert ((state, event) in TABLE) is legal(state, event)


def test_the_table_has_no_state_or_event_of_another_world() -> None:
    assert {state for state, _ in TABLE} | set(TABLE.values()) == set(STATES)
    assert {event for _, event in TABLE} == set(EVENTS)


@pytest.mark.parametrize("event", ["paper_out", "cover_open", "offline", "unknown"])
def test_nothing_is_sent_to_a_printer_that_does_not_call_itself_ready(event: Event) -> None:
    for state in WAITING:
        assert TABLE[state, event] == state


@pytest.mark.parametrize("state", sorted(WAITING))
def test_what_was_sent_before_is_sent_again_only_as_a_copy(state: State) -> None:
    for event in ("ready", "no_status"):
        assert TABLE[state, event] == ("printing" if state == "ready" else "copying")
    assert TABLE[state, "expired"] == "dropped"


def test_a_copy_is_the_last_try() -> None:
    ends = {event: TABLE["copying", event] for event in (*WORDS, "no_status")}
    assert set(ends.values()) == {"done", "dropped"}
    assert {event for event, state in ends.items() if state == "done"} == {"ready", "no_status"}


def test_no_way_through_the_table_prints_more_than_twice() -> None:
    def tries(state: State, seen: frozenset[State]) -> int:
        most = 0
        for (before, event), after in TABLE.items():
            if before == state and after not in seen and event != "not_sent":
                sent = after in ON_ITS_WAY
                most = max(most, sent + tries(after, seen | {state}))
        return most

    assert tries("ready", frozenset()) == 2


@pytest.mark.parametrize(("state", "event"), list(product(STATES, EVENTS)))
def test_evidence_is_of_what_left_and_says_whether_it_is_sure(state: State, event: Event) -> None:
    reason = reason_of(state, event)
    if state not in {"printing", "copying"} or event == "not_sent":
        assert reason is None
    else:
        assert reason == ("printed" if event == "ready" else "printed_unconfirmed")

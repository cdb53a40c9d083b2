"""The gate, by the clock that the test turns."""

from itertools import count

import pytest

from edge.technician.gate import IDLE_S, LONGEST_WAIT_S, OF_ALL, OF_ONE, SESSIONS, WAIT_S, Gate

PHONE, OTHER = "192.0.2.7", "192.0.2.8"


@pytest.fixture
def gate() -> Gate:
    names = count()
    return Gate("4071", lambda: f"session-{next(names)}")


def fail(gate: Gate, times: int, now: float, address: str = PHONE) -> None:
    for _ in range(times):
        assert gate.enter("0000", address, now) is None


def test_the_right_pin_opens_a_session_of_its_own(gate: Gate) -> None:
    first, second = gate.enter("4071", PHONE, 0), gate.enter("4071", PHONE, 0)
    assert first
    assert second
    assert first != second
    assert gate.knows(first, 1)
    assert gate.knows(second, 1)


@pytest.mark.parametrize("pin", ["", "407", "40710", "4072", "٤٠٧١", "4071\n"])
def test_a_wrong_pin_opens_nothing(gate: Gate, pin: str) -> None:
    assert gate.enter(pin, PHONE, 0) is None
    assert not gate.knows("", 0)


def test_after_five_wrong_ones_even_the_right_pin_waits(gate: Gate) -> None:
    fail(gate, OF_ONE - 1, now=10)
    assert gate.wait(PHONE, 10) == 0
    fail(gate, 1, now=10)
    assert gate.wait(PHONE, 10) == WAIT_S
    assert gate.enter("4071", PHONE, 10 + WAIT_S - 1) is None
    assert gate.enter("4071", OTHER, 10) is not None
    assert gate.enter("4071", PHONE, 10 + WAIT_S) is not None


def test_each_further_wrong_one_doubles_the_wait_up_to_an_hour(gate: Gate) -> None:
    fail(gate, OF_ONE, now=0)
    waits, now = [], 0.0
    for _ in range(6):
        now += gate.wait(PHONE, now)
        fail(gate, 1, now)
        waits.append(gate.wait(PHONE, now))
    assert waits == [600, 1200, 2400, LONGEST_WAIT_S, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_a_try_that_comes_too_early_is_not_looked_at_nor_counted(gate: Gate) -> None:
    fail(gate, OF_ONE + 50, now=0)
    assert gate.wait(PHONE, 0) == WAIT_S


def test_after_twenty_from_anywhere_everybody_waits(gate: Gate) -> None:
    for number in range(OF_ALL):
        fail(gate, 1, 0, f"2001:db8::{number:x}")
    assert gate.wait(OTHER, 0) == WAIT_S
    assert gate.enter("4071", OTHER, 0) is None
    assert gate.enter("4071", OTHER, WAIT_S) is not None
    fail(gate, 1, WAIT_S, "2001:db8::ffff")
    assert gate.wait(OTHER, WAIT_S) == 0  # who knows the PIN begins the count anew


def test_a_session_ends_half_an_hour_after_its_last_use(gate: Gate) -> None:
    session = gate.enter("4071", PHONE, 0)
    assert session is not None
    assert gate.knows(session, IDLE_S)
    assert gate.knows(session, 2 * IDLE_S)
    assert not gate.knows(session, 3 * IDLE_S + 1)
    assert not gate.knows(session, 3 * IDLE_S + 2)


def test_one_session_too_many_ends_the_one_that_was_idle_longest(gate: Gate) -> None:
    opened = [gate.enter("4071", PHONE, now) or "" for now in range(SESSIONS)]
    assert gate.knows(opened[0], SESSIONS)
    assert gate.enter("4071", PHONE, SESSIONS + 1)
    assert gate.knows(opened[0], SESSIONS + 2)
    assert not gate.knows(opened[1], SESSIONS + 2)


def test_it_does_not_tell_its_pin_or_sessions_to_a_log(gate: Gate) -> None:
    session = gate.enter("4071", PHONE, 0)
    assert session is not None
    assert "4071" not in repr(gate)
    assert session not in repr(gate)

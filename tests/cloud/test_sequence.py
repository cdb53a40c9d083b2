import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.sequence import MOST_MISSING, Received, received


@pytest.mark.parametrize(
    ("contiguous", "beyond", "told"),
    [
        (0, [], Received(0, 0, ())),
        (0, [1, 2, 3], Received(3, 3, ())),
        (0, [2], Received(0, 2, (1,))),
        (5, [6, 8, 9, 12], Received(6, 12, (7, 10, 11))),
        (5, [5 + MOST_MISSING + 1], Received(5, 106, tuple(range(6, 106)))),
        # One gap too many: nothing beyond it is acknowledged.
        (5, [5 + MOST_MISSING + 2], Received(5, 5, ())),
        (5, [6, 10**12], Received(6, 6, ())),
    ],
)
def test_an_ack_says_what_is_stored_and_what_is_missing(
    contiguous: int, beyond: list[int], told: Received
) -> None:
    assert received(contiguous, beyond) == told


@given(
    st.integers(0, 1000),
    st.sets(st.one_of(st.integers(1, 60), st.integers(1, 400)), max_size=80),
)
def test_it_is_what_a_list_of_all_numbers_would_say(base: int, offsets: set[int]) -> None:
    stored = {base + offset for offset in offsets}
    told = received(base, sorted(stored))
    upto = base
    for seq in sorted(stored):
        if sum(each not in stored for each in range(base + 1, seq)) > MOST_MISSING:
            break
        upto = seq
    missing = [seq for seq in range(base + 1, upto) if seq not in stored]
    whole = next((seq - 1 for seq in range(base + 1, upto + 2) if seq not in stored), base)
    assert told == Received(whole, upto, tuple(missing))


@given(st.sets(st.integers(1, 10**6), max_size=40))
def test_nothing_that_is_not_stored_is_ever_acknowledged(stored: set[int]) -> None:
    told = received(0, sorted(stored))
    if told.upto < 2000:
        acknowledged = set(range(1, told.upto + 1)) - set(told.missing)
        assert acknowledged == {seq for seq in stored if seq <= told.upto}
    assert len(told.missing) <= MOST_MISSING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.sequence import MOST_MISSING, Received, received


def runs(seqs: list[int]) -> list[tuple[int, int]]:
    """The first and last of each unbroken run."""
    found: list[tuple[int, int]] = []
    for seq in seqs:
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


@pytest.mark.parametrize(
    ("contiguous", "beyond", "told"),
    [
        (0, [], Received(0, 0, ())),
        (0, [1, 2, 3], Received(3, 3, ())),
        (0, [2], Received(0, 2, (1,))),
        (5, [6, 8, 9, 12], Received(6, 12, (7, 10, 11))),
        (5, [5 + MOST_MISSING + 1], Received(5, 106, tuple(range(6, 106)))),
        # More gaps than an ack may name: it speaks of the sequence up to the last one named.
        (5, [5 + MOST_MISSING + 2], Received(5, 105, tuple(range(6, 106)))),
        (5, [6, 10**12], Received(6, 106, tuple(range(7, 107)))),
        (0, [2, 2 + MOST_MISSING + 5], Received(0, 101, (1, *range(3, 102)))),
    ],
)
def test_an_ack_says_what_is_stored_and_what_is_missing(
    contiguous: int, beyond: list[int], told: Received
) -> None:
    assert received(contiguous, runs(beyond)) == told


@given(
    st.integers(0, 1000),
    st.sets(st.one_of(st.integers(1, 60), st.integers(1, 400)), max_size=80),
)
def test_it_is_what_a_list_of_all_numbers_would_say(base: int, offsets: set[int]) -> None:
    stored = {base + offset for offset in offsets}
    told = received(base, runs(sorted(stored)))
    last = max(stored, default=base)
    absent = [seq for seq in range(base + 1, last) if seq not in stored]
    whole = next((seq - 1 for seq in range(base + 1, last + 2) if seq not in stored), base)
    assert (told.contiguous, told.missing) == (whole, tuple(absent[:MOST_MISSING]))
    assert told.upto == (last if len(absent) <= MOST_MISSING else told.upto)
    assert all(seq in stored or seq in told.missing for seq in range(base + 1, told.upto + 1))


@given(st.sets(st.integers(1, 10**6), max_size=40))
def test_nothing_that_is_not_stored_is_ever_acknowledged(stored: set[int]) -> None:
    told = received(0, runs(sorted(stored)))
    if told.upto < 2000:
        acknowledged = set(range(1, told.upto + 1)) - set(told.missing)
        assert acknowledged == {seq for seq in stored if seq <= told.upto}
    assert len(told.missing) <= MOST_MISSING

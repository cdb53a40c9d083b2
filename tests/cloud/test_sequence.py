import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.sequence import MOST_ALSO, MOST_MISSING, Received, holes, received


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
        # What lies beyond is told by its runs: live sales that overtook a backlog.
        (5, [5 + MOST_MISSING + 2], Received(5, 105, tuple(range(6, 106)), ((107, 107),))),
        (5, [6, 10**12], Received(6, 106, tuple(range(7, 107)), ((10**12, 10**12),))),
        (0, [2, 107, 108, 109], Received(0, 101, (1, *range(3, 102)), ((107, 109),))),
        (0, [500, 501, 700], Received(0, 100, tuple(range(1, 101)), ((500, 501), (700, 700)))),
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


SPARSE = st.sets(st.integers(1, 10**6), max_size=40)
SCATTERED = st.tuples(st.integers(1, 200), st.integers(1, 3), st.integers(0, 300)).map(
    lambda each: set(range(each[0], each[0] + each[1] * each[2], each[1]))
)


@given(SPARSE | SCATTERED | st.tuples(SPARSE, SCATTERED).map(lambda both: both[0] | both[1]))
def test_an_ack_says_of_no_sale_that_it_is_stored_but_of_those_that_are(stored: set[int]) -> None:
    told = received(0, runs(sorted(stored)))
    named = {seq for first, last in told.also for seq in range(first, last + 1)}
    assert named <= {seq for seq in stored if seq > told.upto}
    if told.upto < 2000:
        acknowledged = set(range(1, told.upto + 1)) - set(told.missing)
        assert acknowledged == {seq for seq in stored if seq <= told.upto}
    assert len(told.missing) <= MOST_MISSING


@given(SPARSE | SCATTERED, st.integers(0, 150))
def test_the_runs_beyond_are_the_highest_each_whole_and_each_once(
    stored: set[int], base: int
) -> None:
    beyond = {base + seq for seq in stored}
    told = received(base, runs(sorted(beyond)))
    above = runs([seq for seq in sorted(beyond) if seq > told.upto])
    assert list(told.also) == above[-MOST_ALSO:]


@given(SPARSE | SCATTERED)
def test_the_lowest_and_the_highest_runs_tell_what_all_of_them_tell(stored: set[int]) -> None:
    every = runs(sorted(stored))
    descending = every[::-1][:MOST_ALSO]
    assert received(0, every[: MOST_MISSING + 1], descending) == received(0, every)


@given(st.sets(st.integers(1, 60)), st.integers(0, 80))
def test_what_is_stored_and_the_holes_between_it_are_the_whole(stored: set[int], upto: int) -> None:
    begun = [run for run in runs(sorted(stored)) if run[0] <= upto]
    absent = [seq for seq in range(1, upto + 1) if seq not in stored]
    assert holes(begun, upto) == runs(absent)

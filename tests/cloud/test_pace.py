"""A register takes so many receipts a second."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.pace import Pace


def test_one_receipt_a_second_and_one_at_once_after_a_rest() -> None:
    pace = Pace.full(1.0, 100.0)
    assert pace.ready == 1
    sent = pace.taken(1)
    assert (sent.ready, sent.wait_s) == (0, 1.0)
    assert sent.filled(100.5).wait_s == 0.5
    assert sent.filled(3600.0).ready == 1


def test_what_went_beyond_it_is_waited_for() -> None:
    assert Pace.full(2.0, 0.0).taken(4).wait_s == 1.5


@given(
    rate=st.floats(0.1, 1000),
    steps=st.lists(st.floats(0, 10, allow_subnormal=False), max_size=50),
)
def test_however_often_it_is_asked_no_more_go_than_the_rate_and_one_burst(
    rate: float, steps: list[float]
) -> None:
    now, gone = 0.0, 0
    pace = Pace.full(rate, now)
    for step in steps:
        now += step
        pace = pace.filled(now)
        gone += pace.ready
        pace = pace.taken(pace.ready)
    assert gone <= now * rate + max(1.0, rate) + 1e-6

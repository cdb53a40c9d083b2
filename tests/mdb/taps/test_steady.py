import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.taps.steady import LATEST_S, Steady


def test_differences_are_the_device_s_own() -> None:
    steady = Steady()
    first = steady.at(10.0, 1000.0)
    assert steady.at(10.25, 1000.3) - first == pytest.approx(0.25)  # 50 ms late, and no matter


def test_a_line_that_came_quicker_says_how_the_clocks_stand() -> None:
    steady = Steady()
    steady.at(10.0, 1000.3)  # this one was late
    assert steady.at(11.0, 1001.0) == 1001.0
    assert steady.at(12.0, 1002.2) == pytest.approx(1002.0)


@pytest.mark.parametrize("told", [0.0, 4_294_967.0, 9.0, 1e12])
def test_a_clock_that_wraps_or_starts_again_is_set_anew(told: float) -> None:
    steady = Steady()
    steady.at(5000.0, 1000.0)
    assert steady.at(told, 1001.0) == 1001.0
    assert steady.at(told + 0.5, 1001.6) == pytest.approx(1001.5)


def test_a_clock_that_runs_slow_is_followed() -> None:
    steady = Steady()
    for second in range(2000):
        at = steady.at(second * 0.999, 1000.0 + second)
        assert 1000 + second - LATEST_S <= at <= 1000 + second


@given(st.lists(st.tuples(st.floats(0, 1e10), st.floats(0, 10)), max_size=50))
def test_no_line_is_from_the_future_or_from_long_ago(lines: list[tuple[float, float]]) -> None:
    steady, heard = Steady(), 1000.0
    for told, later in lines:
        heard += later
        assert heard - LATEST_S <= steady.at(told, heard) <= heard

"""Money, times and ages as people read and write them."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.desk.words import age, counted, kopecks, moment, next_step, printable, roubles, table
from cloud.errors import ConfigError


@given(st.integers(0, 10**10 - 1))
def test_an_amount_is_read_as_it_was_written(amount: int) -> None:
    assert kopecks(roubles(amount)) == amount


@pytest.mark.parametrize(("text", "amount"), [("120", 12000), ("120,50", 12050), (" 0.05 ", 5)])
def test_an_amount_may_be_written_in_more_than_one_way(text: str, amount: int) -> None:
    assert kopecks(text) == amount


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1.234", "1e3", "١", "1 000", "999999999"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no amount"):
        kopecks(text)


def test_less_than_nothing_has_its_sign() -> None:
    assert (roubles(-5), roubles(-12010)) == ("-0.05", "-120.10")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"),
     (172_799, "47 h"), (172_800, "2 d"), (8_640_000, "100 d")],
)  # fmt: skip
def test_an_age_is_told_in_its_own_unit(seconds: int, told: str) -> None:
    assert age(0, seconds * 1000) == told


def test_a_moment_has_its_zone() -> None:
    assert moment(1_700_000_000_000) == "2023-11-14 22:13:20 UTC"
    assert moment(1_700_000_000_000, ZoneInfo("Europe/Moscow")) == "2023-11-15 01:13:20 +03:00"
    assert moment(1_700_000_000_000, ZoneInfo("America/New_York")) == "2023-11-14 17:13:20 -05:00"


def test_a_reason_ends_with_the_next_step() -> None:
    assert (
        next_step("unknown: python -m cloud machine add x …") == "python -m cloud machine add x …"
    )
    assert next_step("refused") == ""


def test_counts_and_columns() -> None:
    assert (counted(1, "sale"), counted(2, "sale")) == ("1 sale", "2 sales")
    assert table([("a", "10"), ("bcd", "5")], right=[1]) == ["a    10", "bcd   5"]
    assert table([]) == []
    assert printable("a\x1b\n") == "a��"

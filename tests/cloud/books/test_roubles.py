import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.books.roubles import MOST, kopecks, roubles


@given(st.integers(0, MOST))
def test_an_amount_is_read_as_it_is_written(amount: int) -> None:
    assert kopecks(roubles(amount)) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("120", 12000), ("120.5", 12050), ("1 200,50", 120050), ("1\xa0200", 120000), ("0.07", 7)],
)
def test_an_amount_is_written_as_people_do(text: str, amount: int) -> None:
    assert kopecks(text) == amount


@pytest.mark.parametrize(
    "text", ["", "-1", "1.005", "1e3", "12,", "٣", "10000000.01", "1.2.3", "p"]
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected roubles, such as 120 or 120.50"):
        kopecks(text)

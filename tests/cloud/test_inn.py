import pytest
from hypothesis import given
from hypothesis import strategies as st
from stall import inns

from cloud.inn import is_inn


@pytest.mark.parametrize(
    "inn",
    # Companies of the reference, and a person of nobody's.
    ["7708806062", "9715260691", "7709364346", "7841465198", "7605016030", "500100732259"],
)
def test_a_number_with_the_right_control_digits_is_one(inn: str) -> None:
    assert is_inn(inn)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7708806063",
        "500100732258",
        # The last digit is right for the wrong one before it.
        "500100732266",
        "77088060",
        "07708806062",
        "7708806062 ",
        "7708806062\n",
        "٧٧٠٨٨٠٦٠٦٢",
        # Their sums are right, and there is no such region.
        "0000000000",
        "000000000000",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_inn(text)


@given(inns, st.data())
def test_one_wrong_digit_is_always_noticed(inn: str, data: st.DataObject) -> None:
    assert is_inn(inn)
    place = data.draw(st.integers(0, len(inn) - 1))
    # A control digit of 10 is written 0, so that a wrong digit can hide behind a right nought.
    other = data.draw(st.sampled_from([each for each in "0123456789" if each != inn[place]]))
    wrong = inn[:place] + other + inn[place + 1 :]
    hidden = any(_rest(inn, end) == 10 or _rest(wrong, end) == 10 for end in _ends(inn))
    assert hidden or not is_inn(wrong)


def _ends(inn: str) -> tuple[int, ...]:
    return (9,) if len(inn) == 10 else (10, 11)


def _rest(inn: str, end: int) -> int:
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)[-end:]
    return sum(int(digit) * weight for digit, weight in zip(inn[:end], weights, strict=True)) % 11

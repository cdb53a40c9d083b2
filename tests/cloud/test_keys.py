"""The key of an attempt: the sale's id alone for the first, the id and a suffix for later ones."""

import pytest

from cloud.keys import key_of
from cloud.receipt import Purpose

SALE = "0193a5d2-7c1e-7b54-9d0e-000000000001"


@pytest.mark.parametrize(
    ("purpose", "number", "suffix"),
    [
        (Purpose.INCOME, 0, ""),
        (Purpose.INCOME, 1, "-1"),
        (Purpose.INCOME, 12, "-12"),
        (Purpose.INCOME_RETURN, 0, "-r"),
        (Purpose.INCOME_RETURN, 2, "-r2"),
        (Purpose.CORRECTION, 0, "-c"),
        (Purpose.CORRECTION, 1, "-c1"),
    ],
)
def test_a_key_says_its_sale_its_purpose_and_its_number(
    purpose: Purpose, number: int, suffix: str
) -> None:
    assert key_of(SALE, purpose, number) == SALE + suffix


def test_no_two_attempts_of_a_sale_have_one_key() -> None:
    keys = [key_of(SALE, purpose, number) for purpose in Purpose for number in range(20)]
    assert len(set(keys)) == len(keys)

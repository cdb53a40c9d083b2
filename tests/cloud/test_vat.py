from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.vat import VatRate, included, is_law, rate_on


@pytest.mark.parametrize(
    ("name", "day", "rate"),
    [
        ("standard", date(2025, 12, 31), VatRate.VAT_20),
        ("standard", date(2026, 1, 1), VatRate.VAT_22),
        ("standard", date(2019, 1, 1), VatRate.VAT_20),
        ("none", date(2026, 1, 1), VatRate.NONE),
        ("0", date(2026, 1, 1), VatRate.VAT_0),
        ("10", date(2024, 1, 1), VatRate.VAT_10),
        ("5", date(2024, 12, 31), None),
        ("7", date(2024, 12, 31), None),
        ("5", date(2025, 1, 1), VatRate.VAT_5),
        ("7", date(2025, 1, 1), VatRate.VAT_7),
    ],
)
def test_the_rate_is_the_law_of_the_day(name: str, day: date, rate: VatRate | None) -> None:
    assert rate_on(name, day) is rate


@pytest.mark.parametrize(
    ("rate", "vat"),
    [
        (VatRate.VAT_22, 2164),
        (VatRate.VAT_20, 2000),
        (VatRate.VAT_10, 1091),
        (VatRate.VAT_5, 571),
        (VatRate.VAT_7, 785),
        (VatRate.VAT_0, 0),
        (VatRate.NONE, 0),
    ],
)
def test_the_vat_inside_120_roubles(rate: VatRate, vat: int) -> None:
    assert included(12000, rate) == vat


@given(st.integers(0, 10**12), st.sampled_from(VatRate))
def test_a_sum_is_rounded_half_up_to_the_kopeck(gross: int, rate: VatRate) -> None:
    percent = rate.percent or 0
    exact = Fraction(gross * percent, 100 + percent)
    assert Fraction(-1, 2) < included(gross, rate) - exact <= Fraction(1, 2)


def test_half_a_kopeck_goes_up() -> None:
    assert included(3, VatRate.VAT_20) == 1  # 3 × 20 / 120 = 0.5


@given(
    st.sampled_from(["none", "0", "5", "7", "10", "standard"]),
    st.dates(date(2019, 1, 1), date(2100, 1, 1)),
)
def test_what_is_named_by_a_rate_is_law_on_that_day(name: str, day: date) -> None:
    rate = rate_on(name, day)
    assert rate is None or is_law(rate, day)


@pytest.mark.parametrize(
    ("rate", "day", "lawful"),
    [
        (VatRate.VAT_20, date(2018, 12, 31), False),
        (VatRate.VAT_20, date(2019, 1, 1), True),
        (VatRate.VAT_20, date(2025, 12, 31), True),
        (VatRate.VAT_20, date(2026, 1, 1), False),
        (VatRate.VAT_22, date(2025, 12, 31), False),
        (VatRate.VAT_22, date(2026, 1, 1), True),
        (VatRate.VAT_5, date(2024, 12, 31), False),
        (VatRate.VAT_7, date(2025, 1, 1), True),
        (VatRate.VAT_10, date(2000, 1, 1), True),
    ],
)
def test_a_rate_is_law_from_a_day_to_another(
    rate: VatRate,
    day: date,
    lawful: bool,  # noqa: FBT001, a table's column
) -> None:
    assert is_law(rate, day) is lawful


def test_every_rate_has_its_number_in_the_format() -> None:
    assert {rate.value: rate.percent for rate in VatRate} == {
        1: 20,
        2: 10,
        5: 0,
        6: None,
        7: 5,
        8: 7,
        11: 22,
    }

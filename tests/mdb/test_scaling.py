import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.money import Money
from mdb.scaling import Scaling, currency_of


@pytest.mark.parametrize(
    ("code", "currency"),
    [
        ("1643", "RUB"),
        ("1810", "RUB"),  # the rouble before 1998, still announced
        ("1978", "EUR"),
        ("1840", "USD"),
        ("1756", "CHF"),
        ("0007", None),  # a telephone code
        ("0972", None),
        ("FFFF", None),
        ("1E39", None),  # no BCD
        ("1999", None),  # nobody's
        ("2643", None),
        ("16", None),
        ("", None),
    ],
)
def test_a_currency_code_is_bcd_with_a_leading_one(code: str, currency: str | None) -> None:
    assert currency_of(bytes.fromhex(code)) == currency


@pytest.mark.parametrize(
    ("scaling", "units", "money"),
    [
        # Three ways to say 10.00: scale 10 without decimals, 100 with one, 1000 with two.
        (Scaling(10, 0, "RUB"), 1, Money(1000, "RUB")),
        (Scaling(100, 1, "RUB"), 1, Money(1000, "RUB")),
        (Scaling(1000, 2, "RUB"), 1, Money(1000, "RUB")),
        # The standard's own example: 7 units of 5 are 0.35.
        (Scaling(5, 2, "EUR"), 7, Money(35, "EUR")),
        (Scaling(10, 2, None), 1251, Money(12510, None)),
        (Scaling(1, 0, "JPY"), 150, Money(150, "JPY")),
        (Scaling(100, 2, "JPY"), 150, Money(150, "JPY")),
        (Scaling(10, 3, "EUR"), 15, Money(15, "EUR")),
        (Scaling(1, 3, "EUR"), 0, Money(0, "EUR")),
    ],
)
def test_units_become_minor_units(scaling: Scaling, units: int, money: Money) -> None:
    assert scaling.money(units) == money


@pytest.mark.parametrize("scaling", [Scaling(1, 3, "EUR"), Scaling(1, 2, "JPY")])
def test_what_does_not_come_out_whole_is_unknown(scaling: Scaling) -> None:
    assert scaling.money(15) is None


@given(scale=st.integers(0, 255), decimals=st.integers(0, 255), units=st.integers(0, 0xFFFF))
def test_any_scaling_gives_a_whole_sum_or_none(scale: int, decimals: int, units: int) -> None:
    money = Scaling(scale, decimals, "RUB").money(units)
    assert money is None or money.minor * 10**decimals == units * scale * 100

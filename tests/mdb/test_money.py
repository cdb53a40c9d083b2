import pytest

from mdb.money import Money, exponent


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(12510, "RUB"), "125.10 RUB"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(0, "RUB"), "0.00 RUB"),
        (Money(-150, "EUR"), "-1.50 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(150, None), "1.50"),
        (Money(150, "JPY"), "150 JPY"),
        (Money(0, "JPY"), "0 JPY"),
        (Money(1500, "KWD"), "1.500 KWD"),
    ],
)
def test_money_is_written_in_major_units(money: Money, text: str) -> None:
    assert str(money) == text


def test_an_unknown_currency_has_two_digits() -> None:
    assert exponent(None) == exponent("XXX") == 2


def test_the_same_sum_in_another_currency_is_other_money() -> None:
    assert Money(100, "RUB") != Money(100, None)

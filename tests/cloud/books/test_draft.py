import pytest
from stall import a_machine, a_product, an_operator

from cloud.books.draft import differences, drafted
from cloud.books.kinds import Thing
from cloud.fleet import Machine, Operator, Policies, Product, Register


def test_what_is_not_said_stays() -> None:
    before = a_product(vat="10", gtin="04600439931256")
    after = drafted(Product, before, {"vat": "none"})
    assert after == a_product(vat="none", gtin="04600439931256")


def test_of_the_policies_too_only_what_is_said_changes() -> None:
    before = an_operator(policies=Policies(late="receipt", most=100))
    after = drafted(Operator, before, {"policies": {"late": None, "fiscalise_cash": False}})
    assert after.policies == Policies(most=100, fiscalise_cash=False)


def test_of_the_settings_too() -> None:
    before = Register(id="main", operator="coffee", provider="komtet", settings={"queue": 7})
    after = drafted(Register, before, {"settings": {"shop_id": "1", "queue": None}})
    assert after.settings == {"shop_id": "1"}


def test_what_is_new_lacks_what_has_no_default() -> None:
    with pytest.raises(ValueError, match=r"is new, and lacks planogram, address, place$"):
        drafted(Machine, None, {"id": "vm-1", "operator": "coffee", "register": "main"})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (a_product(vat="none"), a_product(vat="10"), ["vat: none -> 10"]),
        (a_machine(internet=True), a_machine(number="7"), ["number: - -> 7", "internet: yes -> -"]),
        (
            a_machine(),
            a_machine(policies=Policies(most=12050, fiscalise_cash=False)),
            ["policies.fiscalise_cash: - -> no", "policies.most: - -> 120.50"],
        ),
        (a_machine(), a_machine(), []),
    ],
)
def test_a_difference_is_told_with_both_sides(before: Thing, after: Thing, said: list[str]) -> None:
    assert list(differences(before, after)) == said  # type: ignore[type-var]

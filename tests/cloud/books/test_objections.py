from datetime import date

import pytest
from stall import a_machine, a_product, a_shelf, an_operator

from cloud.books.kinds import Thing
from cloud.books.objections import objections

OSN = an_operator(taxation="osn")


@pytest.mark.parametrize(
    ("thing", "column"),
    [
        (a_machine(id="m" * 21), "number"),
        (a_product(marking="gtin_vend"), "gtin"),
        (a_product(marking="full_code", subject="service"), "marking"),
        (a_product(vat="5"), "vat"),
        (a_shelf(valid_from=date(2026, 1, 2), valid_until=date(2026, 1, 2)), "valid_until"),
        (a_shelf(price_min=2, price_max=1), "price_min"),
    ],
)
def test_what_would_stop_every_sale_is_said_before(thing: Thing, column: str) -> None:
    assert [each for each, _ in objections(thing, OSN)] == [column]


@pytest.mark.parametrize(
    "thing",
    [
        a_machine(id="m" * 21, number="7"),
        a_product(marking="gtin_vend", gtin="04600439931256"),
        a_product(vat="10"),
        a_shelf(price_min=1, price_max=1),
        a_shelf(price_min=1),
        OSN,
    ],
)
def test_what_is_right_is_let_by(thing: Thing) -> None:
    assert not list(objections(thing, OSN))


def test_reduced_vat_is_of_the_simplified_system() -> None:
    assert not list(objections(a_product(vat="7"), an_operator(taxation="usn_income")))

"""Returns and corrections: what they keep of their receipt, and what they add."""

from dataclasses import replace
from datetime import date

import msgspec
import pytest
from stall import ARRIVAL, a_product, a_sale, a_site, under

from cloud.fiscal import FiscalDocument
from cloud.intake import Placed, correction_of, place, return_of
from cloud.receipt import Cause, Purpose, Receipt
from cloud.validator import problems
from cloud.vat import VatRate

DOCUMENT = FiscalDocument("9999078900000001", 7, 314159265, "20251231T1842", 12010)
CAME_BACK = "2026-11-24T09:00:00"


def the_receipt_of_last_year() -> Receipt:
    placed = place(a_sale(sold_at="2025-12-31T15:42:10Z"), under(late="receipt"), ARRIVAL)
    assert isinstance(placed, Placed)
    assert placed.receipt.vat is VatRate.VAT_20
    return placed.receipt


def test_a_return_is_its_receipt_with_another_sign_and_the_receipts_own_as_its_reason() -> None:
    receipt = the_receipt_of_last_year()
    assert return_of(receipt, DOCUMENT, CAME_BACK) == msgspec.structs.replace(
        receipt, purpose=Purpose.INCOME_RETURN, sold_at=CAME_BACK, basis="314159265"
    )


@pytest.mark.parametrize(
    ("paid", "total", "returned"),
    [
        ((12010, 0), 12010, (12010, 0)),
        ((0, 12010), 12010, (0, 12010)),
        ((2010, 10000), 12010, (2010, 10000)),
        # The register recorded another sum: a person has said so, or the provider.
        ((12010, 0), 12000, (12000, 0)),
        ((0, 12010), 15000, (0, 15000)),
        ((2010, 10000), 12000, (2000, 10000)),
        ((2010, 10000), 15000, (5000, 10000)),
        ((2010, 10000), 9000, (0, 9000)),
    ],
)
def test_what_was_recorded_is_returned_and_as_it_was_paid(
    paid: tuple[int, int], total: int, returned: tuple[int, int]
) -> None:
    receipt = msgspec.structs.replace(the_receipt_of_last_year(), cash=paid[0], cashless=paid[1])
    back = return_of(receipt, replace(DOCUMENT, total=total), CAME_BACK)
    assert (back.amount, back.cash, back.cashless) == (total, *returned)
    assert problems(back, date(2026, 11, 24)) == ()


def test_a_return_keeps_the_rate_that_is_no_longer_law() -> None:
    returned = return_of(the_receipt_of_last_year(), DOCUMENT, CAME_BACK)
    assert problems(returned, date(2026, 11, 24)) == ()


def test_a_correction_names_its_day_and_keeps_the_law_of_it() -> None:
    receipt = the_receipt_of_last_year()
    corrected = correction_of(receipt, date(2025, 12, 31), by_order=True, number="7/Д")
    assert corrected == msgspec.structs.replace(
        receipt,
        purpose=Purpose.CORRECTION,
        cause=Cause(by_order=True, day="2025-12-31", number="7/Д"),
    )
    assert problems(corrected, date(2026, 11, 24)) == ()


def test_a_correction_can_be_returned_like_any_receipt() -> None:
    placed = place(a_sale(sold_at="2025-12-31T15:42:10Z"), under(late="correction"), ARRIVAL)
    assert isinstance(placed, Placed)
    assert placed.receipt.purpose is Purpose.CORRECTION
    returned = return_of(placed.receipt, DOCUMENT, CAME_BACK)
    assert (returned.purpose, returned.cause) == (Purpose.INCOME_RETURN, None)
    assert problems(returned, date(2026, 11, 24)) == ()


def test_what_is_returned_is_corrected_without_the_returns_reason() -> None:
    placed = place(a_sale(), a_site(a_product()), ARRIVAL)
    assert isinstance(placed, Placed)
    returned = return_of(placed.receipt, DOCUMENT, CAME_BACK)
    assert correction_of(returned, date(2026, 11, 23), by_order=False).basis == ""

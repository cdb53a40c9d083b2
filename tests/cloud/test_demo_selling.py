"""Three ledgers held against each other: what a demo may say of itself."""

import json
from typing import Any

import pytest

from cloud.demo.selling import Summary, summarize

Ledger = list[dict[str, Any]]
WAITS_MS = [400, 100, 300, 200]


def ledgers(sales: int = 4) -> tuple[Ledger, Ledger, Ledger]:
    """Machine, register and display of a day on which all went well."""
    machine = [{"at": 10.0 * number, "price": 9000 + number} for number in range(sales)]
    register = [
        {"key": f"sale-{number}", "qr": f"qr-{number}", "total": 9000 + number}
        for number in range(sales)
    ]
    display = [
        picture
        for number in range(sales)
        for picture in (
            {"kind": "making", "sale_id": f"sale-{number}", "qr": None, "painted_at": 0},
            {
                "kind": "ready",
                "sale_id": f"sale-{number}",
                "qr": f"qr-{number}",
                "painted_at": 10.0 * number + WAITS_MS[number] / 1000,
            },
        )
    ]
    return machine, register, display


def summary(machine: Ledger, register: Ledger, display: Ledger) -> Summary:
    return summarize(machine, register, display)


def test_a_good_day_is_good() -> None:
    told = summary(*ledgers())
    assert told == Summary(4, 4, 0, 0, 0, p50_ms=250.0, p95_ms=400.0)
    assert told.good


def test_nothing_was_sold_and_nothing_is_wrong() -> None:
    assert summary([], [], []) == Summary(0, 0, 0, 0, 0, 0.0, 0.0)


def test_a_second_document_for_a_sale_is_a_duplicate() -> None:
    machine, register, display = ledgers()
    told = summary(machine, [*register, {**register[1], "qr": "qr-9"}], display)
    assert (told.duplicates, told.lost, told.good) == (1, 0, False)


def test_a_sale_without_a_document_is_lost() -> None:
    machine, register, display = ledgers()
    told = summary(machine, register[:-1], display)
    assert (told.sales, told.receipts, told.lost, told.wrong) == (4, 3, 1, 1)
    assert not told.good


def test_a_duplicate_does_not_hide_a_loss() -> None:
    machine, register, display = ledgers()
    told = summary(machine, [*register[:-1], register[0]], display)
    assert (told.duplicates, told.lost, told.good) == (1, 1, False)


def test_a_later_attempt_is_of_the_same_sale() -> None:
    sale_id = "0193a5d2-7c1e-7b54-9d0e-000000000001"
    machine, register, display = ledgers(1)
    register[0]["key"] = f"{sale_id}-1"
    for picture in display:
        picture["sale_id"] = sale_id
    assert summary(machine, register, display).good
    first = {**register[0], "key": sale_id}
    assert summary(machine, [*register, first], display).duplicates == 1


def test_a_document_of_a_sale_that_never_was_is_not_good() -> None:
    machine, register, display = ledgers()
    stray = {"key": "nobody's", "qr": "qr-9", "total": 1}
    assert not summary(machine, [*register, stray], display).good
    assert not summary(machine, [*register[:-1], stray], display).good


@pytest.mark.parametrize(
    ("ledger", "index", "changed"),
    [
        (2, 3, {"qr": "qr-0"}),
        (2, 3, {"sale_id": "sale-0"}),
        (2, 3, {"sale_id": "nobody's"}),
        (1, 1, {"total": 1}),
        (0, 1, {"price": 1}),
    ],
    ids=["another's QR", "another's sale", "a stranger's sale", "another sum", "another price"],
)
def test_a_picture_that_is_not_of_its_sale_is_wrong(
    ledger: int, index: int, changed: dict[str, object]
) -> None:
    told = ledgers()
    told[ledger][index].update(changed)
    found = summary(*told)
    assert (found.wrong, found.good) == (1, False)


def test_a_receipt_that_nobody_saw_is_not_good() -> None:
    machine, register, display = ledgers()
    told = summary(machine, register, display[:-1])
    assert (told.receipts, told.lost, told.good) == (3, 0, False)


def test_a_picture_that_is_still_being_made_is_no_receipt() -> None:
    machine, register, display = ledgers()
    making = [picture for picture in display if picture["kind"] == "making"]
    assert summary(machine, register, making).receipts == 0


def test_the_slowest_of_a_few_is_their_95th() -> None:
    machine, register, display = ledgers(1)
    assert summary(machine, register, display).p95_ms == 400.0


def test_it_is_written_on_one_line() -> None:
    text = summary(*ledgers()).as_json()
    assert "\n" not in text
    assert json.loads(text)["duplicates"] == 0

"""What the provider checks before it takes a receipt, each with its own code."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import INN

from cloud.emulators.checks import problem

GOOD: dict[str, Any] = {
    "Inn": INN,
    "Type": "Income",
    "CustomerReceipt": {
        "Items": [
            {"Label": "Кофе", "Price": 0.1, "Quantity": 3, "Amount": 0.3}
            | {"Vat": 22, "Method": 4, "Object": 1},
            {"Label": "Ч" * 128, "Price": 120, "Quantity": 1, "Amount": 120}
            | {"Vat": None, "Method": 1, "Object": 4},
        ],
        "TaxationSystem": 0,
        "Amounts": {"Electronic": 100, "Cash": 20.3, "Credit": None},
        "Email": "",
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    told = copy.deepcopy(GOOD)
    inner: Any = told
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        inner = inner[step]
    inner[last] = value
    return told


def test_a_good_receipt_is_taken() -> None:
    assert problem(GOOD, None) is None
    assert problem(GOOD, INN) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("CustomerReceipt.Email", "buyer@example.ru"),
        # Change was given: cash may be more than the total.
        ("CustomerReceipt.Amounts", {"Cash": 500}),
        ("CustomerReceipt.Amounts", {"Electronic": 120.3}),
        ("CustomerReceipt.Items.0.Vat", 122),
        ("CustomerReceipt.TaxationSystem", 5),
    ],
)
def test_this_is_good_too(path: str, value: object) -> None:
    assert problem(changed(path, value), INN) is None


R, I = "CustomerReceipt", "CustomerReceipt.Items.0"  # noqa: E741


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("Inn", None, 11),
        ("Inn", "7700000000", -1),
        ("Type", "Gift", 27),
        ("Type", ["Income"], 27),
        (R, None, 12),
        (R, [], 12),
        (f"{R}.Items", [], 12),
        (f"{R}.Items", "кофе", 27),
        (f"{R}.Items", [None], 27),
        (f"{R}.TaxationSystem", 6, 27),
        (f"{R}.TaxationSystem", {}, 27),
        (f"{R}.Amounts", {}, 13),
        (f"{R}.Amounts", [], 27),
        (f"{R}.Amounts", None, 27),
        (f"{R}.Amounts", {"Electronic": 120.29}, 13),
        (f"{R}.Amounts", {"Electronic": 120.31}, 14),
        (f"{R}.Amounts", {"Electronic": 60.31, "AdvancePayment": 60}, 14),
        (f"{R}.Amounts", {"Electronic": "much"}, 27),
        (f"{R}.Amounts", {"Cash": float("inf")}, 27),
        (f"{R}.Email", "nobody", 24),
        (f"{R}.Email", 1, 27),
        (f"{I}.Label", "", 27),
        (f"{I}.Label", "Ч" * 129, 27),
        (f"{I}.Vat", 18, 27),
        (f"{I}.Vat", [22], 27),
        (f"{I}.Method", 0, 27),
        (f"{I}.Object", "1", 27),
        (f"{I}.Price", 0.101, 23),
        (f"{I}.Price", float("nan"), 27),
        (f"{I}.Amount", 0.31, 27),
        (f"{I}.Quantity", 2, 27),
    ],
)
def test_the_first_thing_wrong_has_its_code(path: str, value: object, code: int) -> None:
    found = problem(changed(path, value), INN)
    assert found is not None
    assert found[0] == code
    assert found[1]


@pytest.mark.parametrize("told", [None, [], "x", 1, {}])
def test_what_is_no_receipt_has_a_code_too(told: object) -> None:
    assert problem(told, None) in {(26, "Данные не заполнены"), (11, "Не указан ИНН")}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Electronic", "Label", "Items"]), inner)
    ),
    max_leaves=5,
)


@given(
    st.sampled_from(
        [*GOOD, *(f"{R}.{key}" for key in GOOD[R]), *(f"{I}.{key}" for key in GOOD[R]["Items"][0])]
    ),
    anything,
)
def test_nothing_that_is_sent_makes_it_fall(path: str, value: object) -> None:
    found = problem(changed(path, value), INN)
    assert found is None or isinstance(found[0], int)

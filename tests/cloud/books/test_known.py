from typing import Any

import pytest
from stall import a_machine, an_operator

from cloud.books.kinds import MACHINE, SHELF, Kind, Thing
from cloud.books.known import Known, only

KNOWN = Known(
    version=1,
    operators={"coffee": an_operator(), "tea": an_operator(id="tea")},
    registers={"main": "coffee", "leaf": "tea"},
    planograms={("coffee", "hot")},
    products={("coffee", "cappuccino")},
)


@pytest.mark.parametrize(
    ("told", "otherwise", "before", "operator"),
    [
        ({"operator": "tea", "register": "main"}, "coffee", None, "tea"),
        ({"register": "main"}, "tea", None, "tea"),
        ({"register": "leaf"}, None, a_machine(), "tea"),
        ({}, None, a_machine(), "coffee"),
    ],
)
def test_whose_it_is_is_said_or_follows(
    told: dict[str, Any], otherwise: str | None, before: Thing | None, operator: str
) -> None:
    assert KNOWN.whose(told, otherwise, before) == operator


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"operator": "milk"}, "'milk' is no operator; add it first"),
        ({}, "the operators are coffee, tea: say which one"),
    ],
)
def test_whose_it_is_cannot_be_guessed(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KNOWN.whose(told, None, None)


def test_the_only_operator_is_meant() -> None:
    assert only(["coffee"]) == "coffee"
    with pytest.raises(ValueError, match="there is no operator yet: python -m cloud operator add"):
        only([])


@pytest.mark.parametrize(
    ("kind", "told", "before", "columns"),
    [
        (MACHINE, {"register": "main", "planogram": "hot"}, None, []),
        (MACHINE, {"register": "leaf", "planogram": "hot"}, None, ["register"]),
        (MACHINE, {"register": "none", "planogram": "none"}, None, ["register", "planogram"]),
        (MACHINE, {}, a_machine(), []),
        (MACHINE, {}, a_machine(planogram="gone"), ["planogram"]),
        (SHELF, {"product": "cappuccino"}, None, []),
        (SHELF, {"product": "cola"}, None, ["product"]),
    ],
)
def test_what_is_named_has_to_be_known(
    kind: Kind, told: dict[str, Any], before: Thing | None, columns: list[str]
) -> None:
    said = KNOWN.unknown(kind, {"operator": "coffee", **told}, before)
    assert [column for column, _ in said] == columns

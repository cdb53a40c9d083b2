import msgspec
import pytest

from cloud.books.draft import drafted
from cloud.books.kinds import KINDS, MACHINE, POLICIES, SHELF, Kind, said
from cloud.fleet import Policies


@pytest.mark.parametrize("kind", [*KINDS.values(), SHELF], ids=lambda kind: kind.of.__name__)
def test_everything_that_a_kind_has_can_be_said(kind: Kind) -> None:
    fields = {field.name for field in msgspec.structs.fields(kind.of)} - {"settings"}
    assert {column.path[0] for column in kind.columns} == fields


def test_every_policy_has_its_option() -> None:
    assert {column.path for column in POLICIES} == {
        ("policies", name) for name in Policies.__struct_fields__
    }


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", [*KINDS.values(), SHELF], ids=lambda kind: kind.of.__name__)
def test_the_examples_are_right(kind: Kind, place: int) -> None:
    pairs = {
        column: column.read(column.examples[place])
        for column in kind.columns
        if column.examples[place]
    }
    # A planogram of its own is not in files.
    base = {"operator": "coffee", "id": "hot"} if kind.word == "planogram" else {}
    base = {"operator": "coffee"} | base if kind.of.__name__ != "Operator" else base
    if kind is SHELF:
        del base["id"]
    drafted(kind.of, None, base | said(pairs))


def test_what_is_said_has_the_shape_of_the_value() -> None:
    columns = {column.name: column for column in MACHINE.columns}
    told = {columns["place"]: "холл", columns["cash"]: False, columns["most"]: 50000}
    assert said(told) == {
        "place": "холл",
        "policies": {"fiscalise_cash": False, "most": 50000},
    }

"""The sample is written from the tables: whole, explained, and read back by the same tables."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from msgspec import inspect

from edge.config import Config, read_text
from edge.config.sample import WIDTH, sample, toml
from edge.wire.settings import alternatives
from edge.wizard.devices import DISPLAYS, PRINTERS

UNSET = re.compile(r"^#(?=[^\s#])", re.MULTILINE)


def test_it_is_a_configuration_as_it_is() -> None:
    config = read_text(sample(), "sample")
    assert config.machine == "vm-000123"
    assert config.broker.port == 8883
    assert [type(each) for each in config.display] == [DISPLAYS["kiosk"]]
    assert (config.printer, config.technician) == ((), None)


def test_it_is_one_with_every_key_set() -> None:
    config = read_text(UNSET.sub("", sample()), "sample")
    assert {each.__struct_config__.tag for each in config.display} == set(DISPLAYS)
    assert {each.__struct_config__.tag for each in config.printer} == set(PRINTERS)
    assert config.technician is not None


def tables(kind: inspect.Type) -> Iterator[inspect.StructType]:
    for each in alternatives(kind):
        if isinstance(each, inspect.StructType):
            yield each
        elif isinstance(each, inspect.VarTupleType):
            yield from tables(each.item_type)


def fields(table: inspect.StructType, above: str = "") -> Iterator[tuple[str, inspect.Field]]:
    for field in table.fields:
        name = f"{above}{field.encode_name}"
        inner = list(tables(field.type))
        if not inner:
            yield name, field
        for each in inner:
            yield from fields(each, f"{name}.{each.tag}." if each.tag else f"{name}.")


WHOLE = inspect.type_info(Config)
assert isinstance(WHOLE, inspect.StructType)
FIELDS = dict(fields(WHOLE))


@pytest.mark.parametrize("name", FIELDS)
def test_every_key_says_what_it_is_for(name: str) -> None:
    """Where this fails: give the key's table a ``Meta(description=…)``."""
    kind = FIELDS[name].type
    assert isinstance(kind, inspect.Metadata)
    assert (kind.extra_json_schema or {}).get("description")


@pytest.mark.parametrize("name", [name for name in FIELDS if FIELDS[name].required])
def test_every_key_that_must_be_set_has_an_example(name: str) -> None:
    kind = FIELDS[name].type
    assert isinstance(kind, inspect.Metadata)
    assert (kind.extra_json_schema or {}).get("examples")


def test_it_is_the_same_every_time() -> None:
    assert sample() == sample()


def test_every_line_is_short_enough_to_read() -> None:
    long = [
        line for line in sample().splitlines() if line.startswith("# ") and len(line) > WIDTH + 12
    ]
    assert long == []


@pytest.mark.parametrize(
    "value",
    [
        True,
        0,
        -5,
        1.5,
        "",
        'a "quoted" \\ path\n\t',
        "Чай чёрный",
        "\x7f\x00",
        ["a", "b"],
        [],
        {"0001": "Эспрессо"},
        [[1, 2], [3]],
    ],
)
def test_a_value_is_read_back_as_it_was(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value

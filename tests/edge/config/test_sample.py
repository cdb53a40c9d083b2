"""The sample is written from the tables: whole, explained, and read back by the same tables."""

import re
import tomllib

import pytest

from edge.config import read_text
from edge.config.sample import WIDTH, sample, toml
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

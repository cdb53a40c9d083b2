"""Scenario files: what they may say, and how a mistake is told."""

import re
from pathlib import Path

import pytest

from mdb.virtual.keys import ScenarioError
from mdb.virtual.scenario import Life
from mdb.virtual.scenario_file import parse_scenario, read_scenario, sample
from mdb.virtual.steps import DEEDS
from mdb.virtual.unit import Unit

LEAST = '[machine]\nprices = { "0001" = 12000 }\n'
READER = LEAST + "[[reader]]\n"
TWO_IDLE = "level = 3\nalways_idle = true\n"


def test_the_sample_shows_every_step_and_can_be_lived() -> None:
    scenario = parse_scenario(sample())
    assert {each.do for each in scenario.steps} == set(DEEDS) - {"race"}
    life = Life(scenario)
    assert life.whole()
    assert len(life.machine.truth.vends) >= 8


def test_a_key_that_is_left_out_has_a_default() -> None:
    scenario = parse_scenario(READER)
    (reader,) = scenario.make.readers
    assert (reader.address, reader.level, reader.unit) == (0x10, 1, Unit(10, 2))
    assert scenario.make.changer is None
    assert (scenario.seed, scenario.loss, scenario.noise, scenario.steps) == (1, 0.0, 0.0, ())


def test_a_currency_is_written_as_the_bus_writes_it() -> None:
    scenario = parse_scenario(LEAST + "currency = 978\n[[reader]]\n")
    assert scenario.make.readers[0].currency == 0x1978


def test_two_always_idle_readers_can_race() -> None:
    text = f'{READER}{TWO_IDLE}[[reader]]\naddress = "60"\n{TWO_IDLE}'
    step = '[[step]]\ndo = "race"\nitem = "0001"\nreader = "60"\n'
    life = Life(parse_scenario(text + step))
    life.whole()
    assert [each.address for each in life.machine.truth.vends] == [0x60]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = x\n", "at line 1"),
        ("", "[machine] is missing"),
        ("[machine]\n", "machine.prices is missing"),
        ("machine = 3", "machine: expected a table, [machine]"),
        (LEAST + "speed = 3", "machine.speed: no such key; known are prices, currency, level"),
        ('[machine]\nprices = { "1" = 5 }', "machine.prices: expected four hex digits"),
        ('[machine]\nprices = { "0001" = 1.5 }', "machine.prices: expected a whole number from 1"),
        ("[machine]\nprices = { }", "machine.prices: expected {"),
        (LEAST + 'retort = "shout"', "machine.retort: expected one of nak, ret, silence"),
        (LEAST + "poll_s = true", "machine.poll_s: expected seconds, not True"),
        (LEAST + "polls_in_vend = 1", "machine.polls_in_vend: expected true or false, not 1"),
        (LEAST + "level = true", "machine.level: expected a whole number from 1 to 3, not True"),
        ("seed = -1\n" + LEAST, "seed: expected a whole number from 0"),
        ("noise = 0.9\n" + LEAST, "noise: expected a part from 0.0 to 0.5, not 0.9"),
        (READER + 'address = "20"', 'reader[1].address: expected "10" or "60"'),
        (READER + "expanded = true", "reader[1].expanded: needs level = 3, not 1"),
        (READER + "[[reader]]", "reader: two of them have the same address"),
        (READER + "scale = 1\ndecimals = 3", "reader[1].scale: scale 1 with 3 decimals"),
        (READER + "scale = 255", "machine.prices.0001: 12000 is no multiple"),
        ('[machine]\nprices = { "0001" = 700000 }\n[[reader]]', "does not fit reader 10; at most"),
        (LEAST + "[reader]\nlevel = 1", "reader: expected tables, [[reader]]"),
        (LEAST + "[changer]\ncoins = [1, 2]\ntubes = [3]", "changer.tubes: expected 2 numbers"),
        (LEAST + "[changer]\ncoins = 5", "changer.coins: expected a list of at most sixteen"),
        (LEAST + "[validator]\nrecycles = [7]", "validator.recycles: expected types from 0 to 4"),
        (READER + "[[step]]\n", "step[1].do is missing"),
        (READER + '[[step]]\ndo = "dance"', "step[1].do: expected one of vend, token"),
        (READER + '[[step]]\ndo = "vend"', "step[1].item is missing"),
        (READER + '[[step]]\ndo = "deny"', "step[1].item is missing: 'deny' needs it"),
        (READER + '[[step]]\ndo = "deny"\nitem = "0009"', "step[1].item: '0009' has no price"),
        (READER + '[[step]]\ndo = "vend"\nitems = []', "step[1].items: expected a list of items"),
        (READER + '[[step]]\ndo = "wait"\nseconds = 1\nitem = "0001"', "'wait' knows only seconds"),
        (READER + '[[step]]\ndo = "wait"\nhours = 1\nseconds = 1', "step[1].hours: no such key"),
        (LEAST + '[[step]]\ndo = "vend"\nitem = "0001"', "'vend' needs a [[reader]]"),
        (READER + '[[step]]\ndo = "lever"\namount = 5', "'lever' needs a [changer]"),
        (READER + '[[step]]\ndo = "return"\nitem = "0001"', "needs a reader of level 3 with neg"),
        (
            READER + '[[step]]\ndo = "vend"\nitem = "0001"\n[[step]]\ndo = "bill-back"',
            "step[2].do: 'bill-back' needs a [validator]",
        ),
    ],
)
def test_a_mistake_names_the_key_and_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(told)):
        parse_scenario(text)


def test_a_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "day.toml"
    file.write_text("seed = 'x'\n" + LEAST, "utf-8")
    with pytest.raises(ScenarioError, match=r"day\.toml: seed: expected a whole number"):
        read_scenario(file)

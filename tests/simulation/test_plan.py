"""The plan and its troubles: values, drawn from a seed alone."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from kinds import KINDS as PROVIDERS
from parts import ROOT
from simulation.broker import Broker
from simulation.clockwork import Clockwork
from simulation.plan import (
    BUYERS,
    DAY_S,
    HOWS,
    ITEMS,
    MACHINES,
    STANDS,
    TROUBLES,
    contested,
    plan_of,
    replaced,
)
from simulation.troubles import KINDS, LASTS_S, Trouble, drawn

from cloud.emulators.faults import Fault

MANY = range(400)
CAST = {"machine": ["vm-1", "vm-2"], "cloud": ["cloud-1", "cloud-2"], "store": ["cloud"]}
TELL = """
from hashlib import sha256
from simulation.plan import plan_of
print(sha256("".join(repr(plan_of(seed)) for seed in range(50)).encode()).hexdigest())
"""


def _told_elsewhere(hash_seed: str) -> str:
    """What another process makes of the first fifty seeds."""
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, "-c", TELL], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_seed_is_the_same_plan_in_every_process() -> None:
    assert _told_elsewhere("1") == _told_elsewhere("2") != ""


def test_seeds_are_different_days() -> None:
    plans = [plan_of(seed) for seed in MANY]
    assert len({plan.troubles for plan in plans}) == len(plans)
    assert len({tuple(plan.visits.values()) for plan in plans}) == len(plans)
    assert plan_of(7) == plan_of(7)


def test_a_day_has_everything_that_a_day_can_have() -> None:
    plans = [plan_of(seed) for seed in MANY]
    assert {plan.kind for plan in plans} == set(PROVIDERS)
    assert {plan.pushes for plan in plans} == {False, True}
    assert {plan.clouds for plan in plans} == {1, 2}
    assert {tuple(plan.visits) for plan in plans} == {MACHINES[:1], MACHINES}
    assert {len(plan.troubles) for plan in plans} == set(range(TROUBLES[0], TROUBLES[1] + 1))
    visits = [each for plan in plans for each in plan.visits.values()]
    assert {len(each) for each in visits} == set(range(BUYERS[0], BUYERS[1] + 1))
    assert {visit.how for each in visits for visit in each} == set(HOWS)
    assert {visit.item for each in visits for visit in each} == set(ITEMS)


def test_all_that_happens_happens_in_its_day_and_in_order() -> None:
    for plan in map(plan_of, MANY):
        for times in (
            [each.at for each in plan.troubles],
            *([visit.at for visit in visits] for visits in plan.visits.values()),
        ):
            assert times == sorted(times)
            assert times[0] > 0
            assert times[-1] < DAY_S


def test_every_kind_of_trouble_comes_and_everybody_has_some() -> None:
    found: Counter[str] = Counter()
    for plan in map(plan_of, MANY):
        for each in plan.troubles:
            found[each.what] += 1
            known = {
                "machine": set(plan.visits),
                "cloud": {f"cloud-{n + 1}" for n in range(plan.clouds)},
                "store": {"cloud"},
            }
            whom = KINDS[each.what].whom
            assert each.whom in known.get(whom, {whom})
    assert set(found) == set(KINDS)
    assert min(found.values()) >= 3


def test_every_fault_of_a_provider_is_among_them() -> None:
    assert {f"provider: {fault.value}" for fault in Fault} <= set(KINDS)


def test_without_some_of_its_troubles_it_is_the_same_day_otherwise() -> None:
    plan = next(each for each in map(plan_of, MANY) if len(each.troubles) == TROUBLES[1])
    some = plan.troubles[2:5]
    left = plan.without(*some)
    assert left.troubles == (*plan.troubles[:2], *plan.troubles[5:])
    assert replace(left, troubles=plan.troubles) == plan
    assert plan.without() == plan
    assert plan.without(*plan.troubles).troubles == ()
    for whose in ("network", "vending vm-000001"):
        assert left.chance(whose).random() == plan.chance(whose).random()


def test_a_contested_day_is_a_day_of_its_seed_on_which_one_of_two_stands_still() -> None:
    assert contested(7) == contested(7)
    for seed in MANY:
        day = contested(seed)
        assert (day.kind, day.pushes, day.clouds) == ("cloudkassir", False, 2)
        assert day.visits == plan_of(seed).visits
        assert len(day.troubles) == STANDS
        assert len({each.whom for each in day.troubles}) == 1
        assert {each.what for each in day.troubles} <= set(KINDS)


def test_on_a_day_of_new_cards_every_machine_gets_one_amid_its_buyers() -> None:
    assert replaced(7) == replaced(7)
    for seed in MANY:
        day = replaced(seed)
        assert day.visits == plan_of(seed).visits
        assert {each.whom for each in day.troubles} == set(day.visits)
        for card in day.troubles:
            assert card.what == "card replaced"
            assert day.visits[card.whom][0].at < card.at < day.visits[card.whom][-1].at


def test_each_part_of_a_world_has_chance_of_its_own() -> None:
    plan = plan_of(1)
    drawn_by = [plan.chance(whose).random() for whose in ("network", "broker", "pi vm-000001")]
    drawn_by += [plan_of(2).chance("network").random()]
    assert len(set(drawn_by)) == 4


@pytest.mark.parametrize("name", KINDS)
def test_what_has_an_end_lasts_and_what_is_drawn_is_in_its_table(name: str) -> None:
    kind = KINDS[name]
    assert kind.weight > 0
    if kind.end is not None:
        assert min(kind.lasts) > 0
    chance = Random(name)
    came = [drawn(chance, 1.0, CAST) for _ in range(2000)]
    ours = [each for each in came if each.what == name]
    assert ours
    assert {each.for_s for each in ours} <= set(kind.lasts)
    assert {each.how for each in ours} <= set(kind.how)
    assert {each.whom for each in ours} <= set(CAST.get(kind.whom, [kind.whom]))


SWITCHES = [
    name for name, kind in KINDS.items() if kind.end is not None and name.startswith("broker ")
]


@pytest.mark.parametrize("name", SWITCHES)
def test_what_a_broker_is_made_to_do_it_can_do_and_stops_doing(loop: Clockwork, name: str) -> None:
    broker = Broker(loop, Random(1))
    world: Any = SimpleNamespace(broker=broker)
    trouble = Trouble(1.0, name, "broker", 5.0, 0.2)
    begin, end = KINDS[name].begin, KINDS[name].end
    before = dict(vars(broker))
    begin(world, trouble)
    assert vars(broker).keys() == before.keys()
    assert [value for key, value in vars(broker).items() if value != before[key]] == [0.2]
    assert end is not None
    end(world, trouble)
    assert vars(broker) == before


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble(43.25, "serve killed", "cloud-2", 20, 120), "   43.2 s  cloud-2: serve killed (120), for 20 s"),
        (Trouble(5, "clock jumps", "vm-1", 0, -90), "    5.0 s  vm-1: clock jumps (-90)"),
        (Trouble(360, "noise", "vm-1", LASTS_S[0], 0.003), "  360.0 s  vm-1: noise (0.003), for 0.5 s"),
        (Trouble(100, "darkness"), "  100.0 s  darkness"),
    ],
)  # fmt: skip
def test_a_trouble_is_told_in_a_line(trouble: Trouble, words: str) -> None:
    assert str(trouble) == words

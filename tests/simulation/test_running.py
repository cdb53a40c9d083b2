"""Whole days: a plan is one day whoever lives it, and a day without troubles is a good one."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest
from kinds import KINDS as PROVIDERS
from simulation import many
from simulation.plan import DAY_S, Plan, plan_of
from simulation.running import Outcome
from simulation.troubles import KINDS, Trouble

Days = Mapping[str, Sequence[Outcome]]
EVERY_S = 6.0
STORM_BEGINS_S = 20.0


def happy(kind: str) -> Plan:
    return replace(plan_of(1), kind=kind, troubles=())


def storm() -> Plan:
    """Every kind of trouble, one after the other."""
    day = replace(plan_of(2), clouds=2)
    whom = {"machine": next(iter(day.visits)), "cloud": "cloud-1", "store": "cloud"}
    return replace(
        day,
        troubles=tuple(
            Trouble(
                STORM_BEGINS_S + EVERY_S * number,
                name,
                whom.get(kind.whom, kind.whom),
                kind.lasts[0],
                kind.how[0],
            )
            for number, (name, kind) in enumerate(KINDS.items())
        ),
    )


PLANS = {
    **{f"{kind}, happy": [happy(kind)] for kind in PROVIDERS},
    "twice": [plan_of(5)] * 2,
    "another": [plan_of(6)],
    "storm": [storm()],
}


def _lived() -> Days:
    """In processes forked from one that nobody else uses: it does without collecting garbage."""
    plans = [plan for those in PLANS.values() for plan in those]
    came = list(many.outcomes(plans))
    return {
        name: [outcome for plan, outcome in came if plan == those[0]]
        for name, those in PLANS.items()
    }


@pytest.fixture(scope="module")
def days() -> Days:
    with ProcessPoolExecutor(1, get_context("fork")) as elsewhere:
        return elsewhere.submit(_lived).result()


def test_a_plan_lived_through_twice_is_the_same_day_to_the_last_byte(days: Days) -> None:
    first, second = days["twice"]
    assert first == second
    assert first.digest != ""


def test_another_seed_is_another_day(days: Days) -> None:
    assert len({days[name][0].digest for name in ("twice", "another", "storm")}) == 3


@pytest.mark.parametrize("kind", PROVIDERS)
def test_on_a_happy_day_every_vend_has_its_document(days: Days, kind: str) -> None:
    (outcome,) = days[f"{kind}, happy"]
    assert outcome.verdict.broken == []
    assert not outcome.verdict.excused
    assert outcome.verdict.receipts == outcome.verdict.vends > 0


def test_a_day_of_every_kind_of_trouble_breaks_no_promise(days: Days) -> None:
    assert PLANS["storm"][0].troubles[-1].at < DAY_S
    (outcome,) = days["storm"]
    assert outcome.verdict.broken == []
    assert 0 < outcome.verdict.receipts <= outcome.verdict.vends


def _with_no_such_bug() -> list[tuple[Plan, Outcome]]:
    return list(many.outcomes([happy("atol5")], mutant="nobody wrote it"))


def test_what_goes_wrong_in_the_simulation_itself_is_told_as_a_day_that_fails() -> None:
    with ProcessPoolExecutor(1, get_context("fork")) as elsewhere:
        ((plan, outcome),) = elsewhere.submit(_with_no_such_bug).result()
    assert plan == happy("atol5")
    assert outcome.verdict.broken == ["the simulation itself: KeyError('nobody wrote it')"]

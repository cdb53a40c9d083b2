"""Days in processes of their own: what becomes of one that does not come to its end."""

import multiprocessing
import os
from dataclasses import replace

import pytest
from simulation import many
from simulation.plan import plan_of

PLANS = [replace(plan_of(seed), troubles=()) for seed in range(4)]


def test_a_day_whose_process_dies_is_a_broken_promise_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    list(many.outcomes(PLANS[:1]))  # has warmed up
    monkeypatch.setattr(many.running, "run", lambda *_: os._exit(7))
    told = [outcome.verdict.broken for _, outcome in many.outcomes(PLANS, jobs=3)]
    why = "the simulation itself: its process ended with 7, and said nothing"
    assert told == [[why]] * len(PLANS)


def test_who_has_seen_enough_leaves_no_process_behind() -> None:
    days = many.outcomes(PLANS, jobs=2)
    plan, outcome = next(days)
    assert plan in PLANS
    assert not outcome.verdict.broken
    days.close()
    assert not multiprocessing.active_children()

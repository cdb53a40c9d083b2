"""Days on which something was found hold now; and so does a handful of others."""

import pytest
from simulation import many
from simulation.days import DAYS
from simulation.plan import DRAWS
from simulation.telling import story

A_FEW = 5
"""Thousands are lived through by `make simulation`."""


@pytest.mark.parametrize("name", DAYS)
def test_a_day_on_which_something_was_found_holds(name: str) -> None:
    ((plan, outcome),) = many.outcomes([DAYS[name]], jobs=1)
    assert not outcome.verdict.broken, story(plan, outcome)
    visits = [visit for each in plan.visits.values() for visit in each]
    assert outcome.verdict.vends == sum(visit.how == "card" for visit in visits)


@pytest.mark.parametrize("how", DRAWS)
def test_so_do_the_first_days_of_all(how: str) -> None:
    for plan, outcome in many.outcomes(map(DRAWS[how], range(A_FEW)), jobs=1):
        assert not outcome.verdict.broken, story(plan, outcome)

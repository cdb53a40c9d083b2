"""Telling: a day in words, many days in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from simulation.checker import Verdict
from simulation.plan import Plan, plan_of
from simulation.running import Outcome
from simulation.telling import Telling, story
from simulation.troubles import Trouble

STOP = Trouble(12.25, "agent stands still", "vm-000001", 30)
CUT = Trouble(90.0, "power cut", "vm-000002", 20, 8)
DAY = replace(
    plan_of(3), kind="atol5", pushes=True, clouds=2, visits={"a": (), "b": ()}, troubles=(STOP, CUT)
)


def came(*broken: str, vends: int = 10, settled_s: float = 40.0, **excused: int) -> Outcome:
    words = Counter({each.replace("_", " "): count for each, count in excused.items()})
    return Outcome(Verdict(vends, vends - words.total(), words, list(broken)), settled_s, "")


def test_a_day_is_told_with_its_troubles_in_order_and_what_was_broken() -> None:
    assert story(DAY, came("a wrong picture: one", "not settled: two", not_heard=1)).split(
        "\n"
    ) == [
        "seed 3: 2 machines, 2 serve, atol5, pushes",
        "     12.2 s  vm-000001: agent stands still, for 30 s",
        "     90.0 s  vm-000002: power cut (8), for 20 s",
        "  10 vends, 9 documents, {'not heard': 1}",
        "  BROKEN  a wrong picture: one",
        "  BROKEN  not settled: two",
    ]


def test_a_happy_day_is_told_in_two_lines() -> None:
    day = replace(DAY, pushes=False, clouds=1, troubles=())
    assert story(day, came()).split("\n") == [
        "seed 3: 2 machines, 1 serve, atol5, no pushes",
        "  10 vends, 10 documents, {}",
    ]


class Known(Telling):
    """Of a world in which what breaks is known: odd seeds, by their last two troubles."""

    ran = 0

    def _run(self, plans: Iterable[Plan]) -> Iterable[tuple[Plan, Outcome]]:
        for plan in reversed(list(plans)):  # they are done in any order
            self.ran += 1
            needed = plan_of(plan.seed).troubles[-2:]
            if plan.seed % 2 and set(plan.troubles) >= set(needed):
                yield plan, came(f"with {len(plan.troubles)}")
            else:
                yield plan, came(settled_s=plan.seed * 10.0, not_heard=2, died_with_it=1)


def told(seeds: range, *, all_of_them: bool = False, shortened: int = 0) -> dict[str, Any]:
    return Known(all_of_them, None, shortened, None).of(seeds)


def test_days_are_counted() -> None:
    assert told(range(4)) == {
        "seeds": 4,
        "failed": 2,
        "failing": [1, 3],
        "sales": 40,
        "receipts": 34,
        "excused": {"died with it": 2, "not heard": 4},
        "longest_settled_s": 40,
    }


def test_not_more_than_twenty_failing_days_are_named() -> None:
    summary = told(range(60))
    assert summary["failed"] == 30
    assert summary["failing"] == list(range(1, 40, 2))


def test_only_days_that_fail_are_spoken_of_unless_all_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(range(2))
    out, err = capsys.readouterr()
    assert out == ""
    count = len(plan_of(1).troubles)
    assert err == f"seed 1 breaks a promise: with {count}\n"
    told(range(2), all_of_them=True)
    assert capsys.readouterr().err == (
        f"seed 1 breaks a promise: with {count}\n{story(plan_of(0), came(not_heard=2, died_with_it=1))}\n"
    )


def test_the_first_failing_days_are_shortened_to_what_is_needed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(range(1, 6), shortened=2)
    stories = capsys.readouterr().err.split("breaks a promise")[-1].split("\n", 1)[1]
    wanted = [
        story(replace(plan_of(seed), troubles=plan_of(seed).troubles[-2:]), came("with 2"))
        for seed in (5, 3)
    ]
    assert stories == "".join(f"{each}\n" for each in wanted)


def test_a_day_that_fails_without_any_trouble_is_told_as_such(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Hopeless(Telling):
        def _run(self, plans: Iterable[Plan]) -> Iterable[tuple[Plan, Outcome]]:
            return ((plan, came("always")) for plan in plans)

    Hopeless(all_of_them=False, mutant=None, shortened=1, jobs=None).of([7])
    err = capsys.readouterr().err
    assert err.endswith(f"{story(replace(plan_of(7), troubles=()), came('always'))}\n")

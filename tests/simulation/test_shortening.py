"""Shortening finds the few troubles that matter among many."""

from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from simulation.plan import Plan
from simulation.shortening import Fails, shortest
from simulation.troubles import Trouble

TWELVE = tuple(Trouble(float(number), "noise", "vm-000001") for number in range(12))


def plan_with(troubles: Sequence[Trouble]) -> Plan:
    return Plan(1, "atol5", False, 1, {}, tuple(troubles))


def failing_where(breaks: Callable[[set[Trouble]], bool]) -> tuple[Fails, list[int]]:
    """A world, and how many plans were lived through in each look."""
    looks: list[int] = []

    def fails(plans: Sequence[Plan]) -> Plan | None:
        looks.append(len(plans))
        return next((each for each in plans if breaks(set(each.troubles))), None)

    return fails, looks


@pytest.mark.parametrize("matter", [*combinations(TWELVE, 1), *combinations(TWELVE, 2)], ids=len)
def test_of_twelve_those_are_left_that_are_needed(matter: tuple[Trouble, ...]) -> None:
    fails, looks = failing_where(lambda left: left >= set(matter))
    assert shortest(plan_with(TWELVE), fails).troubles == matter
    assert sum(looks) <= 50


def test_three_that_lie_apart_are_found_too() -> None:
    matter = (TWELVE[0], TWELVE[6], TWELVE[11])
    fails, _ = failing_where(lambda left: left >= set(matter))
    assert shortest(plan_with(TWELVE), fails).troubles == matter


def test_where_all_are_needed_all_are_left() -> None:
    fails, _ = failing_where(lambda left: len(left) == 12)
    assert shortest(plan_with(TWELVE), fails).troubles == TWELVE


def test_where_none_is_needed_none_is_left() -> None:
    fails, looks = failing_where(lambda _: True)
    assert shortest(plan_with(TWELVE), fails).troubles == ()
    assert len(looks) <= 3
    assert shortest(plan_with(()), fails).troubles == ()


def test_of_two_ways_to_fail_one_is_left_whole() -> None:
    ways = ({TWELVE[1], TWELVE[2]}, {TWELVE[9]})
    fails, _ = failing_where(lambda left: any(left >= way for way in ways))
    assert set(shortest(plan_with(TWELVE), fails).troubles) in ways


def test_nothing_that_is_left_can_be_taken_away() -> None:
    """Also where troubles help one another out: five of the even ones, or three in a row."""

    def breaks(left: set[Trouble]) -> bool:
        numbers = sorted(int(each.at) for each in left)
        rows = any({n, n + 1, n + 2} <= set(numbers) for n in numbers)
        return rows or sum(each % 2 == 0 for each in numbers) >= 5

    fails, _ = failing_where(breaks)
    short = shortest(plan_with(TWELVE), fails)
    assert breaks(set(short.troubles))
    assert not any(breaks(set(short.without(each).troubles)) for each in short.troubles)


def test_the_day_is_otherwise_the_same() -> None:
    fails, _ = failing_where(lambda left: TWELVE[4] in left)
    short = shortest(plan_with(TWELVE), fails)
    assert short == plan_with([TWELVE[4]])

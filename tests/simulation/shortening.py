"""Shortening: the fewest troubles of a plan with which a promise is still broken."""

from collections.abc import Callable, Sequence

from simulation.plan import Plan
from simulation.troubles import Trouble

Fails = Callable[[Sequence[Plan]], Plan | None]
"""The first of these plans that breaks a promise."""


def shortest(plan: Plan, fails: Fails) -> Plan:
    """Take away as many troubles at once as can be, then fewer, until each that is left is needed."""
    size = max(1, len(plan.troubles) // 2)
    while True:
        found = fails([plan.without(*part) for part in _parts(plan.troubles, size)])
        if found is not None:
            plan = found
            size = min(size, max(1, len(plan.troubles)))
        elif size == 1:
            return plan
        else:
            size //= 2
        if not plan.troubles:
            return plan


def _parts(troubles: Sequence[Trouble], size: int) -> list[Sequence[Trouble]]:
    return [troubles[at : at + size] for at in range(0, len(troubles), size)]

"""Telling: progress while days go by, and the story of those that break a promise."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from simulation import many
from simulation.plan import Plan, plan_of
from simulation.running import Outcome
from simulation.shortening import shortest

EVERY_S: Final = 5.0


@dataclass
class Telling:
    """Days with their outcomes. What is counted goes to stdout as JSON, what is told to stderr."""

    all_of_them: bool
    mutant: str | None
    shortened: int
    jobs: int | None
    until_broken: bool = False
    """Whether the first day that breaks a promise is the last."""
    day_of: Callable[[int], Plan] = plan_of
    _failed: list[int] = field(default_factory=list)
    _sums: Counter[str] = field(default_factory=Counter)
    _excused: Counter[str] = field(default_factory=Counter)
    _longest_s: float = 0.0

    def of(self, seeds: Sequence[int]) -> dict[str, Any]:
        """Live through them; the summary."""
        began = told = time.perf_counter()
        failing: list[tuple[Plan, Outcome]] = []
        done = 0
        for done, (plan, outcome) in enumerate(self._run(map(self.day_of, seeds)), start=1):
            self._count(outcome)
            if outcome.verdict.broken:
                self._failed.append(plan.seed)
                failing.append((plan, outcome))
                _say(f"seed {plan.seed} breaks a promise: {outcome.verdict.broken[0]}")
            elif self.all_of_them:
                _say(story(plan, outcome))
            if failing and self.until_broken:
                break
            now = time.perf_counter()
            if now - told > EVERY_S:
                told = now
                rate = done / (now - began)
                _say(f"{done} of {len(seeds)} days, {rate:.1f} a second, {len(failing)} failed")
        for plan, outcome in failing[: self.shortened]:
            _say(self._shortest(plan, outcome))
        return {
            "seeds": done,
            "failed": len(self._failed),
            "failing": sorted(self._failed)[:20],
            **self._sums,
            "excused": dict(sorted(self._excused.items())),
            "longest_settled_s": round(self._longest_s),
        }

    def _run(self, plans: Iterable[Plan]) -> Iterable[tuple[Plan, Outcome]]:
        return many.outcomes(plans, self.jobs or many.JOBS, self.mutant)

    def _count(self, outcome: Outcome) -> None:
        verdict = outcome.verdict
        self._sums.update(sales=verdict.vends, receipts=verdict.receipts)
        self._excused.update(verdict.excused)
        self._longest_s = max(self._longest_s, outcome.settled_s)

    def _shortest(self, plan: Plan, outcome: Outcome) -> str:
        seen = {len(plan.troubles): outcome}

        def fails(plans: Sequence[Plan]) -> Plan | None:
            broken = {each.troubles: came for each, came in self._run(plans) if came.verdict.broken}
            for each in plans:
                if each.troubles in broken:
                    seen[len(each.troubles)] = broken[each.troubles]
                    return each
            return None

        short = shortest(plan, fails)
        return story(short, seen[len(short.troubles)])


def story(plan: Plan, outcome: Outcome) -> str:
    """A day in words: its troubles in order, then what was broken."""
    who = f"{len(plan.visits)} machines, {plan.clouds} serve, {plan.kind}"
    pushes = "pushes" if plan.pushes else "no pushes"
    verdict = outcome.verdict
    lines = [f"seed {plan.seed}: {who}, {pushes}", *(f"  {each}" for each in plan.troubles)]
    lines.append(f"  {verdict.vends} vends, {verdict.receipts} documents, {dict(verdict.excused)}")
    lines += [f"  BROKEN  {each}" for each in verdict.broken]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

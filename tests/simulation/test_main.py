"""The command line, as a person starts it."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from parts import ROOT, python
from simulation import many
from simulation.__main__ import main
from simulation.checker import Verdict
from simulation.plan import Plan, plan_of
from simulation.running import Outcome

SUMMED = {"seeds", "failed", "failing", "sales", "receipts", "excused", "longest_settled_s"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """With a hash seed that is not its own: it sees to that itself."""
    return subprocess.run(
        python("tests.simulation", *arguments),
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "31337"},
        capture_output=True,
        text=True,
        check=False,
    )


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_help_shows_what_to_type() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.count("\n  python -m tests.simulation --") >= 3
    assert all(option in done.stdout for option in ("--seeds", "--from", "--story", "--mutant"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "0"], "argument --seeds: expected 1 or more"),
        (["--jobs", "-1"], "argument --jobs: expected 1 or more"),
        (["--seeds", "many"], "argument --seeds: expected a number, not 'many'"),
        (["--mutant", "nobody wrote it"], "argument --mutant: invalid choice: 'nobody wrote it'"),
        (["--days", "quiet"], "argument --days: invalid choice: 'quiet'"),
        (["--sedes", "3"], "unrecognized arguments: --sedes 3"),
    ],
)
def test_a_slip_is_told_in_a_line(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    told = done.stderr.splitlines()
    assert told[-1].startswith(f"python -m tests.simulation: error: {words}")
    assert [line for line in told if "error" in line] == told[-1:]


def test_a_day_is_told_in_order_and_ends_with_its_summary() -> None:
    done = run("--from", "1", "--seeds", "1", "--story")
    assert (done.returncode, summary(done)["failed"]) == (0, 0)
    assert summary(done).keys() == SUMMED | {"seeds_per_s"}
    assert summary(done)["seeds"] == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("seed 1: ")
    troubles = plan_of(1).troubles
    assert lines[1 : len(troubles) + 1] == [f"  {each}" for each in troubles]
    vends, documents = summary(done)["sales"], summary(done)["receipts"]
    assert lines[len(troubles) + 1].startswith(f"  {vends} vends, {documents} documents, ")


def test_a_broken_promise_is_exit_1_and_what_was_asked_for_is_what_is_lived_through(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    def outcomes(
        plans: Iterable[Plan], jobs: int, mutant: str | None
    ) -> Iterator[tuple[Plan, Outcome]]:
        for plan in plans:
            any_day = set(plan.troubles) <= set(plan_of(plan.seed).troubles)
            asked.append((jobs, mutant, "any" if any_day else "contested"))
            broken = ["a wrong picture: one"] if plan.seed == 8 and plan.troubles[2:] else []
            yield plan, Outcome(Verdict(3, 3, broken=broken), 1.0, "")

    monkeypatch.setattr(many, "outcomes", outcomes)
    assert main(["--from", "7", "--seeds", "1"]) == 0
    assert main(["--from", "7", "--seeds", "3", "--jobs", "5", "--mutant", "dedupe by time"]) == 1
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert (told["seeds"], told["failed"], told["failing"], told["sales"]) == (3, 1, [8], 9)
    assert err.startswith("seed 8 breaks a promise: a wrong picture: one\nseed 8: ")
    assert asked[0] == (many.JOBS, None, "any")
    assert set(asked[1:]) == {(5, "dedupe by time", "any")}
    assert main(["--days", "contested"]) == 0
    assert main(["--mutant", "lease without fencing"]) == 0
    assert asked[-2:] == [
        (many.JOBS, None, "contested"),
        (many.JOBS, "lease without fencing", "contested"),
    ]

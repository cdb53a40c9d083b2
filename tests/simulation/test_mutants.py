"""The simulation bites: each bug that is put in is found, within as many days as it says."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from simulation.mutants import MUTANTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_bug_is_found_within_its_days(name: str) -> None:
    status, summary, told = days(name, MUTANTS[name].within)
    assert (status, summary["failed"]) == (1, 1), told
    assert "the simulation itself" not in told, told


def days(bug: str, count: int) -> tuple[int, Mapping[str, Any], str]:
    """In a process of its own, until the first day that breaks a promise."""
    asked = ["--seeds", str(count), "--mutant", bug, "--until-broken", "--jobs", "1"]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, json.loads(ran.stdout.splitlines()[-1]), ran.stderr[-2000:]

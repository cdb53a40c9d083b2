"""The simulation bites: each bug that is put in is found, within as many days as it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulation.mutants import MUTANTS

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_bug_is_found_within_its_days(name: str) -> None:
    """In a process of its own, until the first day that breaks a promise."""
    asked = ["--seeds", str(MUTANTS[name].within), "--mutant", name, "--until-broken"]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *asked, "--jobs", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr[-2000:]
    summary = json.loads(ran.stdout.splitlines()[-1])
    assert summary["failed"] == 1, summary
    assert "the simulation itself" not in ran.stderr, ran.stderr[-2000:]

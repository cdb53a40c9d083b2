import subprocess
from pathlib import Path

from parts import ROOT, python

from edge.config import load
from edge.config.sample import sample


def test_it_prints_the_sample_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.run(
        python("edge", "sample"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == sample()
    file = tmp_path / "edge.toml"
    file.write_text(ended.stdout, "utf-8")
    assert load(file).machine == "vm-000123"


def test_its_help_shows_examples() -> None:
    ended = subprocess.run(
        python("edge", "sample", "--help"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0
    assert "python -m edge sample > edge.toml" in ended.stdout

"""Every target, without what follows its way: its seeds, and what is like them."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hostile.__main__ import MISSING, main
from hostile.malice import RAW
from hostile.targets import SEEDS, TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts import ROOT


def test_every_target_has_its_seeds() -> None:
    assert set(SEEDS) == set(TARGETS)
    assert all(SEEDS.values())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_bears_its_seeds_whole_and_cut(name: str) -> None:
    for seed in SEEDS[name]:
        for length in (len(seed), len(seed) // 2):
            TARGETS[name](seed[:length])
    TARGETS[name](b"")


@st.composite
def alike(draw: st.DrawFn, name: str) -> bytes:
    """A seed with a few bytes changed, or something that is none."""
    raw = draw(st.sampled_from(SEEDS[name]) | st.sampled_from(RAW) | st.binary(max_size=80))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(raw)))
        taken = draw(st.integers(0, 4))
        raw = raw[:place] + draw(st.binary(max_size=4)) + raw[place + taken :]
    return draw(st.sampled_from([b"", b"\0", b"\1\1\5"])) + raw


@pytest.mark.parametrize("name", TARGETS)
@settings(
    max_examples=20, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(told=st.data())
def test_a_target_bears_what_is_like_its_seeds(name: str, told: st.DataObject) -> None:
    TARGETS[name](told.draw(alike(name)))


def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hostile", *words],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.skipif(find_spec("atheris") is not None, reason="atheris is installed")
def test_without_atheris_it_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wire"]) == 2
    assert capsys.readouterr().err.strip() == MISSING
    assert "pip install" in MISSING
    ended = fuzz("wire", "--seconds", "1")
    assert (ended.returncode, ended.stderr.strip()) == (2, MISSING)


def test_what_it_ended_with_is_done_again_without_atheris(tmp_path: Path) -> None:
    file = tmp_path / "crash"
    file.write_bytes(SEEDS["wire"][0])
    ended = fuzz("wire", "--again", str(file))
    assert (ended.returncode, ended.stderr) == (0, "")

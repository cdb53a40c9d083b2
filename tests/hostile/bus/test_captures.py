"""A capture from anywhere: it is read, or refused in one line; it never fills the memory."""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import bus_targets
from hostile.bus import speech
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import ROOT

from mdb.heading import read_heading
from mdb.sniffer import Sniffer
from mdb.taps import open_tap

GOOD = speech.TRACES[0].read_bytes()
MEMORY = 150 * 1024 * 1024
PIECE = 30_000_000


def decode(file: Path, *options: str, memory: int = MEMORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mdb", "decode", str(file), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
    )


@pytest.mark.parametrize(
    ("bomb", "status", "mistakes"),
    [
        (gzip.compress(bytes(6 * PIECE), mtime=0), 2, 1),
        (gzip.compress(GOOD + b"5" * 6 * PIECE, mtime=0), 0, 1),
        (
            gzip.compress(GOOD, mtime=0)
            + gzip.compress(b" " * 6 * PIECE, mtime=0)
            + gzip.compress(b"\n" + GOOD, mtime=0),
            0,
            0,
        ),
    ],
    ids=["of one line", "after a whole capture", "between two captures"],
)
def test_a_bomb_is_read_without_being_kept(
    bomb: bytes, status: int, mistakes: int, tmp_path: Path
) -> None:
    assert len(bomb) < PIECE // 50
    file = tmp_path / "bomb.gz"
    file.write_bytes(bomb)
    done = decode(file, "--json")
    assert (done.returncode, len(done.stderr.splitlines())) == (status, mistakes)


def test_a_line_without_an_end_is_read_without_being_kept(tmp_path: Path) -> None:
    file = tmp_path / "capture.mdb"
    with file.open("wb") as opened:
        opened.write(GOOD + b"\n9.9 > ")
        for _ in range(8):
            opened.write(b"1" * PIECE)
        opened.write(b"\n99.0 > BREAK\n")
    done = decode(file, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "bus_reset"
    assert len(done.stderr.splitlines()) == 1


def test_a_heading_without_an_end_is_read_without_being_kept(tmp_path: Path) -> None:
    file = tmp_path / "capture.mdb"
    file.write_bytes(b"#\n" * 1_000_000 + GOOD)
    done = decode(file, "--json", memory=120 * 1024 * 1024)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@settings(max_examples=60, deadline=None)
@given(
    keep=st.integers(0, 400),
    put=st.binary(max_size=40),
    packed=st.booleans(),
    seed=st.sampled_from(bus_targets.SEEDS["capture"]),
)
def test_a_capture_that_was_cut_and_gone_on_with_otherwise_is_read_or_refused(
    keep: int, put: bytes, seed: bytes, *, packed: bool
) -> None:
    told = seed[:keep] + put + seed[keep + len(put) :]
    bus_targets.capture(gzip.compress(told, mtime=0) if packed else told)


def test_a_capture_under_a_time_that_no_clock_has_is_refused_in_a_line() -> None:
    bus_targets.capture(b"9" * 400 + b" > 13 02 00 01 16\n" + GOOD)
    bus_targets.capture(GOOD + b"9" * 400 + b" > 13 02 00 01 16\n")


@pytest.mark.parametrize(
    "told",
    [
        {"scaling": {"scale": 10, "decimals": 400_000_000}},
        {"scaling": {"scale": 2**31, "decimals": 2}},
        {"vmc_level": 10**40},
        {"credits": [1, -1]},
        {"credits": "12"},
        {"expanded": [], "scaling": []},
    ],
)
def test_a_heading_says_no_number_that_the_bus_could_not(told: dict[str, object]) -> None:
    line = f"# context 10 {json.dumps(told)}"
    assert read_heading([line]).context == {}
    Sniffer(read_heading([line]).context)


@pytest.mark.parametrize("size", [9, 12, 60, -4])
def test_a_gzip_that_was_cut_off_is_no_tap_and_says_so(size: int, tmp_path: Path) -> None:
    file = tmp_path / "capture.mdb.gz"
    file.write_bytes(gzip.compress(GOOD, mtime=0)[:size])
    with pytest.raises((OSError, ValueError)):
        open_tap(f"replay:{file}")

import json
import resource
import signal
from pathlib import Path

import pytest
from console import Started, told_by, wait_until
from parts import ROOT

from mdb import read_trace
from mdb.__main__ import main

TRACES = ROOT / "tests" / "traces"
AP113 = TRACES / "ap113-single-vend.mdb"


def recorded(folder: Path) -> list[Path]:
    return sorted(folder.glob("bus-*"))


def events(capsys: pytest.CaptureFixture[str], *files: Path) -> list[str]:
    told = []
    for file in files:
        assert main(["decode", str(file), "--json"]) == 0
        told += capsys.readouterr().out.splitlines()
    return told


def stats(file: Path, capsys: pytest.CaptureFixture[str]) -> int:
    capsys.readouterr()
    assert main(["decode", str(file), "--stats", "--json"]) == 0
    return int(json.loads(capsys.readouterr().out)["devices"][0]["exchanges"])


def test_a_recording_means_what_its_tap_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", f"replay:{AP113}?pace=0", str(tmp_path / "bus.mdb")]) == 0
    assert "recording to " in capsys.readouterr().err
    assert events(capsys, *recorded(tmp_path)) == events(capsys, AP113)
    head = recorded(tmp_path)[0].read_text("utf-8").splitlines()[0]
    assert head.startswith(f"# MDB trace, recorded from replay:{AP113}?pace=0 by chekomat ")


def test_files_rotate_and_are_compressed(
    tmp_path: Path, polls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rotate-mb", "0.001", "--gzip"]
    assert main(["record", f"replay:{polls}?pace=0", str(tmp_path / "bus"), *options]) == 0
    files = recorded(tmp_path)
    assert len(files) > 2
    assert {file.suffix for file in files} == {".gz"}
    joined = tmp_path / "joined.gz"
    joined.write_bytes(b"".join(file.read_bytes() for file in files))
    assert stats(joined, capsys) == 100


def test_two_recordings_never_share_a_file(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["record", f"replay:{AP113}?pace=0", str(tmp_path / "bus.mdb")]) == 0
    first, second = (file.read_text("utf-8").splitlines() for file in recorded(tmp_path))
    assert list(read_trace(first)) == list(read_trace(second))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["telepathy:", "bus.mdb"], "no tap is called 'telepathy'"),
        (["replay:{trace}", "/nowhere/bus.mdb"], "/nowhere: no such folder; make it first"),
        (["replay:{trace}", "/dev"], "/dev: is a folder; name a file in it"),
    ],
)
def test_a_mistake_is_named(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", *(each.format(trace=AP113) for each in arguments)]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("--rotate-mb", "0"), ("--rotate-mb", "x"), ("--keep", "-1")]
)
def test_an_option_that_makes_no_sense_is_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["record", "replay:x", "bus.mdb", f"{option}={value}"])
    assert f"{value!r} is no number" in capsys.readouterr().err


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_service_manager_end_it_with_everything_on_the_disk(
    tmp_path: Path, start: Started, which: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "slow.mdb"
    trace.write_text(f"{AP113.read_text('utf-8')}\n100000 > BREAK\n", "utf-8")
    recording = start("record", f"replay:{trace}?pace=100", tmp_path / "bus.mdb")
    told_by(recording, "recording to ")
    (file,) = recorded(tmp_path)
    wait_until(lambda: "< 07 07" in file.read_text("utf-8"))  # its last word
    recording.send_signal(which)
    assert recording.wait() == 0
    assert events(capsys, file) == events(capsys, AP113)
    assert file.read_text("utf-8").splitlines()[-1].startswith("# ended at ")


def test_sigkill_costs_no_more_than_the_last_second(
    tmp_path: Path, start: Started, polls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real process, killed in the middle: what it had heard until a second before is there."""
    recording = start("record", f"replay:{polls}?pace=2", tmp_path / "bus.mdb")
    told_by(recording, "recording to ")
    (file,) = recorded(tmp_path)
    wait_until(lambda: file.stat().st_size > 300)  # more than the head
    before = file.read_bytes()
    recording.kill()
    recording.wait()
    after = file.read_bytes()
    assert after.startswith(before)
    assert after.endswith(b"\n")
    exchanges = stats(file, capsys)
    assert exchanges > 0
    whole = polls.read_text("utf-8").splitlines()
    kept = [line for line in after.decode().splitlines() if not line.startswith("#")]
    assert list(read_trace(kept)) == list(read_trace(whole[: len(kept)]))


def test_the_disk_gets_what_was_heard_while_it_is_heard(
    tmp_path: Path, start: Started, polls: Path
) -> None:
    recording = start("record", f"replay:{polls}", tmp_path / "bus.mdb")
    told_by(recording, "recording to ")
    (file,) = recorded(tmp_path)
    for _ in range(3):
        size = file.stat().st_size
        wait_until(lambda size=size: file.stat().st_size != size)  # type: ignore[misc]
    recording.kill()
    times = [each.at for each in read_trace(file.read_text("utf-8").splitlines())]
    assert times[-1] - times[0] > 1.5  # seconds of the bus, at its own pace


def test_half_a_line_at_the_end_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", f"replay:{AP113}?pace=0", str(tmp_path / "bus.mdb")]) == 0
    (file,) = recorded(tmp_path)
    with file.open("a") as torn:
        torn.write("99.123456 > 13 0")
    capsys.readouterr()
    assert events(capsys, file) == events(capsys, AP113)


def test_a_disk_that_fills_and_empties_is_noted_and_recording_goes_on(
    tmp_path: Path, start: Started, polls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kernel refuses to let the file grow, as on a full disk, and then lets it again."""
    recording = start("record", f"replay:{polls}", tmp_path / "bus.mdb")
    told_by(recording, "recording to ")
    _, hard = resource.prlimit(recording.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(recording.pid, resource.RLIMIT_FSIZE, (256, hard))
    told_by(recording, "File too large; listening on, and trying again every second")
    resource.prlimit(recording.pid, resource.RLIMIT_FSIZE, (hard, hard))
    told_by(recording, "writing again; nothing is lost")
    recording.send_signal(signal.SIGINT)
    assert recording.wait() == 0
    (file,) = recorded(tmp_path)
    lines = file.read_text("utf-8").splitlines()
    assert len([line for line in lines if line.startswith("# gap: from ")]) == 1
    kept = [line for line in lines if not line.startswith("#")]
    expected = list(read_trace(polls.read_text("utf-8").splitlines()))
    assert list(read_trace(kept)) == expected[: len(list(read_trace(kept)))]
    assert stats(file, capsys) > 0


def test_a_disk_that_stays_full_is_a_fault(tmp_path: Path, start: Started, polls: Path) -> None:
    recording = start("record", f"replay:{polls}", tmp_path / "bus.mdb")
    told_by(recording, "recording to ")
    _, hard = resource.prlimit(recording.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(recording.pid, resource.RLIMIT_FSIZE, (256, hard))
    told_by(recording, "File too large")
    recording.send_signal(signal.SIGINT)
    told_by(recording, "lines could not be written")
    assert recording.wait() == 1

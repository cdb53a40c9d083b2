import json
import os
import signal
from pathlib import Path

import pytest
from console import Started, Terminal, told_by
from parts import ROOT

from mdb import BusByte, read_trace
from mdb.__main__ import main

TRACES = ROOT / "tests" / "traces"
AP113 = TRACES / "ap113-single-vend.mdb"


def watch(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], list[str]]:
    assert main(["watch", *arguments]) == 0
    told = capsys.readouterr()
    return told.out.splitlines(), told.err.splitlines()


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["conversation", "json"])
def test_a_replay_is_watched_as_it_is_decoded(
    form: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = watch(capsys, f"replay:{AP113}?pace=0", *form)
    assert main(["decode", str(AP113), *form]) == 0
    assert out == capsys.readouterr().out.splitlines()
    assert err == ["bytes 51, exchanges 7, faults 0, sales 1, 125.10"]


def test_raw_is_a_trace_of_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    def told(trace: list[str]) -> list[tuple[object, ...]]:
        signals = [each for each in read_trace(trace) if isinstance(each, BusByte)]
        return [(each.value, each.mode, each.line) for each in signals]

    out, _ = watch(capsys, f"replay:{AP113}?pace=0", "--raw")
    assert told(out) == told(AP113.read_text("utf-8").splitlines())


def test_an_unknown_tap_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "telepathy:"]) == 2
    assert capsys.readouterr().err.startswith("telepathy:: no tap is called 'telepathy'; known are")


def test_two_forms_at_once_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["watch", "replay:x", "--json", "--raw"])
    assert "not allowed with" in capsys.readouterr().err


def test_it_is_live_on_a_pipe_and_ctrl_c_ends_it_with_the_sum(start: Started) -> None:
    watching = start("watch", "virtual:0001=12000", "--json")
    assert watching.stdout is not None
    assert watching.stderr is not None
    while json.loads(watching.stdout.readline())["event"] != "reader_configured":
        pass
    watching.send_signal(signal.SIGINT)
    for line in watching.stdout.read().splitlines():  # what else the bus said meanwhile
        json.loads(line)
    assert watching.wait() == 0
    (total,) = watching.stderr.read().splitlines()
    assert total.startswith("bytes ")


def test_a_reader_that_has_seen_enough_is_no_error(start: Started, tmp_path: Path) -> None:
    file = tmp_path / "long.mdb"
    file.write_text("".join(f"{at} > BREAK\n" for at in range(5000)), "utf-8")
    watching = start("watch", f"replay:{file}?pace=0", "--json")
    assert watching.stdout is not None
    assert watching.stderr is not None
    assert '"bus_reset"' in watching.stdout.readline()
    watching.stdout.close()
    assert watching.stderr.read() == ""
    assert watching.wait() == 0


def test_a_silence_is_told_with_what_to_check(start: Started, tmp_path: Path) -> None:
    file = tmp_path / "quiet.mdb"
    file.write_text("1 > BREAK\n10000 > BREAK\n", "utf-8")
    watching = start("watch", f"replay:{file}", "--silence", "0.05")
    told_by(watching, "`python -m mdb wiring replay` tells what to check")
    watching.send_signal(signal.SIGTERM)
    assert watching.wait() == 0


def test_the_end_of_a_silence_is_told(start: Started, tmp_path: Path) -> None:
    file = tmp_path / "quiet.mdb"
    file.write_text("1 > BREAK\n5 > BREAK\n", "utf-8")
    watching = start("watch", f"replay:{file}", "--silence", "0.05")
    told_by(watching, "nothing heard for 0.05 s")
    told_by(watching, "heard again, after")
    assert watching.wait() == 0


def test_wires_that_look_wrong_are_told(start: Started, tmp_path: Path) -> None:
    file = tmp_path / "half.mdb"
    polls = "".join(f"{at / 1000} > 12 12\n" for at in range(200))
    file.write_text(f"{polls}100 > BREAK\n", "utf-8")
    watching = start("watch", f"replay:{file}")
    told_by(watching, "only the VMC is heard")


def test_a_terminal_has_the_sum_below_and_colour(
    start: Started, terminal: Terminal, polls: Path
) -> None:
    vend = AP113.read_text("utf-8")
    polls.write_text(vend + polls.read_text("utf-8"), "utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    watching = start(
        *("watch", f"replay:{polls}?pace=10"),
        stdout=terminal.theirs,
        stderr=terminal.theirs,
        env=environment,
    )
    told = terminal.read()
    assert watching.wait() == 0
    assert "\x1b[1;32m" in told  # the sale
    lines = [line for line in told.split("\r\x1b[2K") if "B/s" in line]
    assert lines
    longest = max(len(line.split("\x1b[7m")[-1].split("\x1b[0m")[0]) for line in lines)
    assert longest <= 59
    assert told.rstrip().splitlines()[-1].endswith("sales 1, 125.10")


def test_no_color_is_kept(start: Started, terminal: Terminal) -> None:
    environment = {**os.environ, "NO_COLOR": "1"}
    watching = start(
        *("watch", f"replay:{AP113}?pace=100"),
        stdout=terminal.theirs,
        stderr=terminal.theirs,
        env=environment,
    )
    told = terminal.read()
    assert watching.wait() == 0
    assert "\x1b[" not in told.replace("\x1b[2K", "")


def test_what_was_still_open_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = watch(capsys, f"replay:{TRACES / 'coins-without-cash-sale.mdb'}?pace=0", "--json")
    assert json.loads(out[-1])["event"] == "cash_movement"

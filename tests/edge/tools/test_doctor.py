"""``doctor`` as a process: what it says, in which form, and how it ends."""

import json
import subprocess
from pathlib import Path

import pytest
from console import wait_until
from parts import ROOT, Mosquitto, free_port, python
from typist import at_terminal

from edge.checks import Finding
from edge.tools.doctor import lines


def config(folder: Path, port: int, more: str = "") -> Path:
    file = folder / "edge.toml"
    file.write_text(
        f'machine = "vm-1"\ntap = "virtual:0001=12000"\ndata = "{folder}"\n'
        f'[broker]\nport = {port}\n[receipts]\nqr = "fiscal"\n{more}',
        "utf-8",
    )
    return file


def doctor(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python("edge", "doctor", "--config", str(file), "--listen-s", "0.5", *more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_is_wrong_is_said_with_what_to_do_and_is_1(tmp_path: Path) -> None:
    ended = doctor(config(tmp_path, free_port()))
    assert ended.returncode == 1
    assert "FAIL  network      127.0.0.1:" in ended.stdout
    assert "→ the computer is there and nobody listens" in ended.stdout
    assert "OK    bus          a machine in memory" in ended.stdout
    assert ended.stdout.endswith(("wrong: network.\n", "wrong: disk, network.\n"))
    assert "Traceback" not in ended.stderr


@pytest.mark.needs("mosquitto")
def test_a_program_gets_one_object(tmp_path: Path, broker: Mosquitto) -> None:
    ended = doctor(config(tmp_path, broker.port), "--json")
    told = json.loads(ended.stdout)
    assert set(told) == {"ok", "checks"}
    assert all(set(each) == {"name", "state", "found", "advice"} for each in told["checks"])
    states = {each["name"]: each["state"] for each in told["checks"]}
    assert states["broker"] == "ok"
    assert states["cloud"] == "fail"
    assert (told["ok"], ended.returncode) == (False, 1)
    assert ended.stderr == ""


def test_a_wrong_configuration_is_2_before_anything_is_looked_at(tmp_path: Path) -> None:
    ended = doctor(config(tmp_path, 1, "[[display]]\nkind = 'wall'\n"))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "display[0].kind: Invalid value 'wall'; allowed are" in ended.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_it_listens_for_a_time_above_zero(tmp_path: Path, seconds: str) -> None:
    assert doctor(config(tmp_path, 1), "--listen-s", seconds).returncode == 2


@pytest.mark.needs("mosquitto")
def test_a_running_agent_is_asked_and_not_disturbed(tmp_path: Path, broker: Mosquitto) -> None:
    file = config(tmp_path, broker.port)
    log = tmp_path / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            python("edge", "run", "--config", str(file), "--verbose"),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=said,
        ) as agent,
    ):
        try:
            wait_until(lambda: "connected to the broker" in log.read_text("utf-8"))
            wait_until((tmp_path / "agent.sock").exists)
            checks = {
                each["name"]: each for each in json.loads(doctor(file, "--json").stdout)["checks"]
            }
            assert agent.poll() is None
        finally:
            agent.terminate()
            agent.wait(20)
    assert checks["broker"]["found"].startswith("the running agent is connected to")
    assert checks["bus"]["found"].startswith("the running agent hears it")
    assert checks["outbox"]["state"] == "ok"
    assert checks["display"]["found"].startswith("the running agent shows: 1-terminal")
    told = log.read_text("utf-8")
    assert told.count("connected to the broker") == 1
    assert "trying again" not in told


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    file = config(tmp_path, free_port())
    doctor(file)
    assert list(tmp_path.iterdir()) == [file]


def test_a_terminal_sees_what_is_waited_for_and_colours(tmp_path: Path) -> None:
    file = config(tmp_path, free_port())
    with at_terminal("doctor", "--config", file, "--listen-s", "1") as typist:
        typist.expect("waiting for ")
        typist.expect("bus")
        assert typist.ended() == 1
    assert "\x1b[31mFAIL\x1b[0m  network" in typist.seen


def test_findings_are_lines_with_their_advice_below() -> None:
    found = [
        Finding("bus", "ok", "400 B/s"),
        Finding("clock", "warn", "unsure", "see timedatectl"),
        Finding("cloud", "skipped", "not reached"),
    ]
    assert lines(found, colour=False) == [
        "OK    bus          400 B/s",
        "WARN  clock        unsure",
        "                   → see timedatectl",
        "-     cloud        not reached",
        "",
        "Nothing is wrong.",
    ]

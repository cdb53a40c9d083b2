"""``doctor`` as a process: what it says, in which form, and how it ends."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from console import wait_until
from parts import ROOT, Mosquitto, free_port, python
from typist import at_terminal

from edge.checks import Finding, State, as_is, both
from edge.checks.round import NAMES
from edge.technician.unix_socket import NAME, ask
from edge.tools.doctor import COLOURS, COUNTED, MARKS, TITLES, lines


def config(folder: Path, port: int, more: str = "") -> Path:
    file = folder / "edge.toml"
    file.write_text(
        f'machine = "vm-1"\ntap = "virtual:0001=12000"\ndata = "{folder}"\n'
        f'[broker]\nport = {port}\n[receipts]\nqr = "fiscal"\n{more}',
        "utf-8",
    )
    return file


def doctor(file: Path, *more: str, locale: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python("edge", "doctor", "--config", str(file), "--listen-s", "2", *more),
        cwd=ROOT,
        env={**os.environ, "LC_ALL": locale},
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
    assert re.fullmatch(
        r"\d wrong \((disk, )?network\), (\d doubtful \(.+\), )?\d OK, \d not checked",
        ended.stdout.splitlines()[-1],
    )
    assert ended.stderr == ""


BROKEN = """\
tap = "lines:{port}"
data = "/dev/shm"
[broker]
port = {closed}
ca = "/none/ca.crt"
[receipts]
qr = "fiscal"
[[display]]
kind = "png"
file = "{folder}/x.png"
width = 240
height = 240
width_mm = 23.4
height_mm = 23.4
[[printer]]
kind = "usb"
device = "{folder}/lp0"
"""


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Path]:
    """The file of a machine at which nearly everything is wrong, a silent bus first."""
    end, other = os.openpty()
    file = tmp_path / "edge.toml"
    port = os.ttyname(other)
    text = BROKEN.format(port=port, closed=free_port(), folder=tmp_path)
    file.write_text(f'machine = "vm-1"\n{text}', "utf-8")
    yield file
    os.close(end)
    os.close(other)


def test_a_broken_machine_is_told_in_russian(broken: Path) -> None:
    ended = doctor(broken, locale="ru_RU.UTF-8")
    *findings, empty, total = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr, empty) == (1, "", "")
    assert "СБОЙ      шина        " in findings[0]
    assert findings[1].startswith("                      → включён ли автомат")
    for line in findings:
        assert re.search("[а-яё]", line, re.IGNORECASE), line
        assert re.match(r"(OK|ВНИМАНИЕ|СБОЙ|—) +[а-я]+ +| {22}→ ", line), line
    assert total.startswith("сбоев: 5 (шина, диск, сеть, экран, принтер), ")
    assert total.endswith("в порядке: 2, не проверено: 3")


def test_the_language_that_is_asked_for_counts_more_than_the_terminal_s(broken: Path) -> None:
    ended = doctor(broken, "--lang", "en", locale="ru_RU.UTF-8")
    assert "FAIL  network      127.0.0.1:" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith(
        "5 wrong (bus, disk, network, display, printer), "
    )
    assert not re.search("[а-яё]", ended.stdout, re.IGNORECASE)


def test_a_program_gets_english_unless_it_asks_and_always_the_same_names(broken: Path) -> None:
    english = json.loads(doctor(broken, "--json", locale="ru_RU.UTF-8").stdout)["checks"]
    russian = json.loads(doctor(broken, "--json", "--lang", "ru").stdout)["checks"]
    for key in ("name", "state"):
        assert [each[key] for each in english] == [each[key] for each in russian]
    assert [each["name"] for each in english] == list(NAMES)
    assert "connection refused" in english[5]["found"]
    assert "соединение отвергнуто" in russian[5]["found"]


def test_help_says_how_to_choose_the_language(tmp_path: Path) -> None:
    shown = doctor(tmp_path / "none", "--help").stdout
    assert "edge doctor --config /etc/chekomat/edge.toml --lang ru" in shown
    assert "--lang {en,ru}" in shown


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
            wait_until((tmp_path / NAME).exists)
            wait_until(lambda: ask(tmp_path / NAME, 20).bus.last_byte_s is not None)
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


FOUND = [
    Finding("bus", "ok", both("400 байт/с", "400 B/s")),
    Finding("clock", "warn", both("не сверены", "unsure"), both("см. timedatectl", "see it")),
    Finding("cloud", "skipped", both("не дошли", "not reached")),
]


def test_findings_are_lines_with_their_advice_below() -> None:
    assert lines(FOUND, "en", colour=False) == [
        "OK    bus          400 B/s",
        "WARN  clock        unsure",
        "                   → see it",
        "-     cloud        not reached",
        "",
        "1 doubtful (clock), 1 OK, 1 not checked",
    ]
    assert lines(FOUND, "ru", colour=False) == [
        "OK        шина        400 байт/с",
        "ВНИМАНИЕ  часы        не сверены",
        "                      → см. timedatectl",
        "—         облако      не дошли",
        "",
        "под вопросом: 1 (часы), в порядке: 1, не проверено: 1",
    ]


def test_a_long_line_goes_on_under_its_own_column() -> None:
    long = [Finding("disk", "fail", as_is("word " * 12), as_is("run journalctl --vacuum-size=50M"))]
    assert lines(long, "en", colour=False, width=50)[:4] == [
        "FAIL  disk         word word word word word word",
        "                   word word word word word word",
        "                   → run journalctl",
        "                     --vacuum-size=50M",
    ]


def test_every_check_and_every_state_has_its_word_in_both_languages() -> None:
    assert set(TITLES) == set(NAMES)
    assert set(MARKS) == set(COUNTED) == set(COLOURS) == set(get_args(State))
    for each in TITLES.values():
        assert re.fullmatch("[а-я]+", each.ru)

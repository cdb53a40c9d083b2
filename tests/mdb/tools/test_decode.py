import gzip
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from parts import ROOT, python

from mdb.__main__ import main

TRACES = ROOT / "tests" / "traces"
AP113 = TRACES / "ap113-single-vend.mdb"
TWO = TRACES / "two-readers.mdb"


@pytest.fixture
def decode(capsys: pytest.CaptureFixture[str]) -> "Decode":
    return Decode(capsys)


class Decode:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str | Path) -> list[str]:
        assert main(["decode", *map(str, arguments)]) == 0
        told = self._capsys.readouterr()
        self.err = told.err
        return told.out.splitlines()

    def events(self, *arguments: str | Path) -> list[tuple[str, str]]:
        told = [json.loads(line) for line in self("--json", *arguments)]
        return [(each["event"], each["address"]) for each in told]


def piped(content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = python("mdb", "decode", *arguments)
    return subprocess.run(command, input=content, capture_output=True, check=True, cwd=ROOT)


def test_gzip_is_read_whatever_it_is_called(tmp_path: Path, decode: Decode) -> None:
    file = tmp_path / "capture.mdb"
    file.write_bytes(gzip.compress(AP113.read_bytes()))
    assert decode(file) == decode(AP113)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_is_a_capture_too(pack: "type[bytes]", decode: Decode) -> None:
    ended = piped(pack(AP113.read_bytes()), "-")
    assert ended.stdout.decode().splitlines() == decode(AP113)
    assert ended.stderr == b""


def test_a_recording_that_was_cut_off_is_read_up_to_the_cut() -> None:
    whole = gzip.compress(AP113.read_bytes() + b"# \xff" * 1000)
    ended = piped(whole[:-9], "-", "--json")
    assert b'"event": "sale"' in ended.stdout
    assert ended.stderr == b"-: the gzip is cut off; what stands before that was read\n"


def test_what_comes_in_slowly_is_told_at_once() -> None:
    command = python("mdb", "decode", "-", "--json")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as decoding:
        assert decoding.stdin is not None
        assert decoding.stdout is not None
        decoding.stdin.write(b"1 > BREAK\n")
        decoding.stdin.flush()
        assert json.loads(decoding.stdout.readline())["event"] == "bus_reset"
        decoding.stdin.close()
        assert decoding.stdout.read() == b""


def test_since_leaves_out_what_was_before_and_still_knows_the_money(decode: Decode) -> None:
    (sale,) = [
        json.loads(each) for each in decode(AP113, "--json", "--since", "9") if "sale" in each
    ]
    assert (sale["at"], sale["amount"]) == (9.0, 12510)
    assert all(float(line.split()[0]) >= 9 for line in decode(AP113, "--since", "9.0"))


def test_since_may_count_from_the_first_line(tmp_path: Path, decode: Decode) -> None:
    file = tmp_path / "late.mdb"
    file.write_text("5000 > BREAK\n5061 > BREAK\n5062.5 > BREAK\n8662.5 > BREAK\n", "utf-8")
    for since, left in [("00:00:00", 4), ("0:01:01", 3), ("00:01:02.5", 2), ("1:01:02.5", 1)]:
        assert len(decode(file, "--json", "--since", since)) == left


def test_an_address_leaves_out_the_others(decode: Decode) -> None:
    everything = decode.events(TWO)
    assert {address for _, address in everything} == {"10", "60"}
    only = decode.events(TWO, "--address", "60")
    assert only == [each for each in everything if each[1] == "60"]
    assert decode.events(TWO, "--address", "10,60") == everything
    assert not [line for line in decode(TWO, "--address", "60") if "cashless 1" in line]


def test_what_concerns_the_whole_bus_has_the_address_00(tmp_path: Path, decode: Decode) -> None:
    file = tmp_path / "some.mdb"
    file.write_text("1 > 12 13\n2 > BREAK\n3 > 10 10\n3.1 < 00\n", "utf-8")
    assert decode.events(file, "--address", "10") == []
    assert decode.events(file, "--address", "00") == [("bus_fault", "00"), ("bus_reset", "00")]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--since", "soon", "'soon' is no time; expected seconds"),
        ("--since", "-1", "'-1' is no time"),
        ("--since", "1:75:00", "'1:75:00' is no time"),
        ("--address", "12", "'12' is no peripheral's address; expected two hex digits such as 10"),
        ("--address", "xx", "'xx' is no peripheral's address"),
        ("--address", "10,", "'' is no peripheral's address"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    option: str, value: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["decode", str(AP113), option, value])
    assert told in " ".join(capsys.readouterr().err.split())


def test_the_table_stands_instead_of_the_conversation(decode: Decode) -> None:
    head, ours, *rest = decode(TWO, "--stats")
    assert head.startswith("device")
    assert ours.startswith("10 cashless 1")
    assert rest[0].startswith("60 cashless 2")
    assert not [line for line in rest if "VEND" in line]


def test_a_program_gets_the_table_as_one_line(decode: Decode) -> None:
    (line,) = decode(TWO, "--stats", "--json")
    told = json.loads(line)
    assert [each["address"] for each in told["devices"]] == ["10", "60"]
    assert {"min", "median", "p95", "max"} == set(told["devices"][0]["response_ms"])


def test_the_table_counts_what_is_wanted_only(decode: Decode) -> None:
    (line,) = decode(TWO, "--stats", "--json", "--address", "60")
    assert [each["address"] for each in json.loads(line)["devices"]] == ["60"]
    (line,) = decode(TWO, "--stats", "--json", "--since", "1000")
    assert json.loads(line)["devices"] == []


@pytest.mark.parametrize("form", [(), ("--json",), ("--stats",)])
def test_output_that_is_refused_is_a_fault_and_not_the_file_s(form: tuple[str, ...]) -> None:
    command = python("mdb", "decode", str(AP113), *form)
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT, text=True
        )
    assert ended.stderr == "python -m mdb: [Errno 28] No space left on device\n"
    assert ended.returncode == 1


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = python("mdb", "decode", "-", "--json")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as decoding:
        assert decoding.stdin is not None
        assert decoding.stdout is not None
        assert decoding.stderr is not None
        decoding.stdin.write(b"1 > BREAK\n")
        decoding.stdin.flush()
        decoding.stdout.readline()
        decoding.send_signal(signal.SIGINT)
        assert decoding.stderr.read() == b""
    assert decoding.returncode == 130


def test_a_capture_of_the_vmc_s_line_alone_is_heard_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "vmc.mdb"
    capture.write_text(
        "1.0 > 12 12\n2.0 > 13 05 00 96 00 0A B8\n2.2 > 12 12\n2.3 > 00\n5.0 > 12 12\n"
    )
    assert main(["decode", str(capture), "--json", "--vmc-only"]) == 0
    (sale,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (sale["event"], sale["item"], sale["confidence"]) == ("sale", "000a", "presumed")


def test_several_files_are_one_capture_and_the_first_tells_the_money(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.mdb", tmp_path / "b.mdb"
    context = '{"scaling": {"scale": 10, "decimals": 2, "currency": "RUB", "code": "1643"}}'
    first.write_text(
        f"# context 10 {context}\n1.0 > 13 00 00 96 00 0A B3\n1.1 < 05 00 96 9B\n1.2 > 00\n"
    )
    second.write_text("# begun anew\n3.0 > 13 02 00 0A 1F\n3.1 < 00\n")
    assert main(["decode", str(first), str(second), "--json"]) == 0
    *_, sale = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (sale["event"], sale["amount"], sale["currency"]) == ("sale", 1500, "RUB")

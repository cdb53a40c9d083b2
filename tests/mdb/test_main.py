import json
import subprocess
import sys
from pathlib import Path

import pytest

from mdb.__main__ import main

TRACES = Path(__file__).parents[1] / "traces"
COMMANDS = ("decode", "watch", "record", "replay", "virtual", "pcap", "wiring")
AP113 = TRACES / "ap113-single-vend.mdb"


def decode(*arguments: str) -> int:
    return main(["decode", *arguments])


def test_a_person_reads_the_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    assert decode(str(AP113)) == 0
    told = capsys.readouterr().out
    assert "VEND REQUEST  price 1251  item 0001" in told
    assert "SALE  item 0001  125.10  cashless-1  paid  confirmed" in told
    assert "\x1b" not in told  # no terminal, no colour


def test_a_program_reads_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert decode(str(AP113), "--json") == 0
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"event", "at", "address"} <= set.intersection(*(set(each) for each in written))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello\n", "line 1 is no line of a trace: 'hello'; expected"),
        (b"\x7fELF\x80\xff", "line 1 is no line of a trace"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    file = tmp_path / "some.mdb"
    file.write_bytes(content)
    assert decode(str(file), "--json") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{file}: {told}")


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decode(str(tmp_path / "none.mdb")) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.mdb'}: No such file or directory\n"
    assert decode(str(tmp_path)) == 2
    assert capsys.readouterr().err == f"{tmp_path}: Is a directory\n"


@pytest.mark.parametrize(
    "content",
    ["1 > 12 13\n2 < 42\n", "\ufeff1 > 12 12\r\n1.1 < 00\r\n"],
)
def test_whatever_was_heard_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = tmp_path / "noise.mdb"
    file.write_text(content, "utf-8")
    assert decode(str(file), "--json") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", ["", "# nothing\n"])
def test_a_capture_of_nothing_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = tmp_path / "nothing.mdb"
    file.write_text(content, "utf-8")
    assert decode(str(file), "--json") == 0
    assert capsys.readouterr() == ("", f"{file}: nothing was recorded\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    told = capsys.readouterr().out
    assert told.startswith(f"usage: python -m mdb {command} ")
    assert f"examples:\n  python -m mdb {command}" in told


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n    {command} " in told
    assert "130 interrupted" in told


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["fly"])
    assert "invalid choice: 'fly'" in capsys.readouterr().err


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "usage: python -m mdb" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "long.mdb"
    file.write_text("".join(f"{at} > 12 13\n" for at in range(5000)), "utf-8")
    command = [sys.executable, "-m", "mdb", "decode", str(file), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as decoding:
        assert decoding.stdout is not None
        assert decoding.stderr is not None
        assert decoding.stdout.readline().startswith(b'{"event": "bus_fault"')
        decoding.stdout.close()
        assert decoding.stderr.read() == b""
    assert decoding.returncode == 0


def test_a_line_that_cannot_be_read_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.mdb"
    file.write_bytes(b"1.0 > break\n\xff\xfe\n2.0 > 13 FZ\n3.0 > BREAK\n")

    assert main(["decode", "--json", str(file)]) == 0

    told = capsys.readouterr()
    assert [json.loads(line)["event"] for line in told.out.splitlines()] == ["bus_reset"] * 2
    assert "line 2 cannot be read" in told.err
    assert "line 3 cannot be read and is left out: '2.0 > 13 FZ'" in told.err

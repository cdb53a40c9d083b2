import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from bookkeeper import Books, Vend
from console import Started
from parts import ROOT

from mdb.__main__ import main

VISION_BOX = ROOT / "tests" / "mdb" / "audit" / "vision-box.dts"
SOLD = [Vend("10", 15000), Vend("10", 15000, "DA")]


def kept(file: Path, *vends: Vend, serial: str = "ABC") -> str:
    file.write_bytes(Books(serial, vends=[*vends]).dts())
    return str(file)


def test_a_machines_life_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(VISION_BOX)]) == 0
    told = capsys.readouterr().out
    assert "paid               423 vends       1435.00 EUR" in told
    assert "the checksum is right" in told


def test_two_reads_are_a_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    morning = kept(tmp_path / "morning.dts", *SOLD)
    evening = kept(tmp_path / "evening.dts", *SOLD, *SOLD, Vend("11", 9000))
    assert main(["audit", morning, evening, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["totals"]["paid"] == {"count": 3, "amount": 39000}
    assert told["totals"]["cash"] == {"count": 2, "amount": 24000}
    assert told["imbalances"] == []


def test_gzip_is_read_from_a_pipe(start: Started) -> None:
    piped = start("audit", "-", "--json", stdin=subprocess.PIPE, text=False)
    told, _ = piped.communicate(gzip.compress(VISION_BOX.read_bytes()), timeout=60)
    assert piped.returncode == 0
    assert json.loads(told)["totals"]["paid"] == {"count": 423, "amount": 143500}


def test_a_gzip_that_was_cut_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cut.gz"
    file.write_bytes(gzip.compress(VISION_BOX.read_bytes())[:-9])
    assert main(["audit", str(file)]) == 0
    told = capsys.readouterr()
    assert "what stands before that was read" in told.err
    assert "machine   JOF" in told.out
    assert "THE FILE IS CUT OFF" in told.out


def test_a_damaged_gzip_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "damaged.gz"
    packed = gzip.compress(Books("ABC", vends=SOLD).dts())
    file.write_bytes(packed[:-8] + b"\0" * 8)
    assert main(["audit", str(file), kept(tmp_path / "later", *SOLD)]) == 2
    assert "the earlier read is cut off; read the machine again" in capsys.readouterr().err


def test_a_closed_standard_input_is_a_mistake() -> None:
    process = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m mdb audit - <&-'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (process.returncode, process.stderr) == (2, "-: standard input is closed\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"1.0 > 10 10\n", "no EVA-DTS file: no line begins with DXS*, ST* or ID1*"),
        (b"ST*1*1\n" * 200_000, "longer than any audit file: more than 1048576 bytes"),
    ],
)
def test_a_file_that_is_no_audit_is_a_mistake(
    content: bytes | None, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.dts"
    if content is not None:
        file.write_bytes(content)
    assert main(["audit", str(file)]) == 2
    assert capsys.readouterr().err == f"{file}: {why}\n"


def test_two_machines_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = kept(tmp_path / "a", *SOLD), kept(tmp_path / "b", *SOLD, serial="DEF")
    assert main(["audit", one, other]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{one} and {other}: these are two machines")
    assert len(told.err.splitlines()) == 1


def test_an_audit_that_went_over_the_bus_is_one(start: Started) -> None:
    decoded = start("decode", ROOT / "tests" / "traces" / "satellite-and-audit-file.mdb", "--json")
    told, _ = decoded.communicate(timeout=60)
    events = [json.loads(line) for line in told.splitlines()]
    (file,) = (each["raw"]["bytes"] for each in events if each.get("file") == "01")
    piped = start("audit", "-", "--json", stdin=subprocess.PIPE, text=False)
    audited, _ = piped.communicate(bytes.fromhex(file), timeout=60)
    assert json.loads(audited)["machine"]["serial"] == "JOF"

import gzip
import struct
from pathlib import Path

import pytest
from console import Started
from parts import ROOT

from mdb.__main__ import main

TRACES = ROOT / "tests" / "traces"
TWO = TRACES / "two-readers.mdb"


def packets(file: bytes) -> list[tuple[int, int, bytes]]:
    """Seconds, microseconds and bytes, by the file format's description."""
    assert file[:4] == b"\xd4\xc3\xb2\xa1"
    told, position = [], 24
    while position < len(file):
        seconds, micros, length = struct.unpack_from("<III", file, position)
        told.append((seconds, micros, file[position + 16 : position + 16 + length]))
        position += 16 + length
    return told


def test_a_capture_becomes_a_file_for_wireshark(tmp_path: Path) -> None:
    out = tmp_path / "two.pcap"
    assert main(["pcap", str(TWO), str(out)]) == 0
    first, second, third, *_ = packets(out.read_bytes())
    assert first == (0, 100_000, bytes.fromhex("00ff 1100031001 0126"))
    assert second == (0, 110_000, bytes.fromhex("00fe10 01031978010205 09a6"))
    assert third == (0, 120_000, bytes.fromhex("00ff00"))


def test_every_block_of_every_capture_is_a_packet(tmp_path: Path) -> None:
    for trace in TRACES.glob("*.mdb"):
        lines = (line.split("#")[0].strip() for line in trace.read_text("utf-8").splitlines())
        blocks = [line for line in lines if line]
        out = tmp_path / f"{trace.stem}.pcap"
        assert main(["pcap", str(trace), str(out)]) == 0
        assert len(packets(out.read_bytes())) == len(blocks)


@pytest.mark.parametrize(
    "start", ["2026-11-25T15:10:48.5Z", "2026-11-25T15:10:48.5", "2026-11-25T18:10:48.5+03:00"]
)
def test_the_first_byte_may_have_its_time(tmp_path: Path, start: str) -> None:
    trace, out = tmp_path / "some.mdb", tmp_path / "some.pcap"
    trace.write_text("100.25 > BREAK\n101.5 > BREAK\n", "utf-8")
    assert main(["pcap", str(trace), str(out), "--start", start]) == 0
    assert [each[:2] for each in packets(out.read_bytes())] == [
        (1_795_619_448, 500_000),
        (1_795_619_449, 750_000),
    ]


def test_gzip_goes_in_and_a_pipe_comes_out(tmp_path: Path, start: Started) -> None:
    packed, out = tmp_path / "packed", tmp_path / "two.pcap"
    packed.write_bytes(gzip.compress(TWO.read_bytes()))
    assert main(["pcap", str(TWO), str(out)]) == 0
    piping = start("pcap", packed, "-", text=False)
    told, warned = piping.communicate()
    assert told == out.read_bytes()
    assert (warned, piping.returncode) == (b"", 0)


def test_a_capture_that_was_cut_off_gives_what_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, out = tmp_path / "packed", tmp_path / "two.pcap"
    packed.write_bytes(gzip.compress(TWO.read_bytes())[:-5])
    assert main(["pcap", str(packed), str(out)]) == 0
    assert "the gzip is cut off; what was read is written" in capsys.readouterr().err
    assert packets(out.read_bytes())


def test_an_empty_capture_is_an_empty_file_for_wireshark(tmp_path: Path) -> None:
    trace, out = tmp_path / "none.mdb", tmp_path / "none.pcap"
    trace.touch()
    assert main(["pcap", str(trace), str(out)]) == 0
    assert len(out.read_bytes()) == 24


def test_a_file_that_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "precious.pcap"
    out.write_bytes(b"precious")
    assert main(["pcap", str(TWO), str(out)]) == 2
    assert capsys.readouterr().err == f"{out}: exists; name another file, or remove it\n"
    assert out.read_bytes() == b"precious"


def test_a_mistake_leaves_no_half_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, out = tmp_path / "some.mdb", tmp_path / "some.pcap"
    trace.write_text("hello\n", "utf-8")
    assert main(["pcap", str(trace), str(out)]) == 2
    assert capsys.readouterr().err.startswith(f"{trace}: line 1 is no line of a trace")
    assert not out.exists()
    assert main(["pcap", str(tmp_path / "none"), str(out)]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none'}: No such file or directory\n"
    assert not out.exists()
    assert main(["pcap", str(TWO), "/nowhere/some.pcap"]) == 2
    assert capsys.readouterr().err == "/nowhere/some.pcap: No such file or directory\n"


def test_a_full_disk_is_a_fault(start: Started) -> None:
    with Path("/dev/full").open("wb") as full:
        piping = start("pcap", TWO, "-", stdout=full)
        assert piping.stderr is not None
        assert piping.stderr.read() == "python -m mdb: [Errno 28] No space left on device\n"
        assert piping.wait() == 1


def test_a_time_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["pcap", str(TWO), "x.pcap", "--start", "yesterday"])
    assert "'yesterday' is no time; expected ISO 8601" in capsys.readouterr().err

import io
import os
import subprocess
from pathlib import Path

from parts import ROOT, python

from mdb.tools.progress import WIPE, Progress, told
from mdb.tools.source import Source


class Console(io.StringIO):
    def isatty(self) -> bool:
        return True


def source(content: bytes, size: int | None) -> Source:
    made = Source(io.BytesIO(content))
    made.size = size
    return made


def test_percent_where_the_size_is_known() -> None:
    assert told(source(bytes(500_000), 2_000_000), 12.4) == "read 3 %, 0.1 MB in 12 s"
    assert told(source(bytes(2_000), 1_000), 1) == "read 100 %, 0.0 MB in 1 s"


def test_bytes_and_time_where_it_is_not() -> None:
    assert told(source(bytes(500_000), None), 3.2) == "read 0.1 MB in 3 s"


def test_it_is_drawn_when_it_is_time_and_leaves_nothing_behind() -> None:
    console, times = Console(), iter([100.0, 100.1, 101.0, 101.1])
    progress = Progress(source(b"1", 1), console, lambda: next(times))
    progress.look()
    assert console.getvalue() == ""
    progress.look()
    progress.look()
    assert console.getvalue() == f"{WIPE}read 100 %, 0.0 MB in 1 s"
    progress.wipe()
    progress.wipe()
    assert console.getvalue() == f"{WIPE}read 100 %, 0.0 MB in 1 s{WIPE}"


def test_no_terminal_no_progress() -> None:
    file, times = io.StringIO(), iter([100.0, 200.0])
    progress = Progress(source(b"1", 1), file, lambda: next(times))
    progress.look()
    progress.wipe()
    assert file.getvalue() == ""


def test_a_long_capture_shows_how_far_it_is(tmp_path: Path) -> None:
    """On a real terminal: the line comes, and is gone in the end."""
    file = tmp_path / "long.mdb"
    file.write_text("".join(f"{at} > 12 12\n{at}.005 < 00\n" for at in range(100_000)), "utf-8")
    mine, theirs = os.openpty()
    command = python("mdb", "decode", str(file), "--stats")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs) as decoding:
        os.close(theirs)
        assert decoding.stdout is not None
        assert b"10 cashless 1" in decoding.stdout.read()
    shown = os.read(mine, 1 << 16).decode()
    os.close(mine)
    assert " %, " in shown
    assert shown.endswith(WIPE)

"""The log as journald gets it: real records, real streams, a process of its own."""

import asyncio
import io
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from parts import ROOT

from edge.journal import (
    KEPT,
    KINDS,
    LONGEST,
    SAME,
    WINDOW_S,
    RecentLines,
    Repetitions,
    folded,
    one_line,
    set_up,
)

log = logging.getLogger("edge.test")


class Process:
    """Logging as one process has it, put back afterwards."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def set_up(self, *, verbose: bool = False) -> RecentLines:
        return set_up(verbose=verbose, stream=self.stream, environment={})

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def process() -> Iterator[Process]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook
    yield Process()
    logging.captureWarnings(False)
    root.handlers[:], level, sys.excepthook, threading.excepthook = before
    root.setLevel(level)


def test_a_warning_is_one_line_and_less_is_not_written(process: Process) -> None:
    process.set_up()
    log.info("sale kept: seq=%s", 1)
    log.warning("the tap has ended: %s", "a\nb\r\tc\x1b[31m\x00\u2028d")
    assert process.lines == [r"WARNING edge.test: the tap has ended: a\nb\r c\x1b[31m\x00\u2028d"]


def test_verbose_writes_info_as_well_but_no_debug(process: Process) -> None:
    process.set_up(verbose=True)
    log.debug("never")
    for seq in range(SAME + 5):
        log.info("sale kept: seq=%s", seq)
    assert len(process.lines) == SAME + 5
    assert process.lines[-1] == f"INFO edge.test: sale kept: seq={SAME + 4}"


def open_port() -> None:
    raise OSError("no such\nport")


def fail() -> None:
    try:
        open_port()
    except OSError as error:
        raise ValueError("the tap is gone") from error


def test_a_traceback_is_folded_into_the_line(process: Process) -> None:
    process.set_up()
    try:
        fail()
    except ValueError:
        log.exception("the bus")
    (line,) = process.lines
    assert line.startswith(
        "ERROR edge.test: the bus: ValueError: the tap is gone [edge/test_journal"
    )
    assert r" fail] from OSError: no such\nport [" in line


async def test_a_task_group_tells_what_really_happened() -> None:
    async def disk() -> None:
        raise OSError("the disk")

    async def tap() -> None:
        raise KeyError("tap")

    async def agent() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(disk())
            group.create_task(tap())

    with pytest.raises(ExceptionGroup) as caught:
        await agent()
    told = folded(caught.value)
    assert told.startswith("OSError: the disk [")
    assert "; KeyError: 'tap' [" in told


def test_a_slip_in_a_log_call_loses_nothing(process: Process) -> None:
    process.set_up()
    log.warning(*("pending: %d of %s", "many"))
    (line,) = process.lines
    assert "pending: %d of %s ('many',)" in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("password=hunter2 host=a", "password=… host=a"),
        ("{'password': 'hunter2', 'a': 1}", "{'password': '…', 'a': 1}"),
        ("Sale(seq=1, token='k7q2m9x4t8b3c5wz')", "Sale(seq=1, token='…')"),
        ('{"token":"k7q2m9x4t8b3c5wz"}', '{"token":"…"}'),
        ("https://chek.example/r/k7q2m9x4t8b3c5wz shown", "https://chek.example/r/… shown"),
        ("mqtt://vm-1:hunter2@broker:1883", "mqtt://…@broker:1883"),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("broker.password_file: /etc/x: cannot be read", None),
        ("seq=1041 amount=12510", None),
    ],
)
def test_what_looks_like_a_secret_is_struck_out(text: str, told: str | None) -> None:
    assert one_line(text) == (told or text)


def test_a_line_has_an_end() -> None:
    line = one_line("x" * (LONGEST + 1))
    assert line == "x" * LONGEST + f"… ({LONGEST + 1} characters)"


def test_the_same_message_is_written_ten_times_an_hour_and_then_counted() -> None:
    seen = Repetitions()
    written = [seen.may_write("the disk refuses: %s", at) for at in range(47)]
    assert written == [True] * SAME + [False] * 37
    assert seen.may_write("another", 47)
    assert seen.over(WINDOW_S - 1) == []
    assert seen.over(WINDOW_S) == [("the disk refuses: %s", 37)]
    assert seen.may_write("the disk refuses: %s", WINDOW_S)
    assert seen.over(2 * WINDOW_S + 1) == []  # one of it is not worth a word


def test_the_messages_that_are_counted_are_bounded() -> None:
    seen = Repetitions()
    for number in range(KINDS + 1):
        for _ in range(SAME):
            assert seen.may_write(f"message {number}", 0)
    assert seen.may_write("message 0", 0)  # made room, and begins anew
    assert not seen.may_write("message 2", 0)


def test_a_flood_reaches_the_stream_ten_times_whatever_its_values(process: Process) -> None:
    recent = process.set_up()
    for number in range(100):
        log.error("the disk refuses: %s", number)
    log.error("something else")
    assert len(process.lines) == SAME + 1
    assert len(recent.last(1000)) == 101


def test_the_recent_lines_are_kept_from_info_on_with_their_time(process: Process) -> None:
    recent = process.set_up()
    log.debug("never")
    log.info("sale kept: %s", "a\nb")
    log.warning("token=%s", "k7q2m9x4t8b3c5wz")
    first, second = recent.last(10)
    assert first[:2] == "20"
    assert first[19:] == r"Z INFO edge.test: sale kept: a\nb"
    assert second.endswith("WARNING edge.test: token=…")
    assert recent.last(1) == [second]
    assert recent.last(0) == []


def test_the_recent_lines_are_bounded(process: Process) -> None:
    recent = process.set_up()
    for number in range(KEPT + 1):
        log.info("%d %s", number, "x" * LONGEST)
    lines = recent.last(KEPT + 10)
    assert len(lines) == KEPT
    assert "edge.test: 1 x" in lines[0]
    assert max(map(len, lines)) < LONGEST


def test_what_nobody_catches_and_what_python_warns_of_is_a_line_too(process: Process) -> None:
    process.set_up()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nhabits", UserWarning, stacklevel=1)
    fell, warned = process.lines
    assert fell.startswith("CRITICAL edge.journal: the agent fell: ValueError: the tap is gone [")
    assert r"old\nhabits" in warned


@pytest.mark.usefixtures("process")
def test_a_stream_that_is_full_or_closed_stops_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Its closing writes what is left, and fails as well.
    with suppress(OSError), Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        recent = set_up(verbose=False, stream=full, environment={})
        log.warning("nobody reads this")
    log.warning("nor this")
    assert len(recent.last(9)) == 2
    assert capsys.readouterr().err == ""


CODE = """
import logging, edge.journal
edge.journal.set_up(verbose=True)
log = logging.getLogger("edge.x")
log.info("i"), log.warning("w"), log.error("e")
raise SystemError("fell")
"""


def test_journald_is_told_the_priority_of_each_line() -> None:
    read, write = os.pipe()
    state = os.fstat(write)
    environment = {**os.environ, "JOURNAL_STREAM": f"{state.st_dev}:{state.st_ino}"}
    ended = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env=environment, stderr=write, check=False
    )
    os.close(write)
    with open(read, encoding="utf-8") as heard:  # noqa: PTH123, a pipe has no path
        lines = heard.read().splitlines()
    assert ended.returncode == 1
    assert lines[:3] == ["<6>edge.x: i", "<4>edge.x: w", "<3>edge.x: e"]
    assert lines[3].startswith("<2>edge.journal: the agent fell: SystemError: fell [")
    assert len(lines) == 4


def test_a_stream_that_is_not_journalds_gets_words() -> None:
    environment = {**os.environ, "JOURNAL_STREAM": "1:1"}
    ended = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.splitlines()[:2] == ["INFO edge.x: i", "WARNING edge.x: w"]


def test_every_sale_that_no_disk_took_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        set_up(verbose=False)
        for number in range(15):
            logging.getLogger("edge.keeper").critical("not kept: %s", f"sale {number}")
    finally:
        root.handlers[:], root.level = before
    told = capsys.readouterr().err
    assert [each for each in range(15) if f"not kept: sale {each}\n" in told] == list(range(15))

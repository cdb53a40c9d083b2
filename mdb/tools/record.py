"""``record``: what is said on a bus, kept in files."""

import argparse
import asyncio
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from mdb.byte import Signal
from mdb.tools.listening import (
    SILENCE_S,
    TAP_HELP,
    Silence,
    TapFailedError,
    above_zero,
    listen,
    open_named,
    silence_words,
    telling,
)
from mdb.tools.mistake import of_file
from mdb.tools.recorder import Plan, Recorder
from mdb.tools.segments import Segments

DESCRIPTION: Final = """\
Keep what is said on a bus in numbered files: FILE capture.mdb becomes
capture-0001-20261125T151048Z.mdb and so on, the time (UTC) being the file's start. No file is ever
written over. A power cut loses the last second at most. Where the disk refuses (it is full), the
recorder listens on, keeps a megabyte in memory, tries again every second, and notes the gap.

Ends with the tap, or with Ctrl-C: both are 0; 1 when the last lines could not be written.
"""
EXAMPLES: Final = """\
examples:
  python -m mdb record qibixx:/dev/ttyACM0 capture.mdb
  python -m mdb record uart:/dev/ttyAMA0,/dev/ttyAMA3 /var/tmp/bus.mdb --rotate-mb 20 --gzip
  python -m mdb decode capture-*                                   read them all; gzip or not
"""
_SYNC_S: Final = 1.0
_MEGABYTE: Final = 1_000_000


class Recording:
    """A recorder at a tap: once a second the disk gets what was heard."""

    def __init__(self, tap: str, recorder: Recorder) -> None:
        self._tap = tap
        self._recorder = recorder
        self._silence = Silence(SILENCE_S, time.monotonic())

    def take(self, signal: Signal) -> None:
        """Take what the tap heard."""
        lasted = self._silence.heard(time.monotonic())
        if lasted is not None:
            say(f"heard again, after {lasted:.1f} s")
        self._recorder.take(signal)

    async def tick(self) -> None:
        """Write and sync; the sync in a thread, as a slow card must not make us deaf."""
        now = time.monotonic()
        if self._silence.look(now):
            say(silence_words(self._tap, SILENCE_S))
        if self._silence.length(now) >= _SYNC_S:
            self._recorder.rest()
        if self._recorder.write():
            try:
                await asyncio.to_thread(self._recorder.segment.sync)
            except OSError as error:
                self._recorder.refused(error)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "record",
        help="keep what is said on a bus in files",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tap", metavar="TAP", help=TAP_HELP)
    parser.add_argument("file", type=Path, metavar="FILE", help="what the files are named from")
    parser.add_argument(
        "--rotate-mb",
        type=above_zero,
        default=50.0,
        metavar="MB",
        help="begin the next file at this size (default: %(default)g)",
    )
    parser.add_argument(
        "--keep",
        type=_count,
        default=0,
        metavar="N",
        help="keep the newest N files, the open one included; 0 keeps all (the default)",
    )
    parser.add_argument("--gzip", action="store_true", help="compress a file once it is closed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0 when all that was heard is kept, 1 when the tap or the disk gave up.

    Raises:
        MistakeError: there is no such tap, or no file can be made.
    """
    tap = open_named(arguments.tap)
    title = f"MDB trace, recorded from {arguments.tap} by chekomat {_version()}"
    rotate = int(arguments.rotate_mb * _MEGABYTE)
    plan = Plan(title, rotate, arguments.keep, arguments.gzip, tap.vmc_only)
    try:
        recorder = Recorder(Segments.named(arguments.file), plan, say)
    except OSError as error:
        raise of_file(arguments.file, error) from error
    recording = Recording(arguments.tap, recorder)
    status = 0
    try:
        with telling(say):
            asyncio.run(listen(tap, recording.take, recording.tick, _SYNC_S))
    except TapFailedError as failed:
        say(f"{arguments.tap}: {failed}")
        status = 1
    finally:
        whole = recorder.close()
    return status if whole else 1


def say(line: str) -> None:
    """Tell the person who records."""
    print(line, file=sys.stderr, flush=True)


def _count(told: str) -> int:
    if not told.isascii() or not told.isdigit():
        raise argparse.ArgumentTypeError(f"{told!r} is no number of files, such as 50")
    return int(told)


def _version() -> str:
    try:
        return version("chekomat")
    except PackageNotFoundError:
        return "of unknown version"

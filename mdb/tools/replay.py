"""``python -m mdb replay``: a trace, played onto a pty as if a device were there."""

import argparse
import contextlib
import signal as signals
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mdb.byte import Break, Line, Signal
from mdb.tools.mistake import MistakeError, of_file
from mdb.tools.pseudo_port import SPEECHES, PseudoPort
from mdb.trace import NotATraceError, read_trace

EXAMPLES: Final = """\
examples:
  python -m mdb replay capture.mdb --link /tmp/tap            at the bus's own pace
  python -m mdb watch lines:/tmp/tap                          in another terminal
  python -m mdb replay capture.mdb --pace 10 --speak qibixx   as an adapter, ten times as fast
"""
SHOWN_EVERY: Final = 50
AT_ONCE_HELP: Final = (
    "without waiting; a lines: listener at the port stamps blocks by when they come, so bus times"
    " (pauses, timeouts, how long a sale took) then mean nothing there"
)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "replay",
        help="play a trace onto a pseudo serial port",
        description="Play a trace onto a pty. It begins when somebody opens the port.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a trace, or Qibixx sniff lines")
    add_port_options(parser)
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--pace", type=_pace, default=1.0, metavar="N", help="times as fast as it was recorded"
    )
    pace.add_argument("--at-once", action="store_true", help=AT_ONCE_HELP)
    parser.set_defaults(run=run)


def add_port_options(parser: argparse.ArgumentParser) -> None:
    """What every pseudo port has."""
    parser.add_argument(
        "--speak",
        choices=sorted(SPEECHES),
        default="lines",
        help="the trace format, or a Qibixx adapter that waits for X,1; default: %(default)s",
    )
    parser.add_argument("--link", type=Path, metavar="PATH", help="a symbolic link to the port")


def run(arguments: argparse.Namespace) -> int:
    """Play the file once, to its end, or to Ctrl-C or SIGTERM: 130.

    Raises:
        MistakeError: it is no trace, or cannot be read; or the link cannot be made.
    """
    blocks = list(_blocks(_signals(arguments.file)))
    if not blocks:
        raise MistakeError(f"{arguments.file}: nothing was heard in it")
    with (
        terminable(),
        PseudoPort(SPEECHES[arguments.speak](), arguments.link) as port,
    ):
        try:
            print(f"port {port.path}" + (f" = {port.link}" if port.link else ""), file=sys.stderr)
            for number in port.play(blocks, 0.0 if arguments.at_once else arguments.pace):
                _show(number, len(blocks))
            port.drain()
        except KeyboardInterrupt:
            return 130
    return 0


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM is Ctrl-C: what was made for the port is taken away again."""
    before = signals.signal(signals.SIGTERM, signals.default_int_handler)
    try:
        yield
    finally:
        signals.signal(signals.SIGTERM, before)


def _signals(file: Path) -> list[Signal]:
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as trace:
            return list(read_trace(trace))
    except (NotATraceError, OSError) as error:
        raise of_file(file, error) from error


def _blocks(signals: list[Signal]) -> Iterator[list[Signal]]:
    """What was said in one breath."""
    block: list[Signal] = []
    for signal in signals:
        if block and _begins(signal, block[-1]):
            yield block
            block = []
        block.append(signal)
    if block:
        yield block


def _begins(signal: Signal, before: Signal) -> bool:
    if isinstance(signal, Break) or isinstance(before, Break):
        return True
    return signal.line is not before.line or (signal.line is Line.VMC and signal.mode)


def _show(number: int, count: int) -> None:
    """How far it is: on a terminal over and over, else at the end."""
    last = number == count
    if not last and (number % SHOWN_EVERY or not sys.stderr.isatty()):
        return
    end = "\n" if last else ""
    wipe = "\r" if sys.stderr.isatty() else ""
    print(f"{wipe}{number} of {count} blocks", end=end, file=sys.stderr, flush=True)


def _pace(told: str) -> float:
    try:
        pace = float(told)
    except ValueError:
        pace = 0.0
    if not 0.0 < pace < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, such as 10, not {told!r}")
    return pace

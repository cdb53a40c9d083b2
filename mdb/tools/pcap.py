"""``pcap``: a capture for Wireshark."""

import argparse
import sys
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from mdb.pcap import Packets
from mdb.tools.mistake import MistakeError, of_file
from mdb.tools.progress import Progress
from mdb.tools.source import lines_of, opened
from mdb.trace import NotATraceError, read_trace

DESCRIPTION: Final = """\
Write a capture as a pcap file (link type 300, MDB), which Wireshark 4.2 and later dissect.
TRACE is whatever `decode` reads. OUT is never written over; - is standard output.
"""
EXAMPLES: Final = """\
examples:
  python -m mdb pcap capture.mdb capture.pcap
  python -m mdb pcap capture.mdb capture.pcap --start 2026-11-25T15:10:48Z
  python -m mdb pcap capture.mdb - | wireshark -k -i -
"""
STANDARD_OUTPUT: Final = Path("-")
_LOOK_EVERY: Final = 1024


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "pcap",
        help="a capture for Wireshark",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="TRACE", help="the capture, or - for stdin")
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write, or - for stdout")
    parser.add_argument(
        "--start",
        type=_moment,
        metavar="TIME",
        help="when the capture's first byte was, as ISO 8601 (UTC where no zone is given);"
        " without it the packets have the capture's own seconds",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0 once the file is written, 1 when the disk refused it.

    Raises:
        MistakeError: the capture cannot be read, or the file cannot be made.
    """
    if arguments.out == STANDARD_OUTPUT:
        _convert(arguments, sys.stdout.buffer)
        return 0
    try:
        out = arguments.out.open("xb")
    except FileExistsError as error:
        raise MistakeError(f"{arguments.out}: exists; name another file, or remove it") from error
    except OSError as error:
        raise of_file(arguments.out, error) from error
    try:
        with out:
            _convert(arguments, out)
    except OSError as error:
        arguments.out.unlink()
        print(f"{arguments.out}: {error.strerror or error}; nothing is written", file=sys.stderr)
        return 1
    except BaseException:
        arguments.out.unlink()  # half a file looks like a whole one
        raise
    return 0


def _convert(arguments: argparse.Namespace, out: BinaryIO) -> None:
    packets = _packets(arguments)
    try:
        out.writelines(packets)
        out.flush()
    finally:
        packets.close()


def _packets(arguments: argparse.Namespace) -> Generator[bytes, None, None]:
    try:
        with opened(arguments.file) as (source, text):
            progress = Progress(source)
            try:
                yield from _read(lines_of(text), arguments.start, progress)
            finally:
                progress.wipe()
            if source.cut is not None:
                print(f"{arguments.file}: {source.cut}; what was read is written", file=sys.stderr)
    except (NotATraceError, OSError) as error:
        raise of_file(arguments.file, error) from error


def _read(text: Iterable[str], start: datetime | None, progress: Progress) -> Iterator[bytes]:
    yield Packets.HEADER
    packets: Packets | None = None
    for count, signal in enumerate(read_trace(text)):
        if packets is None:
            packets = Packets(start.timestamp() - signal.at if start else 0.0)
        if not count % _LOOK_EVERY:
            progress.look()
        yield from packets.feed(signal)
    if packets is not None:
        yield from packets.flush()


def _moment(told: str) -> datetime:
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{told!r} is no time; expected ISO 8601 such as 2026-11-25T15:10:48Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

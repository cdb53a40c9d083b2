"""The bus on the command line: ``python -m mdb decode FILE [--json]``."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mdb.conversation import lines
from mdb.event import as_json
from mdb.sniffer import Heard, Sniffer
from mdb.trace import NotATraceError, read_trace

EXAMPLES = """\
examples:
  python -m mdb decode tests/traces/ap113-single-vend.mdb          read the conversation
  python -m mdb decode capture.mdb --json | jq 'select(.event == "sale")'
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 whatever was heard, 2 for a file that is no trace."""
    parser = argparse.ArgumentParser(
        prog="python -m mdb",
        description="Listen to an MDB/ICP bus.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    decode = commands.add_parser(
        "decode",
        help="what was said and sold in a trace",
        description="Print the conversation in a trace, or with --json what was concluded from it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    decode.add_argument("file", type=Path, metavar="FILE", help="a trace, or Qibixx sniff lines")
    decode.add_argument("--json", action="store_true", help="one event a line, as JSON")
    arguments = parser.parse_args(argv)
    try:
        _decode(arguments.file, as_lines=arguments.json)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (NotATraceError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"{arguments.file}: {reason}", file=sys.stderr)
        return 2
    return 0


def _decode(file: Path, *, as_lines: bool) -> None:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for heard in _listen(file):
        if as_lines:
            for event in heard.events:
                print(json.dumps(as_json(event), ensure_ascii=False))
        else:
            for line in lines(heard, colour=colour):
                print(line)


def _listen(file: Path) -> Iterator[Heard]:
    sniffer = Sniffer()
    with file.open(encoding="utf-8-sig", errors="replace") as trace:
        for signal in read_trace(trace, _unreadable):
            yield from sniffer.listen(signal)
    yield from sniffer.flush()


def _unreadable(number: int, line: str) -> None:
    print(f"line {number} cannot be read and is left out: {line[:60]!r}", file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader of our output has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""The bus on the command line: ``python -m mdb COMMAND``; each command is a file in `mdb.tools`."""

import argparse
import os
import sys
from collections.abc import Sequence

from mdb.tools import audit, decode, pcap, record, replay, virtual, watch, wiring
from mdb.tools.mistake import MistakeError

COMMANDS = (decode, watch, record, replay, virtual, pcap, wiring, audit)
EXAMPLES = """\
examples:
  python -m mdb wiring                                     how to connect to a machine
  python -m mdb watch qibixx:/dev/ttyACM0                  what is said on its bus now
  python -m mdb record qibixx:/dev/ttyACM0 capture.mdb     keep it
  python -m mdb decode capture.mdb                         read it
  python -m mdb audit morning.dts evening.dts               what the machine itself counted
  python -m mdb COMMAND --help                             more about one of them

exit status: 0 done, 1 something failed, 2 a mistake in what was asked, 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: that of the command, 2 for the user's mistake, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m mdb",
        description="Listen to an MDB/ICP bus.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except MistakeError as mistake:
        print(mistake, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _hush() -> None:
    """Nobody takes our output any more: let Python not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        _hush()  # the reader of our output has seen enough, as `head` does
    except OSError as error:
        _hush()
        print(f"python -m mdb: {error}", file=sys.stderr)
        sys.exit(1)

"""The machine's side on the command line: ``python -m edge run --config FILE``."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from edge.errors import ConfigError, EdgeError

COMMANDS: Final = {
    "setup": "a guided first run: ports, adapter, display, printer, configuration",
    "run": "listen to the bus, keep and publish sales, show receipts",
    "status": "what the running agent has, and waits for",
    "doctor": "bus, disk, clock, network, cloud, display, printer: what is wrong and what to do",
    "sample": "print a configuration with every key explained",
}
EXAMPLES: Final = """\
examples:
  python -m edge setup                                   the first time, at the open door
  python -m edge run --config /etc/chekomat/edge.toml
  python -m edge doctor --config /etc/chekomat/edge.toml
  python -m edge COMMAND --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 a fault of the surroundings, 2 the user's mistake."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(
        prog="python -m edge",
        description="The agent inside a vending machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        # Only the one that is called is loaded: a Raspberry Pi counts every import.
        tool = importlib.import_module(f"edge.tools.{name}") if name in arguments[:1] else None
        command = commands.add_parser(
            name,
            help=summary,
            epilog=tool.EXAMPLES if tool else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if tool:
            tool.add_arguments(command)
            command.set_defaults(run=tool.run)
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except EdgeError as error:
        print(f"chekomat-edge: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())

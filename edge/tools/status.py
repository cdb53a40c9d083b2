"""``status``: what the running agent has, and waits for; its database is not touched."""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from edge.config import Config, load
from edge.errors import StartError
from edge.technician.concerns import concerns
from edge.technician.status import Status
from edge.technician.summary import summary
from edge.technician.unix_socket import NAME, ask

EXAMPLES: Final = """\
examples:
  python -m edge status                                   the agent that systemd runs
  python -m edge status --config /etc/chekomat/edge.toml
  python -m edge status --watch --lang ru
  python -m edge status --json

exit status: 0 all is well; 1 something needs a hand, or no agent runs; 2 a wrong configuration
"""
FOLDER: Final = Path(Config(machine="m", tap="t").data)
EVERY_S: Final = 1.0
CLEAR: Final = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", type=Path, metavar="FILE", help="the agent's TOML file")
    where.add_argument(
        "--data", type=Path, metavar="FOLDER", help=f"its data folder (default {FOLDER})"
    )
    parser.add_argument("--lang", choices=("en", "ru"), default="en", help="default en")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="for programs")
    how.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")


def run(arguments: argparse.Namespace) -> int:
    """Say it once, or again and again; 0 if all is well, 1 if something needs a hand."""
    folder = arguments.data or FOLDER
    if arguments.config is not None:
        folder = Path(load(arguments.config).data)
    path = folder / NAME
    if arguments.watch:
        _watch(path, arguments)
    status = ask(path)
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(status), indent=2).decode())
    else:
        print(_told(status, arguments))
    return 1 if concerns(status) else 0


def _watch(path: Path, arguments: argparse.Namespace) -> None:
    """Until Ctrl-C; an agent that is away may come back."""
    clear = CLEAR if sys.stdout.isatty() else ""
    while True:
        try:
            told = _told(ask(path), arguments)
        except StartError as error:
            told = str(error)
        print(f"{clear}{told}\n", flush=True)
        time.sleep(EVERY_S)


def _told(status: Status, arguments: argparse.Namespace) -> str:
    return summary(status, concerns(status), arguments.lang)

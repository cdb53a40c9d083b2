"""``sample``: a configuration with every key explained."""

import argparse
import sys
from typing import Final

from edge.config.sample import sample

EXAMPLES: Final = """\
examples:
  python -m edge sample > edge.toml          then edit it; or let `python -m edge setup` ask
  python -m edge sample | less
"""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def run(_arguments: argparse.Namespace) -> int:
    """Print it; 0."""
    sys.stdout.write(sample())
    return 0

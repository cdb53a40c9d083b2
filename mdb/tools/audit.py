"""``audit``: what a machine has counted, and what it sold between two reads."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from mdb.audit import Audit, NoComparisonError, NotAnAuditError, counts_since, read_audit
from mdb.audit.dts import MOST_BYTES
from mdb.audit.report import as_json, lines
from mdb.tools.mistake import MistakeError, of_file
from mdb.tools.source import opened

DESCRIPTION: Final = """\
Print a machine's own audit (EVA-DTS): vends and money by selection and by means of payment, and
whether its counters agree with each other. With LATER, what was counted between the two reads.

FILE is what DEX, DDCMP or the bus gave, plain or gzip; - is standard input. Only counters since
the machine was initialised are looked at: a read may reset the others.
"""
EXAMPLES: Final = """\
examples:
  python -m mdb audit evening.dts                       what the machine has counted in its life
  python -m mdb audit morning.dts evening.dts           what it sold that day
  python -m mdb audit morning.dts evening.dts --json | jq .totals
  python -m mdb decode capture.mdb --json | jq -r 'select(.file == "01").raw.bytes' \\
      | xxd -r -p | python -m mdb audit -               an audit that went over the bus
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "audit",
        help="what a machine itself has counted",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="an audit file, or - for stdin")
    parser.add_argument("later", type=Path, nargs="?", metavar="LATER", help="a later read")
    parser.add_argument("--json", action="store_true", help="one object, in one line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0, also where counters disagree; that is told.

    Raises:
        MistakeError: a file is no audit or cannot be read, or the two cannot be compared.
    """
    audit = _read(arguments.file)
    earlier, counts = None, audit.counts
    if arguments.later is not None:
        earlier, audit = audit, _read(arguments.later)
        try:
            counts = counts_since(earlier, audit)
        except NoComparisonError as error:
            raise MistakeError(f"{arguments.file} and {arguments.later}: {error}") from error
    if arguments.json:
        print(json.dumps(as_json(audit, counts, earlier), ensure_ascii=False))
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(audit, counts, earlier))
    return 0


def _read(file: Path) -> Audit:
    try:
        with opened(file) as (source, text):
            told = bytes(text.buffer.read(MOST_BYTES + 1))
        audit = read_audit(told)
    except (NotAnAuditError, OSError) as error:
        raise of_file(file, error) from error
    if source.cut is None:
        return audit
    print(f"{file}: {source.cut}; what stands before that was read", file=sys.stderr)
    return replace(audit, complete=False)

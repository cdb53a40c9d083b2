"""``python -m tests.simulation``: days of a seed each, until one breaks a promise.

Examples:
  python -m tests.simulation --seeds 2000              days 0 to 1999
  python -m tests.simulation --from 31337 --story      one day, and what happened in it
  python -m tests.simulation --seeds 500 --mutant 'ack before commit'
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

SHORTENED: Final = 3
"""So many failing days are shortened; the others are named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 if a promise was broken."""
    from simulation import mutants
    from simulation.plan import DRAWS
    from simulation.telling import Telling

    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=_count, default=1, metavar="N", help="how many days")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="S", help="first seed")
    parser.add_argument("--story", action="store_true", help="tell each day, not only failing ones")
    parser.add_argument("--jobs", type=_count, metavar="N", help="days at once; one per core")
    parser.add_argument(
        "--until-broken", action="store_true", help="no further than the first that fails"
    )
    parser.add_argument(
        "--days",
        choices=DRAWS,
        help="any; contested: one of two who serve stands still amid what it does; replaced:"
        " each machine gets a new card",
    )
    bugs = sorted(mutants.MUTANTS)
    parser.add_argument(
        "--mutant",
        choices=bugs,
        metavar="BUG",
        help=f"with a bug put in, on days that show it: {', '.join(bugs)}",
    )
    asked = parser.parse_args(arguments)
    began = time.perf_counter()
    shortened = 0 if asked.until_broken else SHORTENED
    bug = mutants.MUTANTS.get(asked.mutant)
    day_of = DRAWS[asked.days or (bug.days if bug else "any")]
    telling = Telling(asked.story, asked.mutant, shortened, asked.jobs, asked.until_broken, day_of)
    summary = telling.of(range(asked.first, asked.first + asked.seeds))
    took_s = time.perf_counter() - began
    print(json.dumps({**summary, "seeds_per_s": round(summary["seeds"] / took_s, 2)}))
    return 1 if summary["failed"] else 0


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, not {text!r}") from None
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return number


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # A set's order hangs on it, and a seed must give the same day everywhere.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    # Who is told to stop takes his days with him; they write to nobody otherwise, and say so.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())

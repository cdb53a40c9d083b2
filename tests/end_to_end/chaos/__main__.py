"""``make chaos``: everything goes wrong at once. Progress on stderr; the last line is a summary in JSON."""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from end_to_end.chaos.running import run


def main(arguments: list[str] | None = None) -> int:
    """Torment; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args(arguments)
    print(f"seed {asked.seed}, {asked.minutes:g} minutes", file=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and everybody it started ends with it
    folder = Path(tempfile.mkdtemp(prefix="chekomat-chaos-"))
    try:
        outcome = run(folder, asked.seed, asked.minutes * 60, _say)
    except BaseException:
        shutil.rmtree(folder)
        raise
    if outcome.verdict.holds:
        shutil.rmtree(folder)
    else:
        _say(
            "\n".join([*outcome.story, *outcome.verdict.broken, f"all logs and ledgers: {folder}"])
        )
    print(json.dumps(outcome.summary(), ensure_ascii=False))
    return 0 if outcome.verdict.holds else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

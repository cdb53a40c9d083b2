"""``make soak``: rounds of sudden death. Progress on stderr; the last line is a summary in JSON."""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from street.soak import Street, street


def main(arguments: list[str] | None = None) -> int:
    """Soak; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args(arguments)
    print(f"seed {asked.seed}, {asked.rounds} rounds", file=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and everybody it started ends with it
    with (
        tempfile.TemporaryDirectory(prefix="chekomat-soak-") as name,
        street(Path(name), asked.seed) as there,
    ):
        rounds = repeat(there, asked.rounds)
        verdict = there.settle()
        if not verdict.holds:
            told = [*there.story[-40:], *verdict.broken, there.gateway.last_lines()]
            print("\n".join(told), file=sys.stderr)
    summary = {"rounds": rounds, "seed": asked.seed, **verdict.told(), "holds": verdict.holds}
    print(json.dumps(summary))
    return 0 if verdict.holds else 1


def repeat(there: Street, rounds: int) -> int:
    """As many rounds as were asked for, or until a promise is broken; how many there were."""
    began = time.monotonic()
    for number in range(1, rounds + 1):
        there.round()
        if number % 10 == 0 or there.broken:
            minutes = (time.monotonic() - began) / 60
            deals = len(there.counter.deals)
            print(f"{number} rounds, {deals} deals, {minutes:.1f} min", file=sys.stderr)
        if there.broken:
            return number
    return rounds


if __name__ == "__main__":
    sys.exit(main())

"""One run: everybody at work under faults, then left alone until all has settled, then judged."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from end_to_end.chaos.faults import chaos
from end_to_end.chaos.reading import left_open, read, rows
from end_to_end.chaos.town import Town, town
from end_to_end.chaos.verdict import Verdict, judge

SETTLE_S: Final = 150.0
"""When nothing is wrong any more, all is done within this."""
SAY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    seed: int
    verdict: Verdict
    faults: dict[str, int]
    settled_s: float
    story: list[str]

    def summary(self) -> dict[str, Any]:
        told = {"seed": self.seed, **self.verdict.told()}
        settled = {"settled_s": round(self.settled_s, 1), "holds": self.verdict.holds}
        return {**told, "faults": dict(sorted(self.faults.items())), **settled}


def run(folder: Path, seed: int, lasting_s: float, say: Callable[[str], None]) -> Outcome:
    """Faults for so long."""
    with town(folder, seed) as there:
        with chaos(there):
            _watch(there, lasting_s, say)
        there.tell("settling")
        for corner in there.corners:
            corner.buyers.close_up()
        settled_s, still_open = _settle(there, say)
        verdict = judge(read(there, still_open))
        verdict.broken += there.broken
        verdict.broken += [line for part in there.parts for line in part.stumbles()]
        return Outcome(seed, verdict, dict(there.faults), settled_s, there.story)


def _watch(there: Town, lasting_s: float, say: Callable[[str], None]) -> None:
    began = said = time.monotonic()
    while time.monotonic() < began + lasting_s and not there.broken:
        there.watch()
        if time.monotonic() > said + SAY_S:
            said = time.monotonic()
            say(f"{said - began:.0f} s: {_progress(there)}")
        time.sleep(0.1)


def _settle(there: Town, say: Callable[[str], None]) -> tuple[float, list[str]]:
    """Seconds until nothing was open any more; what still is, if that is too long."""
    began = said = time.monotonic()
    while True:
        there.watch()
        try:
            still = left_open(there)
        except (psycopg.Error, sqlite3.Error) as error:
            still = [repr(error)]
        took = time.monotonic() - began
        if not still or took > SETTLE_S:
            return took, still
        if time.monotonic() > said + SAY_S:
            said = time.monotonic()
            say(f"settling, {took:.0f} s: {_progress(there)}, {len(still)} open: {still[0]}")
        time.sleep(0.25)


def _progress(there: Town) -> str:
    try:
        count = "SELECT count(*) FROM document"
        made = sum(rows(each.account.ledger, count)[0][0] for each in there.corners)
    except sqlite3.Error:
        made = 0
    return f"{there.sales} sales, {made} receipts, {sum(there.faults.values())} faults"

"""Bulk: the same answer to many sales, and refused receipts sent anew, in bearable transactions."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.desk.finding import known
from cloud.desk.requeueing import NOTHING, requeue, say
from cloud.desk.settled import By, deciding
from cloud.desk.words import COMMAND
from cloud.disposition import Attention, Skipped
from cloud.errors import DecisionError
from cloud.fleet import Answers
from cloud.intake import Cause
from cloud.placer import again
from cloud.store import Store, attention, placing
from cloud.store.attention import CAUSES, OVERDUE, REFUSED, UNKNOWN
from cloud.store.sites import Sites

BATCH: Final = 200
MOST_NAMED: Final = 5
ONE_BY_ONE: Final = {"of", "code", "amount"}
"""Answers that are right for one sale only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sales, and what is said of them."""

    cause: str
    machine: str | None = None
    answers: Answers = NOTHING
    register: str | None = None
    dry_run: bool = False


@dataclass(slots=True)
class Tally:
    """What became of them."""

    gone_on: int = 0
    skipped: int = 0
    left: int = 0
    reasons: list[str] = field(default_factory=list)
    """Why some were left, the first few."""

    @property
    def seen(self) -> int:
        """All that were looked at."""
        return self.gone_on + self.skipped + self.left

    def leave(self, reason: str) -> None:
        """One still needs a hand."""
        self.left += 1
        if len(self.reasons) < MOST_NAMED:
            self.reasons.append(reason)


async def requeue_all(
    store: Store,
    sites: Sites,
    wanted: Wanted,
    by: By,
    note: Callable[[str], None],
    *,
    batch: int = BATCH,
) -> Tally:
    """Let all of them go on; `note` takes the progress.

    Raises:
        DecisionError: no such cause, or it cannot be answered for many at once.
    """
    _check(wanted)
    async with store.reading() as connection:
        sums = await attention.sums(connection, machine=wanted.machine, cause=wanted.cause)
    total = sum(each.count for each in sums)
    tally, past = Tally(), ("", "")
    while True:
        walk = _Walk(past, batch, tally)
        async with deciding(store, dry_run=wanted.dry_run) as connection:
            if wanted.cause == REFUSED:
                past = await _receipts(connection, sites, wanted, by, walk)
            else:
                past = await _sales(connection, sites, wanted, by, walk)
        if past == ("", ""):
            return tally
        note(f"{tally.seen} of {total}")


def _check(wanted: Wanted) -> None:
    if wanted.cause not in CAUSES:
        raise DecisionError(f"no cause is called {wanted.cause!r}; known: {', '.join(CAUSES)}")
    if wanted.cause == UNKNOWN:
        raise DecisionError(
            "what became of these is not known; each has to be looked for in the provider's"
            f" cabinet, then: {COMMAND}resolve KEY --not-issued, or --issued"
        )
    if wanted.cause == OVERDUE:
        raise DecisionError(
            "these go their way by themselves; what holds them up is at their provider:"
            f" {COMMAND}check"
        )
    for name in sorted(ONE_BY_ONE):
        if getattr(wanted.answers, name) not in {None, ""}:
            raise DecisionError(f"--{name} is of one sale: name it")
    if wanted.register is not None and wanted.cause != REFUSED:
        raise DecisionError(f"--register is for receipts, with --cause {REFUSED}")


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a batch begins, how long it is, and what has become of those before."""

    past: tuple[str, str]
    most: int
    tally: Tally


async def _sales(
    connection: AsyncConnection, sites: Sites, wanted: Wanted, by: By, walk: _Walk
) -> tuple[str, str]:
    """One batch of sales; where the next begins."""
    tally = walk.tally
    cause = Cause(wanted.cause)
    batch = await placing.stuck(connection, cause, past=walk.past[0], most=walk.most)
    ours = [each for each in batch if wanted.machine in {None, each.machine}]
    ours = [replace(each, answers=await say(connection, each, wanted.answers, by)) for each in ours]
    for each, goes in zip(ours, await again(connection, sites, ours, by.who, by.at), strict=True):
        match goes:
            case Attention(_, reason):
                tally.leave(f"{each.sale.sale_id}: {reason}")
            case Skipped():
                tally.skipped += 1
            case _:
                tally.gone_on += 1
    return (batch[-1].sale.sale_id, "") if batch else ("", "")


async def _receipts(
    connection: AsyncConnection, sites: Sites, wanted: Wanted, by: By, walk: _Walk
) -> tuple[str, str]:
    """One batch of refused receipts; where the next begins."""
    tally = walk.tally
    batch = await attention.unissued(
        connection, machine=wanted.machine, cause=REFUSED, past=walk.past, most=walk.most
    )
    for each in batch:
        try:
            # One that cannot be made anew leaves the others alone.
            async with connection.begin_nested():
                it = await known(connection, each.sale_id)
                await requeue(
                    *(connection, sites, it, wanted.answers, by),
                    purpose=each.purpose,
                    register=wanted.register,
                )
        except DecisionError as error:
            tally.leave(str(error))
        else:
            tally.gone_on += 1
    return (batch[-1].sale_id, batch[-1].purpose.value) if batch else ("", "")


def lines(wanted: Wanted, tally: Tally) -> list[str]:
    """For a person."""
    would = "would go on" if wanted.dry_run else "went on"
    told = [f"{tally.seen} were looked at: {tally.gone_on} {would}"]
    if tally.skipped:
        told.append(f"{tally.skipped} need no receipt")
    if tally.left:
        told.append(f"{tally.left} still need a hand:")
        told += [f"  {each}" for each in tally.reasons]
        if tally.left > len(tally.reasons):
            told.append(f"  … see {COMMAND}attention --cause {wanted.cause}")
    return told

"""What to acknowledge of a machine's sequence. Pure: numbers in, numbers out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_MISSING: Final = 100
"""An ack names at most so many gaps; beyond them it says nothing but the runs `also`."""
MOST_ALSO: Final = 64
"""An ack names at most so many runs beyond a gap that it does not name: the highest ones."""

Run = tuple[int, int]
"""The first and last seq of an unbroken run."""


@dataclass(frozen=True, slots=True)
class Received:
    """All up to `contiguous` are here, and up to `upto` all but those `missing`.

    So are the runs `also`, which lie beyond it: sales that overtook a backlog. Ascending.
    """

    contiguous: int
    upto: int
    missing: tuple[int, ...]
    also: tuple[Run, ...] = ()


def received(contiguous: int, lowest: Sequence[Run], highest: Iterable[Run] = ()) -> Received:
    """Where a machine's sequence stands.

    Args:
        contiguous: all seqs up to here were known to be stored.
        lowest: the runs that are stored above it, ascending, none left out between two of them:
            all there are, or at least ``MOST_MISSING + 1``.
        highest: the last runs, where not all are in `lowest`; they may be told twice.
    """
    upto, missing = contiguous, list[int]()
    for first, last in lowest:
        gap = range(upto + 1, first)
        named = gap[: MOST_MISSING - len(missing)]
        missing.extend(named)
        if len(named) < len(gap):
            # More than an ack may name: it speaks of the sequence up to here.
            upto = missing[-1] if named else upto
            break
        upto = max(upto, last)
        if not missing:
            contiguous = upto
    beyond = [run for run in (*lowest, *highest) if run[0] > upto]
    return Received(contiguous, upto, tuple(missing), _merged(beyond)[-MOST_ALSO:])


def holes(runs: Iterable[Run], upto: int) -> list[Run]:
    """What lies between ascending runs, from 1 to `upto`, as runs."""
    found, whole = list[Run](), 0
    for first, last in runs:
        if first > whole + 1:
            found.append((whole + 1, min(first - 1, upto)))
        whole = last
    return [*found, (whole + 1, upto)] if whole < upto else found


def together(seqs: Iterable[int]) -> tuple[Run, ...]:
    """Seqs in any order, as unbroken runs."""
    return _merged((seq, seq) for seq in seqs)


def _merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Ascending, each once, neighbours joined."""
    merged: list[Run] = []
    for first, last in sorted(runs):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)

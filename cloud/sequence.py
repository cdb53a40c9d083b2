"""What to acknowledge of a machine's sequence. Pure: numbers in, numbers out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MOST_MISSING: Final = 100
"""An ack names at most so many gaps; beyond them it says nothing."""


@dataclass(frozen=True, slots=True)
class Received:
    """All up to `contiguous` are here, and up to `upto` all but those `missing`."""

    contiguous: int
    upto: int
    missing: tuple[int, ...]


def received(contiguous: int, runs: Iterable[tuple[int, int]]) -> Received:
    """Where a machine's sequence stands.

    Args:
        contiguous: all seqs up to here were known to be stored.
        runs: the first and last seq of each unbroken run that is stored above it, ascending.
    """
    upto, missing = contiguous, list[int]()
    for first, last in runs:
        gap = range(upto + 1, first)
        named = gap[: MOST_MISSING - len(missing)]
        missing.extend(named)
        if len(named) < len(gap):
            # More than an ack may name: it speaks of the sequence up to here.
            upto = missing[-1] if named else upto
            break
        upto = last
        if not missing:
            contiguous = last
    return Received(contiguous, upto, tuple(missing))

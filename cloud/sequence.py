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


def received(contiguous: int, beyond: Iterable[int]) -> Received:
    """Where a machine's sequence stands.

    Args:
        contiguous: all seqs up to here were known to be stored.
        beyond: the stored seqs above it, ascending.
    """
    upto, missing = contiguous, list[int]()
    for seq in beyond:
        gap = range(upto + 1, seq)
        if len(missing) + len(gap) > MOST_MISSING:
            break
        missing.extend(gap)
        upto = seq
        if not missing:
            contiguous = seq
    return Received(contiguous, upto, tuple(missing))

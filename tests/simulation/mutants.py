"""Mutants: bugs that are put in on purpose, to see that the checker finds them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Callable, Final


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug, and within how many seeds it must be found."""

    put_in: Callable[[], AbstractContextManager[object]]
    within: int


MUTANTS: Final[Mapping[str, Mutant]] = {}


@contextmanager
def in_force(name: str | None) -> Iterator[None]:
    """With this bug, or with none."""
    if name is None:
        yield
        return
    with MUTANTS[name].put_in():
        yield

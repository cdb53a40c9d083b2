"""Doctor's checks, one noun a file: what is so, whether it is well, and what to do if it is not.

A check gathers facts and judges them; judging is pure. It changes nothing: it writes no outbox,
opens no port that a running agent has, and never takes the running agent's place at the broker.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `advice` is empty where there is nothing to do."""

    name: str
    state: State
    found: str
    advice: str = ""


def as_words(error: BaseException) -> str:
    """An error as a person reads it: the system's own words, else the exception's."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

"""One figure: ours, and what it is held against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    ours: float
    beside: float
    unit: str
    peer: str
    goal: str = ""

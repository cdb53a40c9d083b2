"""When to try again, as numbers. Pure: no clock, no chance, no sleep."""

from collections.abc import Mapping, Sequence
from typing import Final

from cloud.fiscalization import State

SCHEDULES: Final[Mapping[State, Sequence[float]]] = {
    # Not sent: the provider or the way to it is down. No storms.
    State.WAITING: (1, 2, 5, 10, 30, 60, 120, 300),
    # Sent, answer lost: soon, as the buyer is still there and the provider's memory is short.
    State.UNKNOWN: (1, 2, 5, 10, 30, 60, 120, 300),
    # In the provider's queue; the push usually comes first.
    State.ACCEPTED: (1, 2, 3, 5, 8, 13, 20, 30, 60, 60, 60, 60, 60, 60, 60, 600),
}


def delay(state: State, tries: int) -> float:
    """Seconds until the next try; `tries` counts those made in this state, from 1."""
    schedule = SCHEDULES.get(state, (0.0,))
    return schedule[min(max(tries, 1), len(schedule)) - 1]

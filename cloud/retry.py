"""When to try again, as numbers. Pure: no clock, no chance, no sleep."""

from collections.abc import Mapping, Sequence
from typing import Final

from cloud.fiscalization import State

POLL_S: Final = (1, 2, 3, 5, 8, 13, 20, 30, *(60,) * 9, *(600,) * 143, 3600)
"""Of an accepted receipt: often while the buyer stands there, every minute to ten, every ten to a
day, then every hour."""
SCHEDULES: Final[Mapping[State, Sequence[float]]] = {
    # Not sent: the provider or the way to it is down. No storms.
    State.WAITING: (1, 2, 5, 10, 30, 60, 120, 300),
    # Sent, answer lost: soon, as the buyer is still there and the provider's memory is short.
    State.UNKNOWN: (1, 2, 5, 10, 30, 60, 120, 300),
    State.ACCEPTED: POLL_S,
}
REPEAT_S: Final = (10, 30, 60, 300, 900, 3600)
"""Of a reply that its machine has not acknowledged."""
LONGEST_S: Final = max(map(max, SCHEDULES.values()))
"""No schedule puts anything off for longer."""


def delay(state: State, tries: int, poll_s: Sequence[float] = ()) -> float:
    """Seconds until the next try; `tries` counts those made in this state, from 1.

    `poll_s` is the register's own schedule for accepted receipts.
    """
    schedule = SCHEDULES.get(state, (0.0,))
    if state is State.ACCEPTED and poll_s:
        schedule = poll_s
    return schedule[min(max(tries, 1), len(schedule)) - 1]

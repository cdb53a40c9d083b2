"""The life of a receipt, as a table: state and outcome in, state out. Pure.

    waiting ──> submitted ──> accepted ──> issued
       ^            │  ^          │
       └─ unsent ───┘  └ unknown ─┘        attention: a person decides

`submitted` means that the intent, the key and the body are stored, and that the request may or may
not have left: after a crash it is treated as unknown.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent


class State(Enum):
    """Where a receipt is."""

    WAITING = "waiting"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    ISSUED = "issued"
    ATTENTION = "attention"


OPEN: Final = (State.WAITING, State.SUBMITTED, State.UNKNOWN, State.ACCEPTED)
"""States in which the fiscaliser still has something to do."""

_S = State
TRANSITIONS: Final[Mapping[State, Mapping[type[Outcome], State]]] = {
    _S.WAITING: {
        Done: _S.ISSUED,
        Accepted: _S.ACCEPTED,
        Unsent: _S.WAITING,
        Unknown: _S.WAITING,
        Dead: _S.WAITING,
    },
    _S.SUBMITTED: {
        Done: _S.ISSUED,
        Accepted: _S.ACCEPTED,
        Unsent: _S.WAITING,
        Unknown: _S.UNKNOWN,
        Dead: _S.ATTENTION,
    },
    # An earlier request may have arrived: that a repetition was not sent changes nothing.
    _S.UNKNOWN: {
        Done: _S.ISSUED,
        Accepted: _S.ACCEPTED,
        Unsent: _S.UNKNOWN,
        Unknown: _S.UNKNOWN,
        Dead: _S.ATTENTION,
    },
    _S.ACCEPTED: {
        Done: _S.ISSUED,
        Accepted: _S.ACCEPTED,
        Unsent: _S.ACCEPTED,
        Unknown: _S.UNKNOWN,
        Dead: _S.ATTENTION,
    },
    # A document exists. Whatever is said later, it stays issued.
    _S.ISSUED: dict.fromkeys((Done, Accepted, Unsent, Unknown, Dead), _S.ISSUED),
    # Only the document itself ends the wait for a person.
    _S.ATTENTION: {
        Done: _S.ISSUED,
        Accepted: _S.ATTENTION,
        Unsent: _S.ATTENTION,
        Unknown: _S.ATTENTION,
        Dead: _S.ATTENTION,
    },
}


def after(state: State, outcome: Outcome) -> State:
    """The state that an outcome leads to."""
    return TRANSITIONS[state][type(outcome)]

"""The life of a receipt, as a table: state and outcome in, state out. Pure.

    waiting ──> submitted ──> accepted ──> issued
       ^            │  ^          │
       └─ unsent ───┘  └ unknown ─┘        attention: a person decides      closed: one did

`submitted` means that the intent, the key and the body are stored, and that the request may or may
not have left: after a crash it is treated as unknown. A receipt that is dead through no fault of
its own, or while its register is at fault, goes back to `waiting`, and gets its next key.
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
    CLOSED = "closed"


SENT: Final = (State.SUBMITTED, State.UNKNOWN, State.ACCEPTED)
"""States in which a provider may have it: it is asked for."""
OPEN: Final = (State.WAITING, *SENT)
"""States in which the fiscaliser still has something to do."""
MOST_ATTEMPTS: Final = 20
"""So many keys are used for one receipt without a person; then something else is wrong."""

_S = State
TRANSITIONS: Final[Mapping[State, Mapping[type[Outcome], State]]] = {
    _S.WAITING: {
        Done: _S.ISSUED,
        Accepted: _S.ACCEPTED,
        Unsent: _S.WAITING,
        Unknown: _S.WAITING,
        Dead: _S.ATTENTION,
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
    # Only the document itself ends the wait for a person, or overrules one.
    _S.ATTENTION: {
        Done: _S.ISSUED,
        Accepted: _S.ATTENTION,
        Unsent: _S.ATTENTION,
        Unknown: _S.ATTENTION,
        Dead: _S.ATTENTION,
    },
    _S.CLOSED: {
        Done: _S.ISSUED,
        Accepted: _S.CLOSED,
        Unsent: _S.CLOSED,
        Unknown: _S.CLOSED,
        Dead: _S.CLOSED,
    },
}


def after(state: State, outcome: Outcome, attempts: int = 1) -> State:
    """The state that an outcome leads to; `attempts` counts the keys that were used."""
    if isinstance(outcome, Dead) and state in SENT and (outcome.again or outcome.pause is not None):
        # A register at fault is held meanwhile: however many keys that costs, the receipt is sound.
        sound = attempts < MOST_ATTEMPTS or outcome.pause is not None
        return State.WAITING if sound else State.ATTENTION
    if isinstance(outcome, Unknown) and outcome.final and state in SENT:
        return State.ATTENTION
    return TRANSITIONS[state][type(outcome)]

"""Faults on demand: what a provider does on its bad days, ordered over the control API.

POST /control {"fault": "drop_after_store", "times": 3}   the next three requests
POST /control {"forget": true}        keys and tokens of before are gone
POST /control {"lose": true}          what was accepted and is not yet done is gone
POST /control {"delay_s": 2}          how long the register takes from now on
POST /control {"drive": 3}            the fiscal drive takes so many documents more; null: any
POST /control {"clock_s": 86400}      the register's clock is so much ahead
POST /control {"clear": true}         faults that were ordered and have not happened are off
"""

from collections import deque
from enum import Enum


class Fault(Enum):
    """What happens to the next request for a receipt."""

    DROP_BEFORE_STORE = "drop_before_store"
    """The connection breaks; nothing was recorded."""
    DROP_AFTER_STORE = "drop_after_store"
    """It was recorded, and the connection breaks before the answer."""
    SERVER_FAULT = "5xx"
    """500, nothing recorded."""
    SERVER_FAULT_AFTER_STORE = "5xx_after_store"
    """500, though it was recorded."""
    NONSENSE = "nonsense"
    """Recorded, and answered by a page of HTML with status 200."""
    NO_CALLBACK = "no_callback"
    """Recorded and answered, but never pushed."""
    CALLBACK_TWICE = "callback_twice"
    """Pushed twice."""
    CALLBACK_FIRST = "callback_first"
    """Pushed before the answer."""
    CALLBACK_LATE = "callback_late"
    """Pushed two seconds late."""
    BAD_SIGNATURE = "bad_signature"
    """Pushed with a wrong signature (or, where pushes have none, with a foreign body), then never."""
    REFUSE = "refuse"
    """Refused: data incorrect. Nothing recorded."""
    AUTH = "auth"
    """Refused: the provider does not know us. Nothing recorded."""
    BUSY = "busy"
    """Refused: too much to do, come again later. Nothing recorded."""
    NO_REGISTER = "no_register"
    """Refused: the account has no suitable register. Nothing recorded."""
    EXPIRE = "expire"
    """Accepted, waited in the queue too long, dropped by the provider: never recorded."""
    FAIL = "fail"
    """Accepted, then refused by the register or the drive: never recorded."""
    LOSE = "lose"
    """Accepted, then unknown to the provider; never recorded."""


class Faults:
    """Faults that are still to happen, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def order(self, fault: Fault, times: int) -> None:
        """Let it happen to the next so many requests."""
        self._waiting.extend([fault] * times)

    def next(self) -> Fault | None:
        """What happens to this request."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> None:
        """Nothing more happens."""
        self._waiting.clear()

"""Faults on demand: what a provider does on its bad days, ordered over the control API.

POST /control {"fault": "drop_after_store", "times": 3}
POST /control {"forget": true}                            the keys of the last hour are gone
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
    NO_CALLBACK = "no_callback"
    """Recorded and answered, but never pushed."""
    CALLBACK_TWICE = "callback_twice"
    """Pushed twice."""
    CALLBACK_FIRST = "callback_first"
    """Pushed before the answer."""
    BAD_SIGNATURE = "bad_signature"
    """Pushed with a wrong signature, then never again."""
    REFUSE = "refuse"
    """Refused with the code 27, data incorrect."""


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

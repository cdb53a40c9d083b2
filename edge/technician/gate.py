"""The gate before the technician's page: a PIN, few tries, sessions that end. Pure; boot time.

A PIN of four digits is ten thousand guesses. After five wrong ones an address waits, after twenty
in all everybody does, and each further one doubles the wait: to try them all takes over a year.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

OF_ONE: Final = 5
OF_ALL: Final = 20
WAIT_S: Final = 300.0
LONGEST_WAIT_S: Final = 3600.0
IDLE_S: Final = 1800.0
SESSIONS: Final = 16
"""At once; the one that was idle longest makes room."""


@dataclass(slots=True)
class _Tries:
    """Wrong ones so far, and until when the next is not looked at."""

    limit: int
    wrong: int = 0
    until: float = 0.0

    def fail(self, now: float) -> None:
        self.wrong += 1
        if self.wrong >= self.limit:
            # An exponent that stays small: the figure must not grow out of a float.
            doublings = min(self.wrong - self.limit, 10)
            self.until = now + min(WAIT_S * 2**doublings, LONGEST_WAIT_S)


@dataclass(slots=True)
class Gate:
    """Lets in who knows the PIN. `chance` makes a session's name that nobody guesses."""

    pin: str = field(repr=False)
    chance: Callable[[], str] = field(repr=False)
    _all: _Tries = field(default_factory=lambda: _Tries(OF_ALL))
    _each: dict[str, _Tries] = field(default_factory=dict)
    _sessions: dict[str, float] = field(default_factory=dict, repr=False)

    def wait(self, address: str, now: float) -> float:
        """Seconds until a try from there is looked at again; 0 for at once."""
        one = self._each.get(address)
        until = max(self._all.until, one.until if one else 0.0)
        return max(0.0, until - now)

    def enter(self, pin: str, address: str, now: float) -> str | None:
        """A new session for the right PIN; None for a wrong one, or one that comes too early."""
        if self.wait(address, now) > 0:
            return None
        if not hmac.compare_digest(pin.encode(), self.pin.encode()):
            self._all.fail(now)
            self._each.setdefault(address, _Tries(OF_ONE)).fail(now)
            return None
        self._each.pop(address, None)
        self._all = _Tries(OF_ALL)
        if len(self._sessions) >= SESSIONS:
            del self._sessions[min(self._sessions, key=self._sessions.__getitem__)]
        session = self.chance()
        self._sessions[session] = now
        return session

    def knows(self, session: str, now: float) -> bool:
        """Whether the session holds; asking keeps it for another half an hour."""
        seen = self._sessions.get(session)
        if seen is None or now - seen > IDLE_S:
            self._sessions.pop(session, None)
            return False
        self._sessions[session] = now
        return True

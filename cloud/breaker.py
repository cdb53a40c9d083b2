"""The circuit breaker of a lane: a provider that does not answer is tried seldom. Pure.

    closed ── FAILURES in a row ──> open for OPEN_S[0] ── one receipt ──> failed: open for longer
       ^                                                        │
       └──────────────── anything the provider says ────────────┘

With it, a day without the provider costs one try every five minutes, however many receipts wait.
"""

from dataclasses import dataclass
from typing import Final

from cloud.outcome import Outcome, Pause, Unknown, Unsent

FAILURES: Final = 5
OPEN_S: Final = (5, 10, 30, 60, 120, 300)
PROBE_S: Final = {
    Pause.AUTH: 300.0,
    Pause.BILLING: 900.0,
    Pause.DRIVE: 300.0,
    Pause.NO_REGISTER: 300.0,
}
"""So long a register that is paused is left alone; then one receipt tries it. By hand: for ever."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """How a register's last requests went. Times are Unix milliseconds."""

    failures: int = 0
    hold_until: int = 0
    """Nothing is sent before."""
    pause: Pause | None = None
    reason: str = ""

    def is_open(self) -> bool:
        """Whether only a single receipt may try."""
        return self.failures >= FAILURES or self.pause is not None

    def holds(self, now_ms: int) -> bool:
        """Whether nothing may be sent now."""
        if self.pause is Pause.BY_HAND:
            return True
        # Nothing holds for longer than a day: the clock was set back since.
        return now_ms < self.hold_until <= now_ms + 86_400_000


def after(circuit: Circuit, outcome: Outcome, now_ms: int) -> Circuit:
    """The circuit once this outcome is known."""
    if circuit.pause is Pause.BY_HAND:
        return circuit
    pause = getattr(outcome, "pause", None)
    if pause is not None:
        until = now_ms + round(1000 * PROBE_S[pause])
        return Circuit(0, until, pause, str(getattr(outcome, "reason", "")))
    if isinstance(outcome, Unsent) and outcome.retry_after_s is not None:
        # It answers: it is busy, and says for how long.
        return Circuit(0, now_ms + round(1000 * outcome.retry_after_s))
    if not isinstance(outcome, Unsent | Unknown):
        return Circuit()
    failures = circuit.failures + 1
    if failures < FAILURES:
        return Circuit(failures)
    open_s = OPEN_S[min(failures - FAILURES, len(OPEN_S) - 1)]
    return Circuit(failures, now_ms + 1000 * open_s, None, outcome.reason)

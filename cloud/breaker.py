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
LONGEST_MS: Final = 86_400_000
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
        return now_ms < self.hold_until <= now_ms + LONGEST_MS

    def mutes(self, now_ms: int) -> bool:
        """Whether nothing may be asked either: the provider would not answer us."""
        deaf = self.pause is Pause.AUTH or (self.pause is None and self.failures >= FAILURES)
        return deaf and self.holds(now_ms)


def after(circuit: Circuit, outcome: Outcome, now_ms: int, *, asked: bool = False) -> Circuit:
    """The circuit once this outcome is known; `asked` if it is the answer to a question.

    An answer to a question says that the provider knows us, and nothing of the register.
    """
    if circuit.pause is Pause.BY_HAND:
        return circuit
    pause = getattr(outcome, "pause", None)
    if pause is not None:
        until = now_ms + round(1000 * PROBE_S[pause])
        return Circuit(0, until, pause, str(getattr(outcome, "reason", "")))
    if isinstance(outcome, Unsent) and outcome.retry_after_s is not None:
        # It answers: it is busy, and says for how long.
        return Circuit(0, now_ms + round(1000 * outcome.retry_after_s))
    if isinstance(outcome, Unsent | Unknown):
        return _failed(circuit, outcome.reason, now_ms)
    return circuit if asked and circuit.pause not in {None, Pause.AUTH} else Circuit()


def _failed(circuit: Circuit, reason: str, now_ms: int) -> Circuit:
    failures = circuit.failures + 1
    if failures < FAILURES or circuit.pause is not None:
        return Circuit(failures, circuit.hold_until, circuit.pause, circuit.reason)
    open_s = OPEN_S[min(failures - FAILURES, len(OPEN_S) - 1)]
    return Circuit(failures, now_ms + 1000 * open_s, None, reason)

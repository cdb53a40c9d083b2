"""The circuit breaker of a lane: a provider that does not answer is tried seldom. Pure.

    closed ── FAILURES in a row ──> open for OPEN_S[0] ── one receipt ──> failed: open for longer
       ^                                                        │
       └──────────────── anything the provider says ────────────┘

With it, a day without the provider costs one try every five minutes, however many receipts wait.
What was on its way when it opened, and fails as well, tells nothing new.
"""

from dataclasses import dataclass, replace
from typing import Final, TypeVar

from cloud.outcome import Outcome, Pause, Unknown, Unsent

T = TypeVar("T")
FAILURES: Final = 5
OPEN_S: Final = (5, 10, 30, 60, 120, 300)
LONGEST_S: Final = 3660.0
"""Nothing is held for longer, whatever a provider asks for: then one receipt tries it. It is what
CloudKassir asks for at most, and short, as a clock may have been set back since."""
PROBE_S: Final = {
    Pause.AUTH: 300.0,
    Pause.BILLING: 900.0,
    Pause.DRIVE: 300.0,
    Pause.NO_REGISTER: 300.0,
}
"""So long a register that is paused is left alone; then one receipt tries it. By hand: for ever."""
SURE_EVERY: Final = 2
"""One try of so many is a receipt that was not sent yet, while there are any that were."""


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
        # What holds for longer was held under a clock that has been set back since.
        return now_ms < self.hold_until <= now_ms + round(1000 * LONGEST_S)

    def mutes(self, now_ms: int) -> bool:
        """Whether nothing may be asked either: the provider would not answer us."""
        deaf = self.pause is Pause.AUTH or self.failures >= FAILURES
        return deaf and self.holds(now_ms)

    @property
    def asks_first(self) -> bool:
        """Whether what may have arrived tries it, or else what surely has not.

        Nothing more becomes uncertain by the first; but what only it would fail at must not keep
        the circuit open.
        """
        return self.pause is None and self.failures % SURE_EVERY != 0


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
        return Circuit(0, now_ms + round(1000 * min(outcome.retry_after_s, LONGEST_S)))
    if isinstance(outcome, Unsent) or (isinstance(outcome, Unknown) and not outcome.answered):
        return _failed(circuit, outcome.reason, now_ms)
    if asked and circuit.pause not in {None, Pause.AUTH}:
        return replace(circuit, failures=0)
    return Circuit()


def the_one(circuit: Circuit, due: list[T], asked: list[T]) -> tuple[list[T], list[T]]:
    """The one that tries an open circuit, if there is one: of what is sent, or is asked for."""
    if circuit.asks_first:
        return due[: 1 - len(asked)], asked
    return due, asked[: 1 - len(due)]


def is_late(circuit: Circuit, outcome: Outcome, now_ms: int) -> bool:
    """Whether it is a failure of what left before the circuit opened: nothing leaves since.

    Were each of them counted, a second without the network would cost minutes.
    """
    plain = (isinstance(outcome, Unknown) and not outcome.answered) or (
        isinstance(outcome, Unsent) and outcome.pause is None and outcome.retry_after_s is None
    )
    return plain and circuit.mutes(now_ms)


def _failed(circuit: Circuit, reason: str, now_ms: int) -> Circuit:
    failures = circuit.failures + 1
    if circuit.pause is not None:
        # It does not even answer: no receipt after the other tries that.
        paused = circuit.hold_until if circuit.holds(now_ms) else 0
        until = max(paused, now_ms + _open_ms(failures - 1))
        return replace(circuit, failures=failures, hold_until=until)
    if failures < FAILURES:
        return replace(circuit, failures=failures)
    return Circuit(failures, now_ms + _open_ms(failures - FAILURES), None, reason)


def _open_ms(times: int) -> int:
    """How long it is open, having been so many times without a word from the provider."""
    return 1000 * OPEN_S[min(times, len(OPEN_S) - 1)]

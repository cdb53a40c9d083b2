"""The window: which sales are on their way to the cloud, and when to send one again. Pure.

At most `SIZE` sales are published and unacknowledged: a machine back from a week without a network
must not flood the broker. Each has its own deadline, in boot time; a PUBACK does not stop it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

SIZE: Final = 20
PATIENCE_S: Final = 30.0
LONGEST_S: Final = 600.0


@dataclass(slots=True)
class Window:
    """Seqs on their way, each with its deadline and how often it was sent."""

    highest: int = 0
    held_until: float = 0.0
    _deadlines: dict[int, float] = field(default_factory=dict)
    _times: dict[int, int] = field(default_factory=dict)

    def room(self, now: float) -> int:
        """How many more may be sent."""
        return 0 if now < self.held_until else SIZE - len(self._deadlines)

    def due(self, now: float) -> list[int]:
        """Sent long ago and not acknowledged: send again."""
        if now < self.held_until:
            return []
        return sorted(seq for seq, deadline in self._deadlines.items() if deadline <= now)

    def sent(self, seq: int, now: float) -> None:
        """Published, for the first time or again; patience doubles each time."""
        times = self._times.get(seq, 0)
        self._times[seq] = times + 1
        self._deadlines[seq] = now + min(LONGEST_S, PATIENCE_S * 2**times)
        self.highest = max(self.highest, seq)

    def acknowledged(self, upto: int, missing: Collection[int], now: float) -> None:
        """The cloud has all up to `upto` but those `missing`; the missing are due at once."""
        for seq in [seq for seq in self._deadlines if seq <= upto]:
            if seq in missing:
                self._deadlines[seq] = now
            else:
                del self._deadlines[seq], self._times[seq]

    def hold(self, until: float) -> None:
        """The cloud asked for a pause."""
        self.held_until = until

    def restart(self) -> None:
        """A new connection or a new cloud: begin again with the oldest unacknowledged sale."""
        self.highest = 0
        self._deadlines.clear()
        self._times.clear()

    def next_deadline(self, now: float) -> float | None:
        """Seconds until something is due; None if nothing is."""
        moments: Sequence[float] = [*self._deadlines.values()]
        if now < self.held_until:
            moments = [self.held_until]
        return max(0.0, min(moments) - now) if moments else None

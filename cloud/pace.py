"""The pace of a register: at most so many receipts a second, one at once after a rest. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """A bucket of tokens; `at` is a monotonic time in seconds."""

    rate_per_s: float
    tokens: float
    at: float

    @classmethod
    def full(cls, rate_per_s: float, now: float) -> "Pace":
        """A register that has rested."""
        return cls(rate_per_s, _burst(rate_per_s), now)

    def filled(self, now: float) -> "Pace":
        """As it stands now."""
        grown = self.tokens + (now - self.at) * self.rate_per_s
        return Pace(self.rate_per_s, min(_burst(self.rate_per_s), grown), now)

    def taken(self, count: int) -> "Pace":
        """With so many receipts sent."""
        return Pace(self.rate_per_s, self.tokens - count, self.at)

    @property
    def ready(self) -> int:
        """How many may be sent at once."""
        return max(0, int(self.tokens))

    @property
    def wait_s(self) -> float:
        """Seconds until one more may be sent."""
        return max(0.0, (1 - self.tokens) / self.rate_per_s)


def _burst(rate_per_s: float) -> float:
    return max(1.0, rate_per_s)

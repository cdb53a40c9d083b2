"""The window: what is on its way to the cloud, and when to send it again. Pure.

At most twenty sales are published and unacknowledged: a machine back from a week without a network
must not flood the broker. Sixteen of them go in order. Four are kept for sales that are made
meanwhile: their buyers stand there, and do not wait behind the week. Each has its own deadline, in
boot time; a PUBACK does not stop it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

SIZE: Final = 20
LIVE: Final = 4
PATIENCE_S: Final = 30.0
LONGEST_S: Final = 600.0
DOUBLED: Final = 5
"""Doublings to the longest; a week of repetitions is too many for a float."""


@dataclass(slots=True)
class Window:
    """Numbers on their way, each with its deadline and how often it was sent.

    `size` of them in all; the last `live` of these only for those that overtake.
    """

    size: int = SIZE
    live: int = 0
    highest: int = 0
    """The highest that was sent in its turn."""
    held_until: float = 0.0
    _deadlines: dict[int, float] = field(default_factory=dict)
    _times: dict[int, int] = field(default_factory=dict)
    _overtaking: set[int] = field(default_factory=set)
    _sent: int = 0
    _order: dict[int, int] = field(default_factory=dict)
    """How many were sent before each."""

    @property
    def on_their_way(self) -> Collection[int]:
        """What was sent, and is not acknowledged."""
        return self._deadlines.keys()

    def room(self, now: float) -> int:
        """How many more may be sent in their turn."""
        if now < self.held_until:
            return 0
        in_turn = len(self._deadlines) - len(self._overtaking)
        return max(0, self.size - self.live - in_turn)

    def room_to_overtake(self, now: float) -> int:
        """How many more may be sent before their turn."""
        return 0 if now < self.held_until else max(0, self.live - len(self._overtaking))

    def due(self, now: float) -> list[int]:
        """Sent long ago and not acknowledged: send again."""
        if now < self.held_until:
            return []
        return sorted(number for number, deadline in self._deadlines.items() if deadline <= now)

    def sent(self, number: int, now: float, *, overtaking: bool = False) -> None:
        """Published, for the first time or again; patience doubles each time."""
        times = self._times.get(number, 0)
        self._times[number] = times + 1
        self._sent += 1
        self._order[number] = self._sent
        self._deadlines[number] = now + min(LONGEST_S, PATIENCE_S * 2 ** min(times, DOUBLED))
        if overtaking:
            self._overtaking.add(number)
        elif number not in self._overtaking:
            self.highest = max(self.highest, number)

    def passed(self, number: int) -> None:
        """The turn came to one that has been sent before it."""
        self._overtaking.discard(number)
        self.highest = max(self.highest, number)

    def acknowledged(self, arrived: Collection[int], missing: Iterable[int], now: float) -> None:
        """The cloud has these. Of those that it misses, what was lost on its way is due at once.

        Lost is what was sent before something that has arrived: the rest is on its way. One that it
        misses after a second time is waited for as any other: whatever keeps it from counting it,
        another round trip does not help.
        """
        newest = max((self._order.get(number, 0) for number in arrived), default=0)
        for number in arrived:
            self._order.pop(number, None)
            self._deadlines.pop(number, None)
            self._times.pop(number, None)
            self._overtaking.discard(number)
        for number in missing:
            if self._times.get(number) == 1 and self._order[number] < newest:
                self._deadlines[number] = now

    def hold(self, until: float) -> None:
        """The cloud asked for a pause; its newest word counts, and 0 ends it."""
        self.held_until = until

    def restart(self) -> None:
        """A new connection or a new cloud: begin again with the oldest unacknowledged."""
        self.highest = 0
        self._deadlines.clear()
        self._times.clear()
        self._order.clear()
        self._overtaking.clear()

    def next_deadline(self, now: float) -> float | None:
        """Seconds until something is due; None if nothing is."""
        moments: Sequence[float] = [*self._deadlines.values()]
        if now < self.held_until:
            moments = [self.held_until]
        return max(0.0, min(moments) - now) if moments else None

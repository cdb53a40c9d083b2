"""The presenter's state: what is shown, what waits, what is known. Boot time in seconds."""

from dataclasses import dataclass
from typing import Final

from edge.buyer.late import Queue
from edge.buyer.screen import Idle, Screen

IDLE: Final = Idle()


@dataclass(frozen=True, slots=True)
class State:
    """Begins as if all were well: `boot_id` is what sales of this boot carry."""

    boot_id: str
    screen: Screen = IDLE
    ends: float | None = None
    """When the picture of a sale has been there long enough; None for a resting screen."""
    waiting: Queue = ()
    unkept: float | None = None
    """When the sale was made whose picture is expected, and is not on the disk yet."""
    unkept_until: float | None = None
    """When it will not be expected any more."""
    buying: bool = False
    began: float | None = None
    """When the last buyer began."""
    serving: bool = True
    offline: bool = False
    offline_at: float | None = None
    """When a cloud out of reach will count as offline."""
    notice: str = ""
    notice_until: float | None = None
    late: int = 0
    """Receipts that came when their buyer's picture was gone."""
    unshown: int = 0
    """Those that waited in vain, or were too old to wait."""

    @property
    def until(self) -> float | None:
        """When something changes by itself; None if nothing does."""
        own = (self.ends, self.unkept_until, self.offline_at, self.notice_until)
        times = [
            *(each for each in own if each is not None),
            *(each.until for each in self.waiting),
        ]
        return min(times, default=None)

"""A device's clock, told with our own."""

from typing import Final

LATEST_S: Final = 0.5
"""A line that seems later than this was not late: the device's clock was set back or ran slow."""


class Steady:
    """Maps a device's seconds to ours, whatever the device does to its clock.

    Differences are the device's own, which knows when a byte came. Of all lines the one that
    came through the quickest says how the clocks stand. A clock that jumps (it wrapped, or the
    device started again) is set anew by the next line.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None

    def at(self, told: float, heard: float) -> float:
        """When `told` was, in seconds of the clock that says `heard` now. Never after `heard`."""
        if self._ahead is None or not heard - LATEST_S <= told + self._ahead <= heard:
            self._ahead = heard - told
            return heard
        return told + self._ahead

"""The seam between what was heard before a port was lost and what is heard after it."""

from mdb.byte import Break, Line, Signal


class Seam:
    """Lets nothing through after a cut until the VMC begins a block, or resets the bus.

    - Either closes whatever block was open, so its half ends as a fault and nothing is glued to it.
    - `at` never goes back.
    """

    def __init__(self) -> None:
        self._cut = True
        self._at = float("-inf")

    def cut(self) -> None:
        """Something between the last signal and the next was not heard."""
        self._cut = True

    def join(self, signal: Signal) -> list[Signal]:
        """The signal if it may pass, else nothing."""
        if self._cut and not _begins(signal):
            return []
        self._cut = False
        self._at = max(self._at, signal.at)
        return [signal._replace(at=self._at)]


def _begins(signal: Signal) -> bool:
    return isinstance(signal, Break) or (signal.line is Line.VMC and signal.mode)

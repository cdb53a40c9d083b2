"""Printers: what puts a receipt's slip on paper. One file a device."""

from typing import Protocol

from edge.printers.profiles import Profile
from edge.printers.status import Status


class PrinterLostError(Exception):
    """A printer went away, or stopped taking bytes. `sent` is how many it may have had of them."""

    def __init__(self, reason: str, sent: int = 0) -> None:
        super().__init__(reason)
        self.sent = sent


class Printer(Protocol):
    """A receipt printer.

    - Nothing of it blocks the event loop: what waits for the device waits in a thread.
    - `status` never raises. A device that is not there is offline; one that is silent is unknown.
    - `send` hands the bytes over and returns when the device has taken them all; that says nothing
      of the paper. It raises PrinterLostError with the number of bytes that may have arrived.
    - A device that is away is opened again by the next call; nobody has to start it anew.
    - One call at a time: the queue asks, sends, and asks again.
    """

    @property
    def profile(self) -> Profile:
        """What the printer can do, and how it is set up here."""
        ...

    async def status(self) -> Status:
        """Ask it how it is; seconds at most."""
        ...

    async def send(self, commands: bytes) -> None:
        """Print these bytes.

        Raises:
            PrinterLostError: not all of them were taken.
        """
        ...

    async def close(self) -> None:
        """Let go of the device; what it has taken it may still print."""
        ...

"""Displays: what shows a picture to the buyer. One file a device."""

from collections.abc import Callable
from typing import Protocol

from edge.buyer.picture import Picture

Painted = Callable[[str], None]
"""Called with the SHA-256 of what is on the glass, once it is there."""


class Display(Protocol):
    """A screen.

    - `show` hands a picture over and returns; it never waits for the glass.
    - `painted` is called, in the event loop, when the picture can be seen, at most once a picture;
      never, if it is replaced before or nobody can see it.
    - A picture stays until the next one.
    - A display that fails says so in the log and shows the next picture all the same.
    """

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show this picture instead of the one before."""
        ...

    def close(self) -> None:
        """Leave the screen clean."""
        ...

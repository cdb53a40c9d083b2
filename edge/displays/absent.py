"""A display whose device is not there yet. Sales go on; it is looked for with each picture."""

from collections.abc import Callable

from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.displays import Display, Painted
from edge.errors import EdgeError


class Absent:
    """Stands in for a display until `opening` finds it; `check` says whether it is lawful."""

    def __init__(
        self, opening: Callable[[], Display], check: Callable[[Panel | None], None]
    ) -> None:
        self._opening = opening
        self._check = check
        self._display: Display | None = None

    @property
    def panel(self) -> Panel | None:
        """Known once it is there."""
        return self._display.panel if self._display is not None else None

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show it, or say why not.

        Raises:
            OSError: it is not there yet, or cannot show a lawful code.
        """
        if self._display is None:
            self._display = self._found()
        self._display.show(picture, painted)

    def close(self) -> None:
        """Leave the screen clean, if there is one."""
        if self._display is not None:
            self._display.close()

    def _found(self) -> Display:
        display = None
        try:
            display = self._opening()
            self._check(display.panel)
        except EdgeError as error:
            if display is not None:
                display.close()
            raise OSError(str(error)) from error
        return display

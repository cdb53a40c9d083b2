"""Displays: what shows a picture to the buyer. One file a device; `_blueprint.py` is one to copy."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

from edge.buyer.panel import Panel
from edge.buyer.picture import Picture

log = logging.getLogger(__name__)

Painted = Callable[[str], None]
"""Called with the SHA-256 of what is on the glass, once it is there."""
Gone = Callable[[], None]
"""Called when what was painted can no longer be seen, though nothing took its place."""
PATIENCE_S: Final = 3.0
"""How long the end of the agent waits for a slow glass."""


class Display(Protocol):
    """A screen.

    - `show` hands a picture over and returns; it never waits for the glass.
    - `painted` is called, in the event loop, when the picture can be seen, at most once a picture
      (but see `Fleeting`); never, if it is replaced before or nobody can see it.
    - A picture stays until the next one.
    - A display that fails says so, in one line of the log or by an `OSError` or `ValueError`, and
      shows the next picture all the same.
    - `close` may be called twice.
    """

    @property
    def panel(self) -> Panel | None:
        """The glass as the buyer sees it; None where there are no pixels, or not known how many."""
        ...

    def show(self, picture: Picture, painted: Painted) -> None:
        """Show this picture instead of the one before."""
        ...

    def close(self) -> None:
        """Leave the screen clean."""
        ...


@runtime_checkable
class Fleeting(Protocol):
    """What a display also is whose glass comes and goes by itself, as a browser's page does.

    - `gone` is called, in the event loop, when the last glass that had painted the picture went.
    - `painted` is called again for the same picture when a glass has painted it after that.
    - Where no glass has painted for a while, the stage says that the display fails; the display
      need not say it.
    """

    def watch(self, gone: Gone) -> None:
        """Tell this one; called once, before the first picture."""
        ...


class Painter:
    """Paints in a thread of its own, one picture after another; of those that wait, the newest.

    `paint` puts a picture on the glass and returns the SHA-256 of what is there; what it raises is
    said in one line. `wipe` empties the glass: after a failure, as the last buyer's receipt must
    not stay, and at the end. Both are called in the thread only. The thread does not keep the
    agent from ending when a driver hangs.
    """

    def __init__(
        self, name: str, paint: Callable[[Picture], str], wipe: Callable[[], None]
    ) -> None:
        self._name = name
        self._paint = paint
        self._wipe = wipe
        self._changed = threading.Condition()
        self._next: tuple[int, Picture, Painted, asyncio.AbstractEventLoop] | None = None
        self._newest = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"display {name}", daemon=True)
        self._thread.start()

    def show(self, picture: Picture, painted: Painted) -> None:
        """Hand a picture over; in the event loop only."""
        with self._changed:
            self._newest += 1
            self._next = (self._newest, picture, painted, asyncio.get_running_loop())
            self._changed.notify()

    def close(self) -> None:
        """Wipe the glass and end; what hangs is left behind."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._next = None
            self._newest += 1
            self._changed.notify()
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            log.warning("display %s: does not answer; left as it is", self._name)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next is not None)
                following, self._next = self._next, None
            if following is None:
                self._clean()
                return
            number, picture, painted, loop = following
            try:
                frame = self._paint(picture)
            except Exception as error:  # noqa: BLE001, whatever a driver raises stays here
                log.error("display %s: %s", self._name, str(error) or type(error).__name__)  # noqa: TRY400, one line
                self._clean()
                continue
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._tell, number, painted, frame)

    def _tell(self, number: int, painted: Painted, frame: str) -> None:
        if number == self._newest:
            painted(frame)

    def _clean(self) -> None:
        with contextlib.suppress(Exception):
            self._wipe()

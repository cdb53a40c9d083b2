"""The stage: carries out what the presenter decides. Pictures to displays, time, evidence."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from edge.buyer.picture import Picture, picture_of
from edge.buyer.presenter import Answered, Event, Policy, Sold, State, Tick, advance
from edge.buyer.screen import Idle
from edge.clock import Clock, Moment
from edge.displays import Display
from edge.wire import Shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _OnGlass:
    """A picture that could be seen, since when, and the hash of what was seen."""

    picture: Picture
    since: Moment
    frame: str


class Stage:
    """The displays of one machine and what is on them."""

    def __init__(
        self,
        displays: Mapping[str, Display],
        policy: Policy,
        products: dict[str, str],
        clock: Clock,
        on_shown: Callable[[Shown], None],
    ) -> None:
        self._displays = displays
        self._policy = policy
        self._products = products
        self._clock = clock
        self._on_shown = on_shown
        self._state = State()
        self._on_glass: dict[str, _OnGlass] = {}
        self._changed = asyncio.Event()
        self._show()

    def happen(self, event: Event) -> None:
        """Something the presenter must know; the screens follow."""
        before = self._state
        self._state = advance(before, event, self._clock.boottime(), self._policy)
        if self._state.screen != before.screen:
            self._hide(_reason(event))
            self._show()
        self._changed.set()

    async def run(self) -> None:
        """Let time pass: end what has been shown long enough."""
        while True:
            until = self._state.until
            wait = None if until is None else max(0.0, until - self._clock.boottime())
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                self.happen(Tick())
            self._changed.clear()

    def close(self) -> None:
        """The agent stops: what was on the glass ends here."""
        self._hide("stopped")
        for display in self._displays.values():
            display.close()

    def _show(self) -> None:
        picture = picture_of(self._state.screen, self._products)
        for name, display in self._displays.items():
            try:
                display.show(picture, partial(self._painted, name, picture))
            except (OSError, ValueError) as error:
                log.error("display %s: %s", name, error)  # noqa: TRY400, one line
                self._wipe(display)

    def _wipe(self, display: Display) -> None:
        """Better nothing than the last buyer's receipt."""
        with contextlib.suppress(OSError, ValueError):
            display.show(picture_of(Idle(), {}), lambda _: None)

    def _painted(self, name: str, picture: Picture, frame: str) -> None:
        self._on_glass[name] = _OnGlass(picture, self._clock.now(), frame)

    def _hide(self, reason: str) -> None:
        hidden = self._clock.now()
        for seen in self._on_glass.values():
            if seen.picture.sale_id is not None:
                self._on_shown(
                    Shown(
                        sale_id=seen.picture.sale_id,
                        rev=seen.picture.rev,
                        on="screen",
                        shown_at=seen.since.iso,
                        hidden_at=hidden.iso,
                        reason=reason,
                        frame_sha256=seen.frame,
                    )
                )
        self._on_glass.clear()


def _reason(event: Event) -> str:
    match event:
        case Sold():
            return "next_sale"
        case Answered():
            return "receipt"
        case _:
            return "timeout"

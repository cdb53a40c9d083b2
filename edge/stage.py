"""The stage: carries out what the presenter decides. Pictures to displays, time, evidence.

Evidence is what a display said it had painted; a picture that no glass showed leaves none. Wall time
is only recorded and may jump while a picture is on, so the end is the beginning plus boot time:
the duration is right, whatever the clock did. Where the glass goes, the evidence ends with it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from edge.buyer.event import Event, Reason, Tick, why
from edge.buyer.picture import Picture, picture_of
from edge.buyer.policy import Policy
from edge.buyer.presenter import advance
from edge.buyer.screen import Screen
from edge.buyer.state import IDLE, State
from edge.clock import Clock, Moment
from edge.displays import Display, Fleeting
from edge.wire import Shown

log = logging.getLogger(__name__)

RETRY_S: Final = 10.0
"""How often a display that failed is given the picture again: it may have been unplugged."""
START_S: Final = 90.0
"""How long a browser may take to come up after the machine was switched on."""
UNSEEN_S: Final = 10.0
"""A display whose glass comes and goes fails when no glass has had the picture for so long."""


@dataclass(frozen=True, slots=True)
class _OnGlass:
    """A picture that could be seen, since when, and the hash of what was seen."""

    picture: Picture
    since: Moment
    frame: str


class Stage:
    """The displays of one machine and what is on them. Nothing a display does raises out of it."""

    def __init__(
        self,
        displays: Mapping[str, Display],
        policy: Policy,
        products: Mapping[str, str],
        clock: Clock,
        on_shown: Callable[[Shown], None],
    ) -> None:
        self._displays = displays
        self._policy = policy
        self._products = products
        self._clock = clock
        self._on_shown = on_shown
        self._state = State(clock.now().boot_id)
        self._picture = self._drawn()
        self._on_glass: dict[str, _OnGlass] = {}
        self._failing: dict[str, float] = {}
        self._unseen: dict[str, float] = {}
        self._known: set[str] = set()
        """Displays whose glass has not painted, and until when that is no fault, in boot time."""
        self._blind: set[str] = set()
        self._faults = 0
        self._changed = asyncio.Event()
        for name, display in displays.items():
            if isinstance(display, Fleeting):
                display.watch(partial(self._gone, name))
        self._show()

    @property
    def screen(self) -> Screen:
        """What is on now."""
        return self._state.screen

    @property
    def kind(self) -> str:
        """The kind of picture that is on now, such as ``idle``."""
        return self._picture.kind

    @property
    def late(self) -> int:
        """Receipts that came when their buyer's picture was gone, since the start."""
        return self._state.late

    @property
    def unshown(self) -> int:
        """Those of them that never came to the screen: too old, or the screen was never free."""
        return self._state.unshown

    @property
    def faults(self) -> int:
        """How many times a display failed, since the start."""
        return self._faults

    @property
    def failing(self) -> tuple[str, ...]:
        """The displays whose last picture failed, or that have no glass to show it on."""
        return tuple(
            name for name in self._displays if name in self._failing or name in self._blind
        )

    def happen(self, event: Event) -> None:
        """Something the presenter must know; the screens follow."""
        before = self._state
        self._state = advance(before, event, self._clock.boottime(), self._policy)
        if self._state.screen != before.screen:
            self._hide(why(before.screen, event, self._state.screen))
            self._picture = self._drawn()
            self._show()
        self._mind_the_glass()
        self._changed.set()

    def change(self, policy: Policy, products: Mapping[str, str]) -> None:
        """Another configuration: for what comes next. What is shown stays as it is, and as long."""
        self._policy, self._products = policy, products

    async def run(self) -> None:
        """Let time pass: end what has been shown long enough."""
        while True:
            times = [*self._failing.values()]
            times += [at for name, at in self._unseen.items() if name not in self._blind]
            if self._state.until is not None:
                times.append(self._state.until)
            wait = max(0.0, min(times) - self._clock.boottime()) if times else None
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                self.happen(Tick())
                self._try_again()
            self._changed.clear()

    def close(self) -> None:
        """The agent stops: what was on the glass ends here."""
        self._hide("stopped")
        self._picture = _BLANK  # what a glass says of the last one from here on is no evidence
        for name, display in self._displays.items():
            try:
                display.close()
            except Exception as error:  # noqa: BLE001, the others are to be closed too
                log.warning("display %s: %s", name, error)

    def _drawn(self) -> Picture:
        try:
            return picture_of(self._state.screen, self._products, self._policy.profile)
        except ValueError as error:
            log.error("no picture: %s", error)  # noqa: TRY400, one line
            return _BLANK

    def _show(self) -> None:
        for name in self._displays:
            self._show_on(name)

    def _try_again(self) -> None:
        now = self._clock.boottime()
        for name in [name for name, at in self._failing.items() if now >= at]:
            self._show_on(name)

    def _show_on(self, name: str) -> None:
        display = self._displays[name]
        if isinstance(display, Fleeting):
            patience = UNSEEN_S if name in self._known else START_S
            self._unseen.setdefault(name, self._clock.boottime() + patience)
        try:
            display.show(self._picture, partial(self._painted, name, self._picture))
        except Exception as error:  # noqa: BLE001, a driver of any make may fail in any way
            self._failed(name, display, error)
        else:
            if self._failing.pop(name, None) is not None:
                log.warning("display %s: works again", name)

    def _failed(self, name: str, display: Display, error: Exception) -> None:
        """Say it once. Better nothing than the last buyer's receipt."""
        if name not in self._failing:
            log.error("display %s: %s", name, error)
        self._faults += 1
        self._on_glass.pop(name, None)
        self._failing[name] = self._clock.boottime() + RETRY_S
        try:
            display.show(_BLANK, lambda _: None)
        except Exception as second:  # noqa: BLE001, as above
            log.debug("display %s: not wiped: %s", name, second)

    def _painted(self, name: str, picture: Picture, frame: str) -> None:
        if picture is not self._picture or name in self._on_glass:
            return
        self._on_glass[name] = _OnGlass(picture, self._clock.now(), frame)
        self._unseen.pop(name, None)
        self._known.add(name)
        if name in self._blind:
            self._blind.remove(name)
            log.warning("display %s: works again", name)

    def _gone(self, name: str) -> None:
        """The glass went from under the picture; it may come back."""
        seen = self._on_glass.pop(name, None)
        if seen is not None:
            self._unseen[name] = self._clock.boottime() + UNSEEN_S
            self._tell(name, seen, "gone")
            self._changed.set()

    def _mind_the_glass(self) -> None:
        if not self._unseen:
            return
        now = self._clock.boottime()
        for name, at in self._unseen.items():
            if now >= at and name not in self._blind:
                log.error("display %s: no page shows its picture", name)
                self._blind.add(name)
                self._faults += 1

    def _hide(self, reason: Reason) -> None:
        seen, self._on_glass = self._on_glass, {}
        for name, each in seen.items():
            self._tell(name, each, reason)

    def _tell(self, name: str, seen: _OnGlass, reason: Reason) -> None:
        if seen.picture.sale_id is not None:
            sale_id, now = seen.picture.sale_id, self._clock.now()
            self._on_shown(_evidence(name, seen, sale_id, now, reason))


_BLANK: Final = picture_of(IDLE, {})


def _evidence(name: str, seen: _OnGlass, sale_id: str, now: Moment, reason: Reason) -> Shown:
    lasted = now.boottime_ms - seen.since.boottime_ms
    return Shown(
        sale_id=sale_id,
        rev=seen.picture.rev,
        on="screen",
        shown_at=seen.since.iso,
        hidden_at=replace(seen.since, unix_ms=seen.since.unix_ms + lasted).iso,
        reason=reason,
        frame_sha256=seen.frame,
        display=name,
        clock=seen.since.quality,
    )

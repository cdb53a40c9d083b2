"""The presenter: what to show, and until when. Pure: a state and an event in, a state out.

Knows the law's floor and who stands in front of the machine; not how a screen is drawn. All times
are boot time in seconds.

**Whose picture.** A picture belongs to one purchase and is never taken for another's. A sale takes
the screen at once: it is the next settlement, and nothing else ends a receipt early but a newer word
on that very receipt. A buyer who only *begins* takes nothing away: a card put in and taken out again
must not cost the one before the forty seconds. What stays meanwhile misleads nobody: it goes with
the sale, and a late one says of which purchase it is.

**Unkept.** A sale that the disk does not take has no picture yet; it ends the one before all the
same. The screen rests until it is kept, as long as its buyer may stand there: what is kept only
then and was sold before it, or is late, is not for his eyes. One who chooses again is the same buyer.

**Late.** A receipt that comes when its buyer's picture is gone waits until nobody is buying and the
screen rests; then it says its product, amount and time. One older than `Policy.late_s`, or of
another boot (nobody can tell how old), is never shown. Nor is a late refusal: strangers have no use
for it, its buyer has the receipt's page, the operator the journal.

**At rest.** Out of order, or the operator's notice (while nobody is buying), or offline, or idle:
each follows from what is known, so each comes back by itself.
"""

from dataclasses import replace
from typing import Final

from edge.buyer import late
from edge.buyer.event import (
    Again,
    Answered,
    Buying,
    Event,
    Reached,
    Serving,
    Sold,
    Tick,
    Told,
    Unkept,
)
from edge.buyer.policy import Policy, making, ready
from edge.buyer.screen import (
    Making,
    Notice,
    Offline,
    OutOfOrder,
    Refused,
    is_late,
    is_of,
    rev_on,
    sale_on,
)
from edge.buyer.state import IDLE, State
from edge.buyer.words import clean
from edge.wire import Receipt, Sale

__all__ = [
    "STATUTORY_S",
    "Again",
    "Answered",
    "Buying",
    "Event",
    "Policy",
    "Reached",
    "Serving",
    "Sold",
    "State",
    "Tick",
    "Told",
    "Unkept",
    "advance",
]

STATUTORY_S: Final = 40.0
"""Order ЕД-7-20/236@: until the next settlement, or at least forty seconds."""


def advance(state: State, event: Event, now: float, policy: Policy) -> State:
    """The next state; its `until` is later than `now`."""
    return _settled(_aged(_heard(state, event, now, policy), now, policy), now, policy)


def _heard(state: State, event: Event, now: float, policy: Policy) -> State:
    match event:
        case Sold() | Unkept():
            return _bought(state, event, now, policy)
        case Answered(sale, receipt):
            return _answered(state, sale, receipt, now, policy)
        case Again(sale, receipt):
            return _again(state, sale, receipt, now, policy)
        case Buying(buying, again):
            if buying and not again:
                state = replace(state, began=now, unkept=_lost(state.unkept, now))
            return replace(state, buying=buying)
        case Serving(serving):
            return replace(state, serving=serving, buying=state.buying and serving)
        case Reached(True):
            return replace(state, offline=False, offline_at=None)
        case Reached(False) if not state.offline and state.offline_at is None:
            return replace(state, offline_at=now + policy.offline_s)
        case Told(text, for_s):
            return replace(state, notice=clean(text), notice_until=now + for_s)
        case _:
            return state


def _bought(state: State, event: Sold | Unkept, now: float, policy: Policy) -> State:
    """The last picture goes: for the sale's own, or for none while the sale has none yet."""
    shown = sale_on(state.screen)
    match event:
        case Sold(sale) if state.unkept is None or _is_since(sale, state.unkept, state.boot_id):
            state = replace(state, screen=making(sale, policy), buying=False)
            state = replace(state, unkept=None, unkept_until=None)
            return replace(state, ends=now + policy.patience_s)
        case Unkept(at) if shown is None or not _is_since(shown, at, state.boot_id):
            state = replace(state, screen=IDLE, ends=None, unkept_until=now + STATUTORY_S)
            unkept = at if state.unkept is None else max(at, state.unkept)
            return replace(state, unkept=_lost(unkept, state.began))
        case _:  # an earlier one: the screen is not its buyer's any more
            return state


def _lost(unkept: float | None, began: float | None) -> float | None:
    """If the next buyer has come, what is still unkept has lost the screen; that is told of late."""
    if unkept is None or began is None:
        return unkept
    return max(unkept, began)


def _is_since(sale: Sale, at: float, boot_id: str) -> bool:
    """Whether it was made then or later; of a sale of another boot it was not."""
    return sale.boot_id == boot_id and sale.boottime_ms / 1000 >= at


def _answered(state: State, sale: Sale, receipt: Receipt, now: float, policy: Policy) -> State:
    """A newer word replaces the older, on the screen or in the queue; an old one is no news."""
    if receipt.status == "pending":
        return state
    shown, queued = is_of(state.screen, sale), late.of_sale(state.waiting, sale.sale_id)
    known = rev_on(state.screen) if shown else queued.screen.rev if queued else 0
    if receipt.rev <= known:
        return state
    in_front = shown and not is_late(state.screen)
    screen = ready(sale, receipt, policy, late=not in_front)
    if screen is None:
        return _without_code(state, sale, receipt, now, policy)
    if shown:
        screen = late.dated(screen, state.boot_id, now)
        return replace(state, screen=screen, ends=now + policy.show_s)
    if queued is not None:
        return _queued(state, replace(queued, screen=screen))
    state = replace(state, late=state.late + 1)
    if sale.boot_id != state.boot_id:
        return replace(state, unshown=state.unshown + 1)
    since = sale.boottime_ms / 1000
    return _queued(state, late.Waiting(screen, since, since + policy.late_s))


def _without_code(state: State, sale: Sale, receipt: Receipt, now: float, policy: Policy) -> State:
    """Refused or returned: nothing may stay that says otherwise. Issued without a code: no news."""
    if receipt.status == "issued":
        return state
    state = replace(state, waiting=late.without(state.waiting, sale.sale_id))
    if not is_of(state.screen, sale):
        return state
    if receipt.status == "refused" and not is_late(state.screen):
        return replace(state, screen=Refused(sale, receipt.rev), ends=now + policy.show_s)
    return replace(state, screen=IDLE, ends=None)


def _again(state: State, sale: Sale, receipt: Receipt, now: float, policy: Policy) -> State:
    screen = ready(sale, receipt, policy, late=True)
    if screen is None:
        return state
    if not is_of(state.screen, sale):
        # Who asks for it stands there now, whatever may be shown unasked.
        until = now + max(policy.late_s, policy.show_s)
        return _queued(state, late.Waiting(screen, now, until))
    state = _answered(state, sale, receipt, now, policy)
    return replace(state, ends=now + policy.show_s)


def _queued(state: State, waiting: late.Waiting) -> State:
    queue = late.joined(state.waiting, waiting)
    known = late.of_sale(state.waiting, waiting.screen.sale.sale_id) is not None
    lost = len(state.waiting) + (not known) - len(queue)
    return replace(state, waiting=queue, unshown=state.unshown + lost)


def _aged(state: State, now: float, policy: Policy) -> State:
    """What ends by itself."""
    if _past(state.offline_at, now):
        state = replace(state, offline=True, offline_at=None)
    if _past(state.unkept_until, now):
        state = replace(state, unkept=None, unkept_until=None)
    if _past(state.notice_until, now) or not state.notice:
        state = replace(state, notice="", notice_until=None)
    waiting = late.fresh(state.waiting, now)
    state = replace(
        state, waiting=waiting, unshown=state.unshown + len(state.waiting) - len(waiting)
    )
    match state.screen:
        case Making(slow=False) as wait if state.offline or _past(state.ends, now):
            return replace(state, screen=replace(wait, slow=True), ends=now + policy.show_s)
        case _ if _past(state.ends, now):
            return replace(state, screen=IDLE, ends=None)
        case _:
            return state


def _settled(state: State, now: float, policy: Policy) -> State:
    """On a screen that is nobody's: the oldest late receipt, or what follows from what is known."""
    if state.ends is not None:
        return state
    if state.waiting and not state.buying and state.unkept is None:
        first, *rest = state.waiting
        screen = late.dated(first.screen, state.boot_id, now)
        return replace(state, screen=screen, ends=now + policy.show_s, waiting=tuple(rest))
    if not state.serving:
        return replace(state, screen=OutOfOrder())
    if state.notice and not state.buying:
        return replace(state, screen=Notice(state.notice))
    return replace(state, screen=Offline() if state.offline else IDLE)


def _past(time: float | None, now: float) -> bool:
    return time is not None and now >= time

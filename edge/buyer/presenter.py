"""The presenter: what to show, and until when. Pure: a state and an event in, a state out.

Knows the law's floor and who stands in front of the machine; not how a screen is drawn.

A picture belongs to one purchase and is never taken for another's. A sale takes the screen at
once. Its receipt replaces the wait; a receipt that comes when another purchase has begun waits
until nobody is buying, and then says which purchase it is of.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from edge.buyer.screen import Idle, Making, Ready, Refused, Screen
from edge.wire import Receipt, Sale

STATUTORY_S: Final = 40.0
"""Order ЕД-7-20/236@: until the next settlement, or at least forty seconds."""
IDLE: Final = Idle()
MOST_LATE: Final = 3
"""Late receipts that wait for a free screen; older ones stay in the operator's journal."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's choices. `link` is the address a token is appended to, or None."""

    qr: Literal["link_then_fiscal", "fiscal", "link"] = "link_then_fiscal"
    link: str | None = None
    show_s: float = 60.0
    patience_s: float = 15.0
    late_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale was made."""

    sale: Sale


@dataclass(frozen=True, slots=True)
class Answered:
    """News of a sale's receipt."""

    sale: Sale
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Buying:
    """A buyer began (or gave up, or was served)."""

    now: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """The cloud can be reached, or cannot."""

    now: bool


@dataclass(frozen=True, slots=True)
class Serving:
    """The machine's bus is alive, or is not."""

    now: bool


@dataclass(frozen=True, slots=True)
class Told:
    """The operator has something to say to whoever comes, for so many seconds."""

    text: str
    for_s: float


@dataclass(frozen=True, slots=True)
class Again:
    """The operator, or a buyer at the telephone, wants a sale's receipt on the screen again."""

    sale: Sale
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


Event = Sold | Answered | Buying | Reached | Serving | Told | Again | Tick


@dataclass(frozen=True, slots=True)
class State:
    """What is shown since when and until when (boot time, seconds), and what waits behind it."""

    screen: Screen = IDLE
    until: float | None = None
    waiting_for: Sale | None = None
    buying: bool = False
    late: tuple[Screen, ...] = ()


def advance(state: State, event: Event, now: float, policy: Policy) -> State:
    """The next state."""
    match event:
        case Sold():
            making = Making(event.sale, _link(event.sale, policy))
            return replace(
                state,
                screen=making,
                until=now + policy.patience_s,
                waiting_for=event.sale,
                buying=False,
            )
        case Answered():
            return _free(_answered(state, event, now, policy), now, policy)
        case Buying():
            return _free(replace(state, buying=event.now), now, policy)
        case Tick():
            return _free(_expired(state, now, policy), now, policy)
        case _:
            return state


def _answered(state: State, event: Answered, now: float, policy: Policy) -> State:
    sale, receipt = event.sale, event.receipt
    mine = state.waiting_for is not None and state.waiting_for.sale_id == sale.sale_id
    in_front = mine and isinstance(state.screen, Making)
    screen = _screen(sale, receipt, policy, late=not in_front)
    # A newer word on a receipt that still waits for its turn replaces the older.
    state = replace(state, late=tuple(each for each in state.late if not _is_of(each, sale)))
    if screen is None:
        return state
    if in_front:
        return replace(state, screen=screen, until=now + policy.show_s, waiting_for=None)
    if mine:
        state = replace(state, waiting_for=None)
    return replace(state, late=(*state.late, screen)[-MOST_LATE:])


def _expired(state: State, now: float, policy: Policy) -> State:
    if state.until is None or now < state.until:
        return state
    if isinstance(state.screen, Making) and not state.screen.slow:
        slow = replace(state.screen, slow=True)
        return replace(state, screen=slow, until=now + policy.show_s)
    return replace(state, screen=Idle(), until=None)


def _free(state: State, now: float, policy: Policy) -> State:
    """Show the oldest late receipt where nobody is served: not the buyer's, nor a shown one's."""
    if not state.late or state.buying or not isinstance(state.screen, Idle):
        return state
    first, *rest = state.late
    return replace(state, screen=first, until=now + policy.show_s, late=tuple(rest))


def _screen(sale: Sale, receipt: Receipt, policy: Policy, *, late: bool) -> Screen | None:
    match receipt.status:
        case "issued":
            link = receipt.link or _page(sale, policy)
            if policy.qr == "link" and link:
                return Ready(sale, receipt.rev, link, link, statutory=False, late=late)
            if receipt.qr:
                return Ready(sale, receipt.rev, receipt.qr, link, statutory=True, late=late)
            return None
        case "refused":
            return Refused(sale, receipt.rev)
        case _:
            return None


def _is_of(screen: Screen, sale: Sale) -> bool:
    return isinstance(screen, Ready | Refused) and screen.sale.sale_id == sale.sale_id


def _link(sale: Sale, policy: Policy) -> str | None:
    return None if policy.qr == "fiscal" else _page(sale, policy)


def _page(sale: Sale, policy: Policy) -> str | None:
    return policy.link + sale.token if policy.link else None

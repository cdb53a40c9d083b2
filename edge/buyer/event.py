"""What the presenter is told, and why it took a picture away."""

from dataclasses import dataclass
from typing import Literal

from edge.buyer.screen import Making, Screen, sale_on
from edge.wire import Receipt, Sale


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale was made."""

    sale: Sale


@dataclass(frozen=True, slots=True)
class Unkept:
    """A sale was made at `at` (boot time, seconds) that the disk has not taken yet.

    It has no name and no link before it is kept, so nothing of it can be shown; but whatever was
    sold before is another's.
    """

    at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """News of a sale's receipt."""

    sale: Sale
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Buying:
    """A buyer began (or gave up, or was served).

    `again`: the one who stands there with a session open has chosen once more; nobody else came.
    """

    now: bool
    again: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """The cloud can be reached, or cannot."""

    now: bool


@dataclass(frozen=True, slots=True)
class Serving:
    """The machine's bus is alive, or is not. On a dead one nobody is buying."""

    now: bool


@dataclass(frozen=True, slots=True)
class Told:
    """The operator says something to whoever comes, for so many seconds; "" takes it back."""

    text: str
    for_s: float


@dataclass(frozen=True, slots=True)
class Again:
    """The operator, or a buyer at the telephone, wants a sale's receipt on the screen again.

    Shown like a late one, whatever its age; it waits while another's picture is on or is expected.
    """

    sale: Sale
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


Event = Sold | Unkept | Answered | Buying | Reached | Serving | Told | Again | Tick

Reason = Literal["next_sale", "receipt", "timeout", "replaced", "gone", "stopped"]
"""Why a picture of a sale ended.

- ``next_sale``: another purchase was made. It took the screen, or will when it is kept.
- ``receipt``: a newer word on this purchase's receipt took its place, or took it back.
- ``timeout``: it had been there for its time.
- ``replaced``: the wait became a long one, and the screen says so.
- ``gone``: the glass went away, as when the kiosk's page closes. The picture itself goes on: where
  it comes back to that glass, another showing begins.
- ``stopped``: the agent ended.
"""


def why(before: Screen, event: Event, after: Screen) -> Reason:
    """Why `before`, a sale's picture, made way for `after` when this happened."""
    old, new = sale_on(before), sale_on(after)
    if isinstance(event, Sold | Unkept):
        return "next_sale"
    if old is not None and new is not None and old.sale_id == new.sale_id:
        return "replaced" if isinstance(after, Making) else "receipt"
    if isinstance(event, Answered) and old is not None and old.sale_id == event.sale.sale_id:
        return "receipt" if event.receipt.status in {"refused", "returned"} else "timeout"
    return "timeout"

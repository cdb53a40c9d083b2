"""What the buyer's screen may say: values without words, layout or pixels.

Two kinds: a *picture of a sale* (`Making`, `Ready`, `Refused`), which belongs to one purchase and is
evidence; and a *resting* screen, which belongs to nobody and stays until something happens.
"""

from dataclasses import dataclass

from edge.wire import Sale


@dataclass(frozen=True, slots=True)
class Screen:
    """Something to show."""


@dataclass(frozen=True, slots=True)
class Idle(Screen):
    """Nobody is buying."""


@dataclass(frozen=True, slots=True)
class Offline(Screen):
    """Nobody is buying, and receipts cannot be made at the moment; the machine sells all the same."""


@dataclass(frozen=True, slots=True)
class OutOfOrder(Screen):
    """The machine's bus is silent: nothing can be bought."""


@dataclass(frozen=True, slots=True)
class Notice(Screen):
    """The operator's own words, clean: one line, no control characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Making(Screen):
    """The receipt of this sale is being made; `qr` is the link to it, if links are shown.

    `slow`: it will not come while the buyer stands there, as far as can be told.
    """

    sale: Sale
    qr: str | None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Ready(Screen):
    """The receipt of this sale; `statutory` is False where the QR is only a link.

    `late`: its buyer may be gone, so it must be told apart from the next one's. `ago_s` is then how
    long ago the sale was when this began, by boot time; None where that is not known.
    """

    sale: Sale
    rev: int
    qr: str
    link: str | None
    statutory: bool
    late: bool
    ago_s: int | None = None


@dataclass(frozen=True, slots=True)
class Refused(Screen):
    """No receipt was issued for this sale: the operator knows, the buyer may ask."""

    sale: Sale
    rev: int


def sale_on(screen: Screen) -> Sale | None:
    """Whose picture it is; None for a resting screen."""
    return screen.sale if isinstance(screen, Making | Ready | Refused) else None


def rev_on(screen: Screen) -> int:
    """Which word on the receipt it is; 0 where none has come."""
    return screen.rev if isinstance(screen, Ready | Refused) else 0


def is_of(screen: Screen, sale: Sale) -> bool:
    """Whether it is this sale's picture."""
    shown = sale_on(screen)
    return shown is not None and shown.sale_id == sale.sale_id


def is_late(screen: Screen) -> bool:
    """Whether it is a receipt that has to be told apart from the next buyer's."""
    return isinstance(screen, Ready) and screen.late

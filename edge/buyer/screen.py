"""What the buyer's screen may say: values without words, layout or pixels."""

from dataclasses import dataclass

from edge.wire import Sale


@dataclass(frozen=True, slots=True)
class Screen:
    """Something to show."""


@dataclass(frozen=True, slots=True)
class Idle(Screen):
    """Nobody is buying."""


@dataclass(frozen=True, slots=True)
class Making(Screen):
    """The receipt of this sale is being made; `qr` is the link to it, if links are shown."""

    sale: Sale
    qr: str | None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Ready(Screen):
    """The receipt of this sale; `statutory` is False where the QR is only a link."""

    sale: Sale
    rev: int
    qr: str
    link: str | None
    statutory: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Refused(Screen):
    """No receipt was issued for this sale: the operator knows, the buyer may ask."""

    sale: Sale
    rev: int

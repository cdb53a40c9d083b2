"""``[receipts]``: what the screen says of receipts, and for how long."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.wire.messages import END
from edge.wire.settings import Table

Address = Annotated[str, Meta(pattern=r"^https?://\S+/" + END, max_length=200)]


class Receipts(Table, frozen=True, kw_only=True):
    """What the screen says of receipts, and for how long (seconds)."""

    link: Annotated[
        Address | None,
        Meta(
            description='Where the fiscaliser\'s receipt pages are: its public_url and "/r/".'
            " With it the screen has a QR code from the first moment, also without a network."
            ' Needed unless qr = "fiscal".'
        ),
    ] = None
    qr: Annotated[
        Literal["link_then_fiscal", "fiscal", "link"],
        Meta(
            description="Which code the buyer sees: the link at once and the receipt's own code as"
            " soon as it is there, only the receipt's own code, or only the link."
            ' Under 54-ФЗ the receipt\'s own code has to be shown, so "link" is not for "ru".'
        ),
    ] = "link_then_fiscal"
    profile: Annotated[
        Literal["ru", "none"],
        Meta(
            description='Whose law. "ru" refuses a time on the screen that is too short for 54-ФЗ,'
            ' and says of a code that is only a link that it is one; "none" does neither.'
        ),
    ] = "ru"
    show_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86400,
            description="How long a receipt stays, in seconds, if nobody buys next."
            ' At least 40 with profile "ru"; longer where buyers are slow with their phones.',
        ),
    ] = 60.0
    patience_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description='How long the screen says "is being made" before it says that it takes'
            " longer, in seconds. Longer on a slow register.",
        ),
    ] = 15.0
    late_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86400,
            description="How old a purchase may be, in seconds, whose receipt is still shown when it"
            " comes late and nobody is buying; it then says its product, amount and time."
            " With 0 a receipt that comes late is never shown.",
        ),
    ] = 3600.0
    offline_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="How long the cloud may be out of reach, in seconds, before the screen says"
            " that receipts will come later. Shorter breaks are nobody's business.",
        ),
    ] = 30.0

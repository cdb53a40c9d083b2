"""``[receipts]``: what the screen says of receipts, and for how long."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.wire.messages import END
from edge.wire.settings import Table


class Receipts(Table, frozen=True, kw_only=True):
    """What the screen says of receipts, and for how long (seconds)."""

    link: Annotated[str, Meta(pattern=r"^https?://\S+/" + END, max_length=200)] | None = None
    qr: Literal["link_then_fiscal", "fiscal", "link"] = "link_then_fiscal"
    profile: Literal["ru", "none"] = "ru"
    show_s: Annotated[float, Meta(gt=0, le=86400)] = 60.0
    patience_s: Annotated[float, Meta(gt=0, le=600)] = 15.0
    late_s: Annotated[float, Meta(ge=0, le=86400)] = 3600.0

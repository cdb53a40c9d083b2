"""The operator's choices: which code is shown, and how long things stay. All times in seconds."""

from dataclasses import dataclass
from typing import Literal

from edge.buyer.screen import Making, Ready
from edge.wire import Receipt, Sale


@dataclass(frozen=True, slots=True)
class Policy:
    """The table ``[receipts]``. `link` is the address a token is appended to, or None."""

    qr: Literal["link_then_fiscal", "fiscal", "link"] = "link_then_fiscal"
    link: str | None = None
    profile: Literal["ru", "none"] = "ru"
    """With ``ru``, a code that is only a link says so."""
    show_s: float = 60.0
    patience_s: float = 15.0
    late_s: float = 3600.0
    """How old, counted from the sale, a receipt may be that nobody stands there for."""
    offline_s: float = 30.0
    """How long the cloud may be out of reach before the screen says so."""


def making(sale: Sale, policy: Policy) -> Making:
    """The wait for a receipt."""
    return Making(sale, None if policy.qr == "fiscal" else _page(sale, policy))


def ready(sale: Sale, receipt: Receipt, policy: Policy, *, late: bool) -> Ready | None:
    """An issued receipt; None where it gives this policy nothing to show."""
    if receipt.status != "issued":
        return None
    link = receipt.link or _page(sale, policy)
    if policy.qr == "link" and link:
        return Ready(sale, receipt.rev, link, link, statutory=False, late=late)
    if receipt.qr:
        return Ready(sale, receipt.rev, receipt.qr, link, statutory=True, late=late)
    return None


def _page(sale: Sale, policy: Policy) -> str | None:
    return policy.link + sale.token if policy.link else None

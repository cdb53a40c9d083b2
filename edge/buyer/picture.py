"""A picture: a screen in words and a QR code, in Russian with English below it.

Displays lay it out; none of them decides what it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from edge.buyer import qr
from edge.buyer.screen import (
    Making,
    Notice,
    Offline,
    OutOfOrder,
    Ready,
    Refused,
    Screen,
    rev_on,
    sale_on,
)
from edge.buyer.words import amount, clean, of_when, said, when

CODES: Final = {"making", "slow", "ready", "link"}
"""Kinds of pictures with a code in them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines to show beside a code, if there is one. `sale_id` and `rev` say whose it is.

    `kind` is idle, making, slow, ready, link, refused, offline, out_of_order or notice. `mark` is
    the plain word, to be shown with the code, that it is not the statutory one. `link` is the
    address of the receipt's page. `late`: it is of a purchase before; the title says of when, and
    so does `when`, in a word or two.
    """

    kind: str
    title: str
    title_en: str
    product: str = ""
    amount: str = ""
    hint: str = ""
    hint_en: str = ""
    mark: str = ""
    mark_en: str = ""
    code: qr.Matrix | None = None
    sale_id: str | None = None
    rev: int = 0
    link: str | None = None
    late: bool = False
    when: str = ""


def picture_of(
    screen: Screen, products: Mapping[str, str], profile: Literal["ru", "none"] = "ru"
) -> Picture:
    """Put a screen into words; `products` names item numbers, `profile` says whose law it is."""
    kind = _kind(screen)
    if isinstance(screen, Notice):
        return Picture(kind, screen.text, "")
    title, title_en = said("ready" if kind == "link" else kind)
    late = screen if isinstance(screen, Ready) and screen.late else None
    if late:
        title, title_en = of_when(late.sale.sold_at, late.sale.clock, late.ago_s)
    code, link = _code_and_link(screen)
    # It is shown in words as well, and by displays that letters could command.
    link = "".join(filter(str.isprintable, link or "")) or None
    hint, hint_en = said(f"{kind}_hint") if code or kind not in CODES else ("", "")
    picture = Picture(kind, title, title_en, hint=hint, hint_en=hint_en, link=link)
    if code is not None:
        picture = replace(picture, code=qr.encode(code))
        if kind != "ready" and profile == "ru":
            mark, mark_en = said("link_mark")
            picture = replace(picture, mark=mark, mark_en=mark_en)
    sale = sale_on(screen)
    if sale is None:
        return picture
    return replace(
        picture,
        product=clean(products.get(sale.item or "", sale.item or "")),
        amount=amount(sale.amount, sale.currency),
        sale_id=sale.sale_id,
        rev=rev_on(screen),
        late=late is not None,
        when=when(sale.sold_at, sale.clock, late.ago_s) if late else "",
    )


def _kind(screen: Screen) -> str:
    match screen:
        case Making(slow=slow):
            return "slow" if slow else "making"
        case Ready(statutory=statutory):
            return "ready" if statutory else "link"
        case Refused():
            return "refused"
        case Notice():
            return "notice"
        case Offline():
            return "offline"
        case OutOfOrder():
            return "out_of_order"
        case _:
            return "idle"


def _code_and_link(screen: Screen) -> tuple[str | None, str | None]:
    match screen:
        case Making():
            return screen.qr, screen.qr
        case Ready():
            return screen.qr, screen.link
        case _:
            return None, None

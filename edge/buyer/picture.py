"""A picture: a screen in words and a QR code, in Russian with English below it.

Displays lay it out; none of them decides what it says. Two languages at once rather than a switch:
a vending machine has no button for it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.buyer import qr
from edge.buyer.screen import Making, Ready, Refused, Screen
from edge.wire import Sale
from mdb.money import Money

SIGNS: Final = {"RUB": "₽", "EUR": "€", "USD": "$"}


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines to show beside a code, if there is one. `sale_id` and `rev` say whose it is.

    `kind` is idle, making, slow, ready, link, refused, offline, out_of_order or notice. `mark` is
    the plain word, to be shown with the code, that it is not the statutory one. `link` is the
    address of the receipt's page.
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


def picture_of(screen: Screen, products: dict[str, str]) -> Picture:
    """Put a screen into words; `products` names item numbers."""
    match screen:
        case Making(slow=True):
            return _of_sale(
                screen.sale,
                products,
                kind="slow",
                title="Чек придёт позже",
                title_en="Your receipt will come later",
                hint="Он появится по этой ссылке" if screen.qr else "",
                hint_en="It will be at this link" if screen.qr else "",
                code=screen.qr,
                link=screen.qr,
            )
        case Making():
            return _of_sale(
                screen.sale,
                products,
                kind="making",
                title="Чек оформляется…",
                title_en="Your receipt is being made…",
                hint="По этой ссылке он появится сам" if screen.qr else "",
                hint_en="It will appear at this link" if screen.qr else "",
                code=screen.qr,
                link=screen.qr,
            )
        case Ready():
            when = f" · {_time(screen.sale)}" if screen.late else ""
            return _of_sale(
                screen.sale,
                products,
                kind="ready" if screen.statutory else "link",
                title="Ваш чек" if not screen.late else f"Чек за покупку{when}",
                title_en="Your receipt" if not screen.late else f"Receipt of a purchase{when}",
                hint=(
                    "Проверьте в приложении «Проверка чеков ФНС»"
                    if screen.statutory
                    else "Наведите камеру телефона на код"
                ),
                hint_en="Fiscal QR code" if screen.statutory else "Point your camera at the code",
                code=screen.qr,
                rev=screen.rev,
                link=screen.link,
            )
        case Refused():
            return _of_sale(
                screen.sale,
                products,
                kind="refused",
                title="Чек не оформлен",
                title_en="No receipt was issued",
                hint="Обратитесь к владельцу автомата",
                hint_en="Please ask the operator",
                rev=screen.rev,
            )
        case _:
            return Picture(
                kind="idle",
                title="Выберите напиток",
                title_en="Choose a drink",
                hint="После покупки здесь появится QR-код чека",
                hint_en="The QR code of your receipt will appear here",
            )


def _of_sale(
    sale: Sale,
    products: dict[str, str],
    *,
    kind: str,
    title: str,
    title_en: str,
    hint: str,
    hint_en: str,
    code: str | None = None,
    rev: int = 0,
    link: str | None = None,
) -> Picture:
    return Picture(
        kind=kind,
        title=title,
        title_en=title_en,
        product=" ".join(products.get(sale.item or "", sale.item or "").split()),
        amount=_amount(sale),
        hint=hint,
        hint_en=hint_en,
        code=qr.encode(code) if code else None,
        sale_id=sale.sale_id,
        rev=rev,
        link=link,
    )


def _amount(sale: Sale) -> str:
    """``120,00 ₽``, as a price is written in Russian."""
    if sale.amount is None:
        return ""
    number = str(Money(sale.amount, sale.currency)).removesuffix(f" {sale.currency}")
    sign = SIGNS.get(sale.currency or "", sale.currency or "")
    return f"{number.replace('.', ',')} {sign}".rstrip()


def _time(sale: Sale) -> str:
    return datetime.fromisoformat(sale.sold_at).astimezone().strftime("%H:%M")

"""The words of the screen: every text in Russian and in English, and how amounts and times look."""

from datetime import datetime
from typing import Final

from mdb.money import Money

MOST_TEXT: Final = 200
"""Characters of an operator's notice."""
SIGNS: Final = {"RUB": "₽", "EUR": "€", "USD": "$"}
TELLABLE: Final = {"synced", "corrected"}
"""Qualities of a time of day that a buyer may be told; the others may be off by weeks."""

WORDS: Final = {
    "idle": ("Выберите напиток", "Choose a drink"),
    "idle_hint": (
        "После покупки здесь появится QR-код чека",
        "The QR code of your receipt will appear here",
    ),
    "offline": ("Чеки придут позже: нет связи", "Receipts will come later: no connection"),
    "offline_hint": (
        "Автомат работает. Чеки оформятся, как только связь вернётся",
        "The machine works. Receipts are made once the connection is back",
    ),
    "out_of_order": ("Автомат не работает", "Out of order"),
    "out_of_order_hint": ("Извините. Мы скоро его починим", "Sorry. It will be repaired soon"),
    "making": ("Чек оформляется…", "Your receipt is being made…"),
    "making_hint": ("По этой ссылке он появится сам", "It will appear at this link"),
    "slow": ("Чек придёт позже", "Your receipt will come later"),
    "slow_hint": ("Он появится по этой ссылке", "It will be at this link"),
    "ready": ("Ваш чек", "Your receipt"),
    "ready_hint": ("Проверьте в приложении «Проверка чеков ФНС»", "Fiscal QR code"),
    "link_hint": ("Наведите камеру телефона на код", "Point your camera at the code"),
    "link_mark": ("Это ссылка, а не фискальный QR-код", "A link, not the fiscal QR code"),
    "late_at": ("Чек за покупку · {when}", "Receipt of a purchase · {when}"),
    "late_minutes": ("Чек за покупку {n} мин назад", "Receipt of a purchase {n} min ago"),
    "late_hours": ("Чек за покупку {n} ч назад", "Receipt of a purchase {n} h ago"),
    "late": ("Чек за прошлую покупку", "Receipt of an earlier purchase"),
    "when_minutes": ("{n} мин назад", "{n} min ago"),
    "when_hours": ("{n} ч назад", "{n} h ago"),
    "when": ("раньше", "earlier"),
    "refused": ("Чек не оформлен", "No receipt was issued"),
    "refused_hint": ("Обратитесь к владельцу автомата", "Please ask the operator"),
    "": ("", ""),
}
"""By name: Russian and English. A name that ends in ``_hint`` or ``_mark`` goes with the one before.

Two languages at once rather than a switch: a vending machine has no button for it.
"""


def said(name: str, **values: object) -> tuple[str, str]:
    """A text in both languages, filled in."""
    ru, en = WORDS[name]
    return ru.format(**values), en.format(**values)


def amount(minor: int | None, currency: str | None) -> str:
    """``120,00 ₽``, as a price is written in Russian: ``10 000,00 ₽`` from five digits on.

    "" for an unknown amount; the bare number for an unknown currency.
    """
    if minor is None:
        return ""
    number = str(Money(minor, currency)).removesuffix(f" {currency}")
    whole, point, rest = number.partition(".")
    if len(whole) >= 5:
        whole = f"{int(whole):,}".replace(",", "\N{NO-BREAK SPACE}")
    sign = SIGNS.get(currency or "", currency or "")
    return f"{whole}{point and ','}{rest} {sign}".rstrip()


def time_of_day(iso: str) -> str:
    """``18:42`` on the machine's own wall; "" for a text that is no time."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%H:%M")
    except (ValueError, OverflowError, OSError):
        return ""


def of_when(iso: str, quality: str, ago_s: int | None) -> tuple[str, str]:
    """Which purchase a late receipt is of, by its time: of day, or ago where the clock was wrong."""
    when = time_of_day(iso) if quality in TELLABLE else ""
    return said("late_at", when=when) if when else _ago("late", ago_s)


def when(iso: str, quality: str, ago_s: int | None) -> str:
    """The same in a word or two, for a panel with room for one line."""
    told = time_of_day(iso) if quality in TELLABLE else ""
    return told or _ago("when", ago_s)[0]


def _ago(what: str, ago_s: int | None) -> tuple[str, str]:
    if ago_s is None:
        return said(what)
    minutes = ago_s // 60
    if minutes < 60:
        return said(f"{what}_minutes", n=max(1, minutes))
    return said(f"{what}_hours", n=minutes // 60)


def clean(text: str) -> str:
    """One line that a display can show: at most 200 characters, none of them a control character.

    Line ends and tabs become spaces; what cannot be seen (also marks that turn the direction of
    writing) goes.
    """
    line = " ".join(text.split())
    return "".join(each for each in line if each.isprintable())[:MOST_TEXT].strip()

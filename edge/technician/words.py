"""Words in two languages, and how ages and sums are said in each."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from mdb.money import Money

Language = Literal["ru", "en"]

_UNITS: Final = {
    "ru": ((86400, "д"), (3600, "ч"), (60, "мин"), (1, "с")),
    "en": ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")),
}


class Text(msgspec.Struct, frozen=True):
    """The same thing in both languages."""

    ru: str
    en: str

    def of(self, language: Language) -> str:
        """In one of them."""
        return self.ru if language == "ru" else self.en

    def with_values(self, **values: "str | Text") -> "Text":
        """The text with its ``{names}`` filled in; a value may itself have two languages."""
        filled = {
            each: {
                name: value.of(each) if isinstance(value, Text) else value
                for name, value in values.items()
            }
            for each in ("ru", "en")
        }
        return Text(self.ru.format(**filled["ru"]), self.en.format(**filled["en"]))


def duration(seconds: float) -> Text:
    """The two largest units of it: ``3 h 5 min``; a negative one counts as none."""
    return Text(_duration(seconds, "ru"), _duration(seconds, "en"))


def amount(minor: int | None, currency: str | None) -> Text:
    """A sum as it is written: ``120,00 ₽`` and ``120.00 RUB``; a dash where it is unknown."""
    if minor is None:
        return Text("—", "—")
    english = str(Money(minor, currency))
    number = english.removesuffix(f" {currency}").replace(".", ",")
    sign = "₽" if currency == "RUB" else currency or ""
    return Text(f"{number} {sign}".rstrip(), english)


def wall_time(iso: str) -> str:
    """``2026-11-23 15:42:10 UTC``, out of ISO 8601; anything else stays as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when:%Y-%m-%d %H:%M:%S} {when.tzname() or ''}".rstrip()


def _duration(seconds: float, language: Language) -> str:
    left = max(0, int(seconds))
    told: list[str] = []
    for length, unit in _UNITS[language]:
        count, rest = divmod(left, length)
        if count or (not told and length == 1):
            told.append(f"{count} {unit}")
        elif told:
            break
        left = rest
        if len(told) == 2:
            break
    return " ".join(told)

"""Forms: amounts, times and dates as each language writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mdb.money import Money


@dataclass(frozen=True, slots=True)
class Form:
    """How a language writes numbers."""

    group: str
    """Between thousands."""
    point: str
    percent: str
    day: str
    """As `strftime` takes it."""
    day_of_year: str

    def rub(self, kopecks: int | None) -> str:
        """``1 234,50`` in Russian, ``1,234.50`` in English; a dash where it is not known."""
        if kopecks is None:
            return "—"
        whole, _, part = str(Money(kopecks, None)).partition(".")
        return f"{int(whole):,}".replace(",", self.group) + f"{self.point}{part}"

    def seconds(self, ms: int) -> str:
        """``0,05`` of fifty milliseconds."""
        return f"{ms / 1000:.2f}".replace(".", self.point)

    def share(self, percent: int) -> str:
        """``22 %``."""
        return f"{percent}{self.percent}"

    def when(self, at: datetime) -> str:
        """``23.11.2026 15:42``; months in letters where day and month would be mistaken."""
        return at.strftime(f"{self.day} %H:%M")

    def date(self, at: datetime) -> str:
        """``23.11.2026``."""
        return at.strftime(self.day)

    def minute(self, at: datetime) -> str:
        """``23.11 15:42``."""
        return at.strftime(f"{self.day_of_year} %H:%M")

    def second(self, at: datetime) -> str:
        """``23.11 15:42:11``."""
        return at.strftime(f"{self.day_of_year} %H:%M:%S")


FORMS: Final[Mapping[str, Form]] = {
    "ru": Form("\u00a0", ",", "\u00a0%", "%d.%m.%Y", "%d.%m"),
    "en": Form(",", ".", "%", "%d %b %Y", "%d %b"),
}

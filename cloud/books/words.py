"""Words: how people write in a table what we name otherwise, in Russian and in English."""

import re
from collections.abc import Mapping
from typing import Final

_BETWEEN: Final = re.compile(r"[\s_.,:;*«»\"'()/–—-]+")


def plain(text: str) -> str:
    """In small letters, one blank between words: ``Система  налогообложения:`` and the like."""
    return _BETWEEN.sub(" ", text.casefold().replace("ё", "е")).strip()


TAXATION: Final[Mapping[str, str]] = {
    "осн": "osn",
    "осно": "osn",
    "общая": "osn",
    "усн доход": "usn_income",
    "усн доходы": "usn_income",
    "усн доход расход": "usn_income_outcome",
    "усн доходы расходы": "usn_income_outcome",
    "усн доход минус расход": "usn_income_outcome",
    "усн доходы минус расходы": "usn_income_outcome",
    "есхн": "esn",
    "патент": "patent",
    "псн": "patent",
}
VAT: Final[Mapping[str, str]] = {
    "без": "none",
    "без ндс": "none",
    "не облагается": "none",
    "22": "standard",
    "основная": "standard",
    "общая": "standard",
}
"""Once `НДС` and `%` are taken off. 20 is not among them: it is law no more, and `standard` is."""
SUBJECT: Final[Mapping[str, str]] = {
    "товар": "goods",
    "подакцизный": "excisable",
    "подакцизный товар": "excisable",
    "услуга": "service",
}
MARKING: Final[Mapping[str, str]] = {
    "нет": "none",
    "без маркировки": "none",
    "выведен": "withdrawn_before",
    "выведен из оборота": "withdrawn_before",
    "по gtin": "gtin_vend",
    "gtin": "gtin_vend",
    "полный код": "full_code",
}
YES_NO: Final[Mapping[str, bool]] = {
    "yes": True,
    "true": True,
    "1": True,
    "да": True,
    "+": True,
    "no": False,
    "false": False,
    "0": False,
    "нет": False,
}
PRESUMED: Final[Mapping[str, str]] = {"сам": "automatic", "вручную": "by_hand"}
LATE: Final[Mapping[str, str]] = {
    "чек": "receipt",
    "коррекция": "correction",
    "чек коррекции": "correction",
    "вручную": "by_hand",
}
NOTHING: Final = frozenset({"none", "нет"})
"""On the command line: that there shall be no such value any more."""
ERRORS: Final = frozenset(
    {"#ref!", "#n/a", "#value!", "#div/0!", "#name?", "#null!", "#num!"}
    | {"#ссылка!", "#н/д", "#знач!", "#дел/0!", "#имя?", "#пусто!", "#число!"}
)
"""What a spreadsheet shows where a formula has failed."""

import string
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buyer.words import MOST_TEXT, WORDS, amount, clean, of_when, said, time_of_day, when

SOLD_AT = "2026-11-23T15:42:10.512Z"


@pytest.fixture
def moscow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Moscow")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def holes(text: str) -> list[str | None]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


@pytest.mark.parametrize("name", [name for name in WORDS if name])
def test_every_text_is_said_in_both_languages(name: str) -> None:
    ru, en = WORDS[name]
    assert any("а" <= letter <= "я" for letter in ru.lower())
    assert en.isascii() or en.removesuffix("…").replace("·", "").isascii()
    assert holes(ru) == holes(en)
    assert (ru, en) == (ru.strip(), en.strip())


def test_a_text_is_filled_in() -> None:
    assert said("late_minutes", n=7) == (
        "Чек за покупку 7 мин назад",
        "Receipt of a purchase 7 min ago",
    )


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (12510, "RUB", "125,10 ₽"),
        (5, "RUB", "0,05 ₽"),
        (0, "RUB", "0,00 ₽"),
        (999_999, "RUB", "9999,99 ₽"),
        (1_000_000, "RUB", "10\N{NO-BREAK SPACE}000,00 ₽"),
        (10**12, "RUB", "10\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000,00 ₽"),
        (250, "EUR", "2,50 €"),
        (12000, "KZT", "120,00 KZT"),
        (500, "JPY", "500 JPY"),
        (1500, "KWD", "1,500 KWD"),
        (150, None, "1,50"),
        (None, "RUB", ""),
        (None, None, ""),
    ],
)
def test_an_amount_is_written_as_a_price_is(
    minor: int | None, currency: str | None, written: str
) -> None:
    assert amount(minor, currency) == written


@pytest.mark.usefixtures("moscow")
def test_a_time_is_the_machine_s_own() -> None:
    assert time_of_day(SOLD_AT) == "18:42"
    assert time_of_day("2026-11-23T22:05:00+00:00") == "01:05"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59Z"]
)
def test_a_text_that_is_no_time_never_raises(text: str) -> None:
    assert len(time_of_day(text)) in {0, 5}


@pytest.mark.usefixtures("moscow")
@pytest.mark.parametrize(
    ("sold_at", "quality", "ago_s", "title"),
    [
        (SOLD_AT, "synced", 60, "Чек за покупку · 18:42"),
        (SOLD_AT, "corrected", None, "Чек за покупку · 18:42"),
        (SOLD_AT, "unsynced", 0, "Чек за покупку 1 мин назад"),
        (SOLD_AT, "unsynced", 119, "Чек за покупку 1 мин назад"),
        (SOLD_AT, "bounded", 59 * 60 + 59, "Чек за покупку 59 мин назад"),
        (SOLD_AT, "unsynced", 3600, "Чек за покупку 1 ч назад"),
        (SOLD_AT, "unsynced", 86399, "Чек за покупку 23 ч назад"),
        (SOLD_AT, "unsynced", None, "Чек за прошлую покупку"),
        ("?", "synced", None, "Чек за прошлую покупку"),
        ("?", "synced", 180, "Чек за покупку 3 мин назад"),
    ],
)
def test_a_late_receipt_says_of_when_it_is_and_never_a_time_that_is_wrong(
    sold_at: str, quality: str, ago_s: int | None, title: str
) -> None:
    ru, en = of_when(sold_at, quality, ago_s)
    assert ru == title
    assert en.startswith("Receipt of a")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Привет", "Привет"),
        ("  Сдачи\n\tнет ", "Сдачи нет"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("до\u202eпосле\u200b", "допосле"),
        ("1\N{NO-BREAK SPACE}000", "1 000"),
        ("я" * 300, "я" * MOST_TEXT),
        (" \r\n ", ""),
        ("😀", "😀"),
    ],
)
def test_a_notice_is_one_line_that_can_be_seen(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(max_size=500))
def test_whatever_the_operator_writes_is_made_fit_to_show(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= MOST_TEXT
    assert shown == shown.strip()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("quality", "ago_s", "told"),
    [
        ("synced", 30, "18:42"),
        ("corrected", None, "18:42"),
        ("unsynced", 30, "1 мин назад"),
        ("bounded", 7300, "2 ч назад"),
        ("unsynced", None, "раньше"),
    ],
)
@pytest.mark.usefixtures("moscow")
def test_a_panel_with_room_for_one_line_says_of_when_too(
    quality: str, ago_s: int | None, told: str
) -> None:
    assert when(SOLD_AT, quality, ago_s) == told

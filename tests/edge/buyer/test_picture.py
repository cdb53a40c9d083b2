import time
from collections.abc import Iterator

import pytest
from specimens import FISCAL, sale

from edge.buyer.picture import Picture, picture_of
from edge.buyer.screen import (
    Idle,
    Making,
    Notice,
    Offline,
    OutOfOrder,
    Ready,
    Refused,
    Screen,
)

PRODUCTS = {"0001": "Капучино"}
LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
OURS = sale()
READY = Ready(OURS, 3, FISCAL, LINK, statutory=True, late=False)
LINKED = Ready(OURS, 3, LINK, LINK, statutory=False, late=False)

# kind, Russian, English, hint, code
WORDS: list[tuple[Screen, str, str, str, str, str | None]] = [
    (Idle(), "idle", "Выберите", "Choose", "После покупки", None),
    (Offline(), "offline", "Чеки придут позже: нет связи", "later", "Автомат работает", None),
    (OutOfOrder(), "out_of_order", "Автомат не работает", "Out of order", "Извините", None),
    (Making(OURS, LINK), "making", "Чек оформляется", "is being made", "По этой ссылке", LINK),
    (Making(OURS, None), "making", "Чек оформляется", "is being made", "", None),
    (Making(OURS, LINK, slow=True), "slow", "придёт позже", "come later", "появится", LINK),
    (Making(OURS, None, slow=True), "slow", "придёт позже", "come later", "", None),
    (READY, "ready", "Ваш чек", "Your receipt", "Проверка чеков ФНС", FISCAL),
    (LINKED, "link", "Ваш чек", "Your receipt", "Наведите камеру", LINK),
    (Refused(OURS, 2), "refused", "Чек не оформлен", "No receipt", "Обратитесь", None),
]
RESTING = [Idle(), Offline(), OutOfOrder(), Notice("Привет")]
OF_SALES = [screen for screen, *_ in WORDS if not isinstance(screen, Idle | Offline | OutOfOrder)]


@pytest.fixture
def moscow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Moscow")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def encoded(picture: Picture) -> str | None:
    return picture.code.text if picture.code else None


@pytest.mark.parametrize(("screen", "words"), [(screen, words) for screen, *words in WORDS])
def test_a_screen_is_said_in_two_languages(screen: Screen, words: list[str]) -> None:
    kind, title, title_en, hint, code = words
    picture = picture_of(screen, PRODUCTS)
    assert picture.kind == kind
    assert title in picture.title
    assert title_en in picture.title_en
    assert hint in picture.hint
    assert bool(picture.hint) == bool(picture.hint_en) == bool(hint)
    assert encoded(picture) == code


@pytest.mark.parametrize("screen", OF_SALES)
def test_a_picture_says_whose_it_is_and_of_what(screen: Screen) -> None:
    picture = picture_of(screen, PRODUCTS)
    assert picture.sale_id == OURS.sale_id
    assert (picture.product, picture.amount) == ("Капучино", "125,10 ₽")
    assert not picture.late


@pytest.mark.parametrize("screen", RESTING)
def test_a_resting_picture_is_nobody_s(screen: Screen) -> None:
    picture = picture_of(screen, PRODUCTS)
    assert (picture.sale_id, picture.product, picture.amount, picture.code) == (None, "", "", None)


def test_a_notice_is_the_operator_s_words_alone() -> None:
    assert picture_of(Notice("Сдачи нет"), {}) == Picture("notice", "Сдачи нет", "")


def test_a_receipt_keeps_its_revision_and_its_link() -> None:
    picture = picture_of(READY, PRODUCTS)
    assert (picture.rev, picture.link) == (3, LINK)
    assert picture_of(Refused(OURS, 2), PRODUCTS).rev == 2
    assert picture_of(Making(OURS, LINK), PRODUCTS).link == LINK


@pytest.mark.parametrize("screen", [LINKED, *(Making(OURS, LINK, slow) for slow in (False, True))])
def test_a_link_never_passes_for_the_fiscal_code(screen: Screen) -> None:
    picture = picture_of(screen, PRODUCTS)
    assert encoded(picture) == LINK
    assert picture.mark == "Это ссылка, а не фискальный QR-код"
    assert picture.mark_en == "A link, not the fiscal QR code"
    assert "ФНС" not in picture.hint
    assert "Fiscal" not in picture.hint_en
    elsewhere = picture_of(screen, PRODUCTS, "none")
    assert (elsewhere.mark, elsewhere.mark_en) == ("", "")


@pytest.mark.parametrize("screen", [READY, Making(OURS, None), Refused(OURS, 1), *RESTING])
def test_where_there_is_no_link_to_mistake_there_is_no_mark(screen: Screen) -> None:
    picture = picture_of(screen, PRODUCTS)
    assert (picture.mark, picture.mark_en) == ("", "")


@pytest.mark.usefixtures("moscow")
@pytest.mark.parametrize("statutory", [True, False])
def test_a_late_receipt_says_of_which_purchase_it_is(statutory: bool) -> None:  # noqa: FBT001
    late = Ready(OURS, 1, FISCAL, LINK, statutory=statutory, late=True, ago_s=600)
    picture = picture_of(late, PRODUCTS)
    assert picture.title == "Чек за покупку · 18:42"
    assert picture.title_en == "Receipt of a purchase · 18:42"
    assert (picture.product, picture.amount, picture.late) == ("Капучино", "125,10 ₽", True)


@pytest.mark.parametrize("ago_s", [None, 600])
def test_a_late_receipt_of_which_nothing_is_known_is_not_yours_either(ago_s: int | None) -> None:
    nameless = sale(item=None, amount=None, currency=None, clock="unsynced")
    late = Ready(nameless, 1, FISCAL, LINK, statutory=True, late=True, ago_s=ago_s)
    picture = picture_of(late, {})
    assert "Ваш" not in picture.title
    assert "Your" not in picture.title_en
    assert (picture.product, picture.amount) == ("", "")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("0001", "Капучино"),
        ("0a02", "0a02"),
        (None, ""),
        ("0003", "Чай с\N{NO-BREAK SPACE}лимоном"),
    ],
)
def test_a_product_without_a_name_is_its_number(item: str | None, said: str) -> None:
    products = PRODUCTS | {"0003": " Чай \n с\N{NO-BREAK SPACE}лимоном\x07"}
    picture = picture_of(Making(sale(item=item), None), products)
    assert picture.product == said.replace("\N{NO-BREAK SPACE}", " ")

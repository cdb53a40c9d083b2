import time
from collections.abc import Iterator

import pytest
from specimens import FISCAL, sale

from edge.buyer.picture import Picture, picture_of
from edge.buyer.screen import Idle, Making, Ready, Refused, Screen

PRODUCTS = {"0001": "Капучино"}
LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
OURS = sale()
READY = Ready(OURS, 3, FISCAL, LINK, statutory=True, late=False)

# kind, Russian, English, hint, code
WORDS: list[tuple[Screen, str, str, str, str, str | None]] = [
    (Idle(), "idle", "Выберите", "Choose", "После покупки", None),
    (Making(OURS, LINK), "making", "Чек оформляется", "is being made", "По этой ссылке", LINK),
    (Making(OURS, None), "making", "Чек оформляется", "is being made", "", None),
    (Making(OURS, LINK, slow=True), "slow", "придёт позже", "come later", "появится", LINK),
    (Making(OURS, None, slow=True), "slow", "придёт позже", "come later", "", None),
    (READY, "ready", "Ваш чек", "Your receipt", "Проверка чеков ФНС", FISCAL),
    (Refused(OURS, 2), "refused", "Чек не оформлен", "No receipt", "Обратитесь", None),
]


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


@pytest.mark.parametrize("screen", [screen for screen, *_ in WORDS[1:]])
def test_a_picture_says_whose_it_is_and_of_what(screen: Screen) -> None:
    picture = picture_of(screen, PRODUCTS)
    assert picture.sale_id == OURS.sale_id
    assert (picture.product, picture.amount) == ("Капучино", "125,10 ₽")


def test_an_idle_picture_is_nobody_s() -> None:
    picture = picture_of(Idle(), PRODUCTS)
    assert (picture.sale_id, picture.product, picture.amount) == (None, "", "")


def test_a_receipt_keeps_its_revision_and_its_link() -> None:
    picture = picture_of(READY, PRODUCTS)
    assert (picture.rev, picture.link) == (3, LINK)
    assert picture_of(Refused(OURS, 2), PRODUCTS).rev == 2


def test_a_link_never_passes_for_the_fiscal_code() -> None:
    picture = picture_of(Ready(OURS, 1, LINK, LINK, statutory=False, late=False), PRODUCTS)
    assert (picture.kind, encoded(picture)) == ("link", LINK)
    assert "ФНС" not in picture.hint
    assert "Fiscal" not in picture.hint_en


@pytest.mark.usefixtures("moscow")
def test_a_late_receipt_says_of_when_it_is_in_the_machine_s_own_time() -> None:
    picture = picture_of(Ready(OURS, 1, FISCAL, LINK, statutory=True, late=True), PRODUCTS)
    assert picture.title == "Чек за покупку · 18:42"
    assert picture.title_en == "Receipt of a purchase · 18:42"


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (12510, "RUB", "125,10 ₽"),
        (5, "RUB", "0,05 ₽"),
        (0, "RUB", "0,00 ₽"),
        (12000, "KZT", "120,00 KZT"),
        (500, "JPY", "500 JPY"),
        (150, None, "1,50"),
        (None, "RUB", ""),
    ],
)
def test_an_amount_is_written_as_a_price_is(
    amount: int | None, currency: str | None, written: str
) -> None:
    screen = Making(sale(amount=amount, currency=currency), None)
    assert picture_of(screen, PRODUCTS).amount == written


@pytest.mark.parametrize(("item", "said"), [("0001", "Капучино"), ("0a02", "0a02"), (None, "")])
def test_a_product_without_a_name_is_its_number(item: str | None, said: str) -> None:
    assert picture_of(Making(sale(item=item), None), PRODUCTS).product == said

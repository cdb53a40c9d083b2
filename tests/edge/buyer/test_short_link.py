import pytest
from specimens import FISCAL

from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.buyer.short_link import MARK, MARK_EN, with_short_link

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Picture(
    kind="ready",
    title="Ваш чек",
    title_en="Your receipt",
    hint="Проверьте в приложении «Проверка чеков ФНС»",
    hint_en="Fiscal QR code",
    code=encode(FISCAL),
    link=LINK,
)


def test_the_code_is_the_link_in_capitals_and_fewer_modules() -> None:
    short = with_short_link(READY)
    assert short.code is not None
    assert short.code.text == LINK.upper()
    assert short.code.size == 25 < encode(LINK).size < encode(FISCAL).size


def test_it_says_in_both_languages_what_it_is_not() -> None:
    short = with_short_link(READY)
    assert (short.mark, short.mark_en) == (MARK, MARK_EN)
    assert MARK == "Это не фискальный QR-код"
    assert MARK_EN == "Not the fiscal QR code"


def test_nothing_that_is_true_of_the_fiscal_code_alone_is_left() -> None:
    short = with_short_link(READY)
    assert "ФНС" not in short.hint
    assert "Fiscal" not in short.hint_en
    assert (short.title, short.sale_id, short.link) == (READY.title, READY.sale_id, LINK)


def test_a_picture_that_marks_its_link_already_keeps_its_own_words() -> None:
    link = Picture(
        "making",
        "Чек",
        "Receipt",
        hint="Он появится",
        mark="Это ссылка",
        code=encode(LINK),
        link=LINK,
    )
    short = with_short_link(link)
    assert (short.mark, short.hint) == ("Это ссылка", "Он появится")


def test_without_a_link_there_are_words_alone_and_none_of_a_code() -> None:
    alone = with_short_link(Picture("ready", "Ваш чек", "", hint="Проверьте", code=encode(FISCAL)))
    assert (alone.code, alone.hint, alone.title) == (None, "", "Ваш чек")


@pytest.mark.parametrize("kind", ["idle", "refused", "notice"])
def test_a_picture_without_a_code_stays_as_it_is(kind: str) -> None:
    picture = Picture(kind, "Выберите напиток", "Choose a drink", link=LINK)
    assert with_short_link(picture) == picture

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cp866 import fits, normalised

PRINTED = bytes(range(32, 127)) + bytes(range(128, 255))
"""All that a register has but the space that does not break."""


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Капучино 200 мл", "Капучино 200 мл"),
        ("ТЦ «Ромашка», 1 этаж", 'ТЦ "Ромашка", 1 этаж'),
        ("“Cola” „Лайт“ ‚x‘ d’Or", '"Cola" "Лайт" \'x\' d\'Or'),
        ("Чай – чёрный — горячий − 5", "Чай - чёрный - горячий - 5"),
        ("Сок…", "Сок..."),
        ("Ёлка ё № 5", "Ёлка ё № 5"),
        ("Вода\u00a00,5\u202fл", "Вода 0,5 л"),
        ("Кофе ☕️ с собой 🥤", "Кофе с собой"),
        ("👩‍👩‍👧 набор", "набор"),
        ("Café au lait, crème brûlée", "Cafe au lait, creme brulee"),
        ("½ порции, 2², 10 ℃, ™", "1/2 порции, 22, 10 °C, TM"),
        ("2 × 50 ₽", "2 x 50 р."),
        ("• молоко · сахар", "· молоко · сахар"),
        # As some systems write й and ё: a letter and a mark.
        ("Чаи\u0306 зелёныи\u0306", "Чай зелёный"),
        ("  Два \t слова\r\n", "Два слова"),
        ("без\u00adпереноса\u200b\u0000\u001b", "безпереноса"),
        ("茶", ""),
        ("", ""),
    ],
)
def test_a_name_is_told_in_the_registers_letters(text: str, printed: str) -> None:
    assert normalised(text) == printed


def test_what_a_register_has_stays_as_it_is() -> None:
    letters = PRINTED.decode("cp866").replace(" ", "")
    assert fits(letters)
    assert normalised(letters) == letters


@given(st.text())
def test_whatever_is_written_can_be_printed(text: str) -> None:
    printed = normalised(text)
    assert fits(printed)
    assert printed.encode("cp866").decode("cp866") == printed
    assert printed == " ".join(printed.split())


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(st.characters(codec="cp866")))
def test_composed_or_taken_apart_it_is_the_same_name(text: str) -> None:
    assert normalised(unicodedata.normalize("NFD", text)) == normalised(text)


@pytest.mark.parametrize("text", ["«Чай»", "☕", "два\nслова", "\x00", "не\u00a0рвать", "…"])
def test_what_a_register_has_not_does_not_fit(text: str) -> None:
    assert not fits(text)

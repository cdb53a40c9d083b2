import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.buyer.fonts import ELLIPSIS, clip, font, length, wrap

TEXT = "Горячий шоколад с маршмеллоу и корицей"
TEXTS = st.text(st.sampled_from("абвгдежз АБВ·-,0123456789₽…"), max_size=60)


def test_the_faces_have_what_a_receipt_needs() -> None:
    blank = font(32, bold=False).getmask("\U0001fae8").getbbox()
    for sign in "Жя₽€…«·№":
        assert font(32, bold=False).getmask(sign).getbbox() not in {None, blank}
        assert font(32, bold=True).getmask(sign).getbbox() is not None


def test_a_face_is_loaded_once() -> None:
    assert font(20, bold=True) is font(20, bold=True)


@pytest.mark.parametrize("width", [60, 120, 200, 1000])
def test_lines_are_no_wider_than_they_may_be_and_no_word_is_lost(width: int) -> None:
    lines = wrap(TEXT, 14, width, bold=False)
    assert all(length(line, 14, bold=False) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == TEXT.replace(" ", "")


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(20, 300), st.integers(8, 40))
def test_no_text_makes_a_line_too_wide(text: str, width: int, size: int) -> None:
    for line in wrap(text, size, width, bold=True):
        assert line.strip()
        assert length(line, size, bold=True) <= width or len(line) == 1


def test_a_dot_between_words_falls_away_at_the_end_of_a_line() -> None:
    width = int(length("Чек за покупку ·", 20, bold=True)) + 1
    assert wrap("Чек за покупку · 15:42", 20, width, bold=True) == ["Чек за покупку", "15:42"]
    narrow = int(length("покупку", 20, bold=True)) + 1
    assert wrap("Чек за покупку · 15:42", 20, narrow, bold=True) == ["Чек за", "покупку", "15:42"]


def test_a_line_is_cut_with_an_ellipsis_only_if_it_must_be() -> None:
    cut = clip(TEXT, 14, 100, bold=False)
    assert cut.endswith(ELLIPSIS)
    assert TEXT.startswith(cut.removesuffix(ELLIPSIS))
    assert length(cut, 14, bold=False) <= 100
    assert clip(TEXT, 14, 1000, bold=False) == TEXT

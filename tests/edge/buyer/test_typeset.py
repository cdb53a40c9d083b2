from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from edge.buyer.picture import Picture
from edge.buyer.typeset import Box, write

PICTURE = Picture(
    kind="ready",
    title="Ваш чек",
    title_en="Your receipt",
    product="Капучино",
    amount="125,10 ₽",
    hint="Проверьте в приложении «Проверка чеков ФНС»",
    hint_en="Fiscal QR code",
)
MARKED = replace(PICTURE, mark="Это не фискальный QR-код", mark_en="Not the fiscal QR code")
LONG = replace(PICTURE, product="Горячий шоколад с маршмеллоу и корицей " * 4)
BOXES = [
    (64, 62),
    (122, 14),
    (98, 230),
    (130, 118),
    (184, 310),
    (320, 470),
    (460, 300),
    (1060, 1040),
]


def written(
    picture: Picture, size: tuple[int, int], unit: float = 40, *, mono: bool = False
) -> Image.Image:
    """The box on a larger sheet, with 40 pixels of white on every side."""
    sheet = Image.new("L", (size[0] + 80, size[1] + 80), 255)
    write(ImageDraw.Draw(sheet), picture, Box(40, 40, *size, centred=False), unit, mono=mono)
    return sheet


def ink(image: Image.Image) -> tuple[int, int, int, int]:
    found = image.point(lambda value: 255 - value).getbbox()
    assert found is not None
    return found


@pytest.mark.parametrize("size", BOXES)
@pytest.mark.parametrize("picture", [PICTURE, MARKED, LONG], ids=["usual", "marked", "long"])
def test_nothing_is_written_outside_the_box(picture: Picture, size: tuple[int, int]) -> None:
    left, top, right, bottom = ink(written(picture, size))
    assert left >= 39
    assert right <= size[0] + 41
    assert top >= 40
    assert bottom <= size[1] + 40


@pytest.mark.parametrize("size", BOXES)
def test_that_a_code_is_not_the_fiscal_one_is_never_left_out(size: tuple[int, int]) -> None:
    assert written(MARKED, size).tobytes() != written(PICTURE, size).tobytes()


def test_words_are_as_large_as_the_box_allows_and_no_larger_than_their_unit() -> None:
    heights = [
        bottom - top
        for _, top, _, bottom in (ink(written(PICTURE, size)) for size in ((160, 160), (320, 320)))
    ]
    assert heights[0] < heights[1]
    assert (
        written(PICTURE, (320, 470), 20).histogram()[255]
        > written(PICTURE, (320, 470)).histogram()[255]
    )


def test_a_small_box_still_says_product_and_price() -> None:
    only = replace(PICTURE, title="", title_en="", hint="", hint_en="")
    assert written(PICTURE, (150, 12)).tobytes() == written(only, (150, 12)).tobytes()
    nothing = replace(only, product="", amount="")
    assert ink(written(PICTURE, (150, 12)))
    assert written(nothing, (150, 12)).getextrema() == (255, 255)


def test_a_price_is_never_cut_for_a_long_name() -> None:
    cheap, dear = (replace(LONG, amount=f"{price},00 ₽") for price in (125, 999))
    for size in BOXES[:2]:
        assert written(cheap, size).tobytes() != written(dear, size).tobytes()


def test_a_wait_says_that_it_is_one_before_it_says_what_was_bought() -> None:
    making = replace(PICTURE, kind="making", title="Чек оформляется…")
    other = replace(making, product="Латте", amount="90,00 ₽")
    assert written(making, (122, 12)).tobytes() == written(other, (122, 12)).tobytes()


def test_a_panel_without_grey_has_both_languages_in_black() -> None:
    assert ink(written(PICTURE, (184, 310), mono=True)) == ink(written(PICTURE, (184, 310)))
    black, grey = (written(PICTURE, (184, 310), mono=mono).histogram()[0] for mono in (True, False))
    assert black > grey


def test_a_box_without_room_is_left_white() -> None:
    assert written(PICTURE, (100, 5)).getextrema() == (255, 255)

from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image
from specimens import FISCAL, read, sale

from edge.buyer.picture import picture_of
from edge.buyer.qr import encode
from edge.buyer.screen import Idle, Making, Ready
from edge.displays.png import Png, draw, draw_code

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
LONG_OFD = (
    "https://ofd.example/rec/7707083893/0001234567012345/9999078900000000/12345/" + "a9" * 44 + "b"
)
READY = Ready(sale(), 1, FISCAL, LINK, statutory=True, late=False)
PICTURE = picture_of(READY, {"0001": "Капучино"})
PANELS = [(800, 480), (480, 320), (320, 240), (240, 240), (1920, 1080), (480, 800), (137, 82)]


@pytest.mark.parametrize("panel", PANELS)
def test_a_phone_reads_the_fiscal_code_off_every_panel(panel: tuple[int, int]) -> None:
    image = draw(PICTURE, panel)
    assert image.size == panel
    assert read(image) == FISCAL


@pytest.mark.parametrize("panel", PANELS[:4])
def test_a_phone_reads_a_long_link_as_well(panel: tuple[int, int]) -> None:
    screen = Ready(sale(), 1, LONG_OFD, LONG_OFD, statutory=False, late=False)
    assert len(LONG_OFD) == 164
    assert read(draw(picture_of(screen, {}), panel)) == LONG_OFD


@pytest.mark.parametrize(
    ("panel", "module"),
    [((800, 480), 11), ((480, 320), 7), ((320, 240), 4), ((1920, 1080), 26), ((137, 82), 2)],
)
def test_a_module_is_a_whole_number_of_pixels_and_as_large_as_the_panel_allows(
    panel: tuple[int, int], module: int
) -> None:
    code = draw_code(encode(FISCAL), module)
    height = panel[1]
    top = (height - code.height) // 2
    on_panel = draw(PICTURE, panel).crop((0, top, code.width, top + code.height))
    assert on_panel.tobytes() == code.tobytes()


def test_a_code_is_pure_black_and_white_with_four_modules_around_it() -> None:
    matrix = encode(FISCAL)
    image = draw_code(matrix, 5)
    assert {value for value, count in enumerate(image.histogram()) if count} == {0, 255}
    dark = image.point(lambda value: 255 - value).getbbox()
    assert dark == (20, 20, 20 + 5 * matrix.size, 20 + 5 * matrix.size)


def test_words_keep_clear_of_the_code_however_long_they_are() -> None:
    image = draw(picture_of(READY, {"0001": "Горячий шоколад с маршмеллоу " * 5}), (800, 480))
    code = draw_code(encode(FISCAL), 11)
    assert image.crop((0, 14, code.width, 14 + code.height)).tobytes() == code.tobytes()
    words = image.crop((code.width, 0, 800, 480)).point(lambda value: 255 - value).getbbox()
    assert words is not None
    assert words[0] > 0


def test_an_idle_picture_has_words_and_no_code() -> None:
    image = draw(picture_of(Idle(), {}), (320, 240))
    assert image.getextrema() == (0, 255)


def test_the_file_is_replaced_as_a_whole_and_hashed(tmp_path: Path) -> None:
    file, seen = tmp_path / "screen.png", list[str]()
    display = Png(file, 320, 240)
    for screen in (Idle(), Making(sale(), LINK), READY):
        display.show(picture_of(screen, {}), seen.append)
        assert seen[-1] == sha256(file.read_bytes()).hexdigest()
    assert len(set(seen)) == 3
    assert list(tmp_path.iterdir()) == [file]
    display.close()
    with Image.open(file) as written:
        assert read(written) == FISCAL


def test_who_has_the_old_file_open_keeps_the_old_picture(tmp_path: Path) -> None:
    file = tmp_path / "screen.png"
    display = Png(file, 320, 240)
    display.show(picture_of(READY, {}), lambda _: None)
    with file.open("rb") as before:
        display.show(picture_of(Idle(), {}), lambda _: None)
        with Image.open(before) as written:
            assert read(written) == FISCAL

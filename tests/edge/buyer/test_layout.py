"""Every picture on every size, read back by a decoder that knows nothing of how it was drawn."""

from dataclasses import replace
from hashlib import sha256

import pytest
import zxingcpp
from PIL import Image, ImageFilter
from specimens import FISCAL, read

from edge.buyer.layout import draw, draw_code, fingerprint, turn
from edge.buyer.panel import Panel, fit
from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.buyer.short_link import with_short_link

SIZES = [
    *[(128, 128), (240, 240), (250, 122), (320, 240), (240, 320), (480, 320), (320, 480)],
    *[(800, 480), (480, 800), (1024, 600), (1280, 800), (1920, 1080)],
]
LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
LONG_OFD = (
    "https://ofd.example/rec/7707083893/0001234567012345/9999078900000000/12345/" + "a9" * 44 + "b"
)
READY = Picture(
    kind="ready",
    title="Ваш чек",
    title_en="Your receipt",
    product="Капучино",
    amount="125,10 ₽",
    hint="Проверьте в приложении «Проверка чеков ФНС»",
    hint_en="Fiscal QR code",
    code=encode(FISCAL),
    link=LINK,
)
LATE = replace(
    READY,
    title="Чек за покупку · 15:42",
    title_en="Receipt of a purchase · 15:42",
    product="Горячий шоколад с маршмеллоу и корицей " * 4,
    amount="12 345,00 ₽",
)
MAKING = replace(
    READY,
    kind="making",
    title="Чек оформляется…",
    title_en="Your receipt is being made…",
    hint="По этой ссылке он появится сам",
    hint_en="It will appear at this link",
    mark="Это ссылка, а не фискальный QR-код",
    mark_en="A link, not the fiscal QR code",
    code=encode(LINK),
)
SLOW = replace(MAKING, kind="slow", title="Чек придёт позже", title_en="It will come later")
ONLY_LINK = replace(MAKING, kind="link", title="Ваш чек", title_en="Your receipt")
CODED = {"ready": READY, "late": LATE, "making": MAKING, "slow": SLOW, "link": ONLY_LINK}
WORDS = {
    kind: Picture(kind, title, title_en, hint=title_en)
    for kind, title, title_en in (
        ("idle", "Выберите напиток", "Choose a drink"),
        ("refused", "Чек не оформлен", "No receipt was issued"),
        ("offline", "Чеки придут позже: нет связи", "Receipts will come later: no connection"),
        ("out_of_order", "Автомат не работает", "Out of order"),
        ("notice", "Автомат на обслуживании до 15:00. Приносим извинения. " * 4, ""),
    )
}
SHORT = {kind: with_short_link(picture) for kind, picture in CODED.items()}
TINY = with_short_link(replace(READY, link="https://e.vm.example/r/7Kq2Xb9fTz"))

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
coded = pytest.mark.parametrize("kind", CODED)


def text_of(picture: Picture) -> str:
    assert picture.code is not None
    return picture.code.text


def photographed(image: Image.Image, module: int, modules: int) -> Image.Image:
    """As a phone sees it: four pixels a module, tilted, turned, slightly out of focus, framed black.

    The tilt narrows the far side by about what 15 degrees do; the blur is that of a camera in focus.
    """
    scale = 4 / module
    seen = image.resize(
        (round(image.width * scale), round(image.height * scale)),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
    )
    width, height = seen.size
    frame = modules * 4 // 4
    shot = Image.new("L", (width + 2 * frame, height + 2 * frame), 16)
    shot.paste(seen.point(lambda value: 40 + value * 190 // 255), (frame, frame))
    lean = shot.height // 20
    corners = (0, -lean, 0, shot.height + lean, shot.width, shot.height, shot.width, 0)
    tilted = shot.transform(
        shot.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=16
    )
    turned = tilted.rotate(6, Image.Resampling.BICUBIC, expand=True, fillcolor=16)
    return turned.filter(ImageFilter.GaussianBlur(0.8))


def module_of(image: Image.Image, modules: int) -> float:
    """Pixels a module, by where the decoder found the code."""
    (code,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return (code.position.top_right.x - code.position.top_left.x) / modules


@sizes
@coded
def test_a_phone_reads_every_code_off_every_panel(size: tuple[int, int], kind: str) -> None:
    for picture in (CODED[kind], SHORT[kind]):
        image = draw(picture, Panel(*size))
        assert image.size == size
        assert read(image) == text_of(picture)
        assert picture.code is not None
        module = round(module_of(image, picture.code.size))
        assert module >= 2
        assert read(image.filter(ImageFilter.GaussianBlur(0.2 * module))) == text_of(picture)
        assert read(photographed(image, module, picture.code.size)) == text_of(picture)


@pytest.mark.parametrize("mono", [False, True], ids=["grey", "mono"])
def test_the_smallest_panel_shows_the_short_link_and_says_what_it_is_not(*, mono: bool) -> None:
    image = draw(TINY, Panel(128, 64), mono=mono)
    assert read(image) == "HTTPS://E.VM.EXAMPLE/R/7KQ2XB9FTZ"
    assert read(photographed(image, 2, 25)) == "HTTPS://E.VM.EXAMPLE/R/7KQ2XB9FTZ"
    unmarked = draw(replace(TINY, mark="", mark_en=""), Panel(128, 64), mono=mono)
    assert image.tobytes() != unmarked.tobytes()


def test_a_code_that_no_phone_could_read_is_left_out_and_its_address_said() -> None:
    image = draw(READY, Panel(128, 64))
    assert zxingcpp.read_barcodes(image) == []
    assert image.getextrema()[0] < 80
    assert image.tobytes() != draw(replace(READY, link=None), Panel(128, 64)).tobytes()


@pytest.mark.parametrize("size", [(137, 82), (111, 74), (74, 111), (74, 90)])
def test_the_smallest_panels_that_can_show_the_fiscal_code_do(size: tuple[int, int]) -> None:
    image = draw(READY, Panel(*size))
    assert read(image) == FISCAL
    assert read(photographed(image, 2, 33)) == FISCAL


@sizes
def test_the_fiscal_code_is_as_large_as_the_panel_was_judged_by(size: tuple[int, int]) -> None:
    found = fit(Panel(*size), 33)
    assert found is not None
    for picture in (READY, LATE):
        assert round(module_of(draw(picture, Panel(*size)), 33)) == found.module_px


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_phone_reads_a_long_link_as_well(size: tuple[int, int]) -> None:
    assert len(LONG_OFD) == 164
    assert read(draw(replace(ONLY_LINK, code=encode(LONG_OFD)), Panel(*size))) == LONG_OFD


@sizes
@coded
def test_nothing_comes_nearer_to_the_code_than_two_modules(
    size: tuple[int, int], kind: str
) -> None:
    for picture in (CODED[kind], SHORT[kind]):
        code = picture.code
        assert code is not None
        image = draw(picture, Panel(*size))
        (found,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
        module = round(module_of(image, code.size))
        left, top = found.position.top_left.x, found.position.top_left.y
        while image.getpixel((left, top)) == 255:  # the decoder's corner is a pixel or so outside
            left, top = left + 1, top + 1
        while left and image.getpixel((left - 1, top)) == 0:
            left -= 1
        while top and image.getpixel((left, top - 1)) == 0:
            top -= 1
        far = (code.size + 2) * module
        around = image.crop((left - 2 * module, top - 2 * module, left + far, top + far))
        alone = Image.new("L", around.size, 255)
        alone.paste(draw_code(code, module), (2 * module, 2 * module))
        assert around.tobytes() == alone.tobytes()


@pytest.mark.parametrize("size", [(128, 64), *SIZES], ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("kind", [*CODED, *WORDS])
def test_words_are_there_and_never_run_over_the_edge(size: tuple[int, int], kind: str) -> None:
    picture = (CODED | WORDS)[kind]
    image = draw(picture, Panel(*size))
    silent = replace(picture, title="", title_en="", product="", amount="", hint="", hint_en="")
    silent = replace(silent, mark="", mark_en="")
    assert image.tobytes() != draw(silent, Panel(*size)).tobytes()
    width, height = size
    for edge in (
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    ):
        assert image.crop(edge).getextrema() == (255, 255)


def test_the_ground_is_white_and_the_code_black_never_the_other_way_round() -> None:
    for picture in (READY, TINY):
        image = draw(picture, Panel(320, 240), mono=True)
        assert {value for value, count in enumerate(image.histogram()) if count} == {0, 255}
        assert image.getpixel((0, 0)) == 255
        assert image.histogram()[255] > image.histogram()[0]
        assert zxingcpp.read_barcodes(image, try_invert=False)


def test_a_code_is_pure_black_and_white_in_whole_pixels() -> None:
    matrix = encode(FISCAL)
    image = draw_code(matrix, 5)
    assert image.size == (165, 165)
    assert {value for value, count in enumerate(image.histogram()) if count} == {0, 255}
    for y, row in enumerate(matrix.rows):
        for x, dark in enumerate(row):
            square = image.crop((5 * x, 5 * y, 5 * x + 5, 5 * y + 5))
            assert square.getextrema() == ((0, 0) if dark else (255, 255))


def test_a_turn_is_to_the_right() -> None:
    image = Image.new("L", (3, 2), 255)
    image.putpixel((0, 0), 0)
    where = {degrees: turn(image, degrees).tobytes().index(0) for degrees in (0, 90, 180, 270)}
    assert where == {0: 0, 90: 1, 180: 5, 270: 4}
    assert turn(image, 90).size == turn(image, 270).size == (2, 3)


def test_the_evidence_is_of_the_pixels_and_of_nothing_else() -> None:
    image = Image.new("L", (3, 2), 255)
    assert fingerprint(image) == sha256(b"\xff" * 6).hexdigest()
    assert fingerprint(draw(READY, Panel(320, 240))) == fingerprint(draw(READY, Panel(320, 240)))
    assert fingerprint(draw(READY, Panel(320, 240))) != fingerprint(draw(LATE, Panel(320, 240)))

from dataclasses import replace
from hashlib import sha256
from io import StringIO

import pytest
from PIL import Image
from specimens import FISCAL, read, sale

from edge.buyer.picture import picture_of
from edge.buyer.qr import encode
from edge.buyer.screen import Idle, Making, Ready, Screen
from edge.displays.terminal import BLACK_ON_WHITE, PLAIN, Terminal, code_lines, render

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Ready(sale(), 1, FISCAL, LINK, statutory=True, late=False)
HALVES = {" ": (255, 255), "▀": (0, 255), "▄": (255, 0), "█": (0, 0)}


def photographed(text: str, module: int = 4) -> Image.Image:
    """The window's half blocks as pixels; only lines in black on white are looked at."""
    lines = [
        line.removeprefix(BLACK_ON_WHITE).removesuffix(PLAIN)
        for line in text.splitlines()
        if line.startswith(BLACK_ON_WHITE) and line.endswith(PLAIN)
    ]
    image = Image.new("L", (len(lines[0]), 2 * len(lines)), 128)
    for y, line in enumerate(lines):
        for x, half in enumerate(line):
            upper, lower = HALVES[half]
            image.putpixel((x, 2 * y), upper)
            image.putpixel((x, 2 * y + 1), lower)
    return image.resize((image.width * module, image.height * module), Image.Resampling.NEAREST)


@pytest.mark.parametrize(
    ("screen", "text"), [(READY, FISCAL), (Making(sale(), LINK), LINK)], ids=["ready", "making"]
)
def test_a_phone_reads_the_code_off_the_window(screen: Screen, text: str) -> None:
    assert read(photographed(render(picture_of(screen, {})))) == text


@pytest.mark.parametrize("text", ["0", FISCAL, LINK, "я" * 60])
def test_the_code_has_four_modules_of_white_around_it(text: str) -> None:
    image = photographed("\n".join(code_lines(encode(text))), module=1)
    dark = image.point(lambda value: 255 - value).getbbox()
    assert dark is not None
    size = encode(text).size
    assert dark == (4, 4, 4 + size, 4 + size)
    assert image.width == size + 8
    assert image.height in {size + 8, size + 9}


def test_the_words_stand_around_the_code() -> None:
    text = render(picture_of(READY, {"0001": "Капучино"}))
    above, _, below = text.partition(BLACK_ON_WHITE)
    assert above.split("\n") == ["", "Ваш чек", "Your receipt", "Капучино  125,10 ₽", ""]
    assert below.endswith(f"Проверка чеков ФНС»\nFiscal QR code\n{LINK}")


def test_a_picture_without_a_code_is_words_alone() -> None:
    text = render(picture_of(Idle(), {}))
    assert "\x1b" not in text
    assert "Выберите напиток" in text


def test_pictures_are_written_one_below_the_other_and_each_is_said_to_be_seen() -> None:
    out, seen = StringIO(), list[str]()
    terminal = Terminal(out)
    for screen in (Idle(), READY):
        terminal.show(picture_of(screen, {}), seen.append)
    texts = [render(picture_of(screen, {})) for screen in (Idle(), READY)]
    assert out.getvalue() == "".join(text + "\n" for text in texts)
    assert seen == [sha256(text.encode()).hexdigest() for text in texts]
    terminal.close()
    assert out.getvalue().endswith(f"{LINK}\n")


def test_a_code_that_is_not_the_fiscal_one_says_so() -> None:
    picture = replace(
        picture_of(READY, {}), mark="Это не фискальный QR-код", mark_en="Not the fiscal QR code"
    )
    above = render(picture).partition(BLACK_ON_WHITE)[0]
    assert above.endswith("Это не фискальный QR-код\nNot the fiscal QR code\n")
    assert Terminal(StringIO()).panel is None

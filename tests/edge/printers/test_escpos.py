import pytest

from edge.printers import escpos
from edge.printers.escpos import BAND

COMMANDS = [
    (escpos.RESET, "1b 40"),
    (escpos.NO_KANJI, "1c 2e"),
    (escpos.code_page(17), "1b 74 11"),
    (escpos.code_page(59), "1b 74 3b"),
    (escpos.align("left"), "1b 61 00"),
    (escpos.align("centre"), "1b 61 01"),
    (escpos.bold(on=True), "1b 45 01"),
    (escpos.bold(on=False), "1b 45 00"),
    (escpos.size(1, 1), "1d 21 00"),
    (escpos.size(2, 2), "1d 21 11"),
    (escpos.size(1, 3), "1d 21 02"),
    (escpos.size(8, 1), "1d 21 70"),
    (escpos.feed_lines(4), "1b 64 04"),
    (escpos.feed_dots(0), ""),
    (escpos.feed_dots(20), "1b 4a 14"),
    (escpos.feed_dots(300), "1b 4a ff 1b 4a 2d"),
    (escpos.CUT, "1d 56 42 00"),
    (escpos.ask_status(1), "10 04 01"),
    (escpos.ask_status(4), "10 04 04"),
    (escpos.text("Чек"), "97 a5 aa"),
    (escpos.text("ёЁ№"), "f1 f0 fc"),
]


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[each for _, each in COMMANDS])
def test_a_command_is_these_bytes(command: bytes, expected: str) -> None:
    assert command.hex(" ") == expected


@pytest.mark.parametrize(
    ("form", "model"),
    [("epson", "1d 28 6b 04 00 31 41 32 00"), ("custom", "1d 28 6b 03 00 31 41 00")],
)
def test_a_native_code_is_named_as_its_maker_wants_it(form: escpos.QrForm, model: str) -> None:
    rest = (
        " 1d 28 6b 03 00 31 43 05 1d 28 6b 03 00 31 45 31"
        " 1d 28 6b 05 00 31 50 30 74 3d 1d 28 6b 03 00 31 51 30"
    )
    assert escpos.qr(b"t=", 5, "M", form).hex(" ") == model + rest


def test_a_long_native_code_has_its_length_in_two_bytes() -> None:
    sent = escpos.qr(b"a" * 300, 4, "L", "epson")
    assert b"\x1d(k\x2f\x011P0" + b"a" * 300 in sent


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("Итого 125,10 ₽", "Итого 125,10 руб."),
        ("Кофе «Люкс» — лучший…", 'Кофе "Люкс" - лучший...'),
        ("café naïve Ångström", "cafe naive Angstrom"),
        ("й" + "и\u0306" + "е\u0308", "ййё"),  # letters in two parts are put together first
        ("茶", "?"),
        ("☕ кофе", "? кофе"),
        ("250\u00a0мл", "250 мл"),
        ("№ 5, 90°C", "№ 5, 90°C"),
        ("ﬁn", "fin"),
        ("", ""),
    ],
)
def test_what_page_866_cannot_write_is_spelt_with_what_it_can(text: str, spelt: str) -> None:
    assert escpos.spell(text) == spelt
    assert escpos.text(text).decode("cp866") == spelt


def test_no_text_is_a_command() -> None:
    everything = "".join(chr(each) for each in range(0x3000) if not 0xD800 <= each < 0xE000)
    assert min(escpos.text(everything)) >= 0x20
    assert 0x7F not in escpos.text(everything)


def test_a_raster_packs_eight_dots_a_byte_the_first_highest() -> None:
    rows = [[True, False, False, False, False, False, False, True, True], [False] * 9]
    assert escpos.raster(rows).hex(" ") == "1d 76 30 00 02 00 02 00 81 80 00 00"


def test_a_raster_has_its_white_on_the_left() -> None:
    assert escpos.raster([[True] * 4], left=6).hex(" ") == "1d 76 30 00 02 00 01 00 03 c0"


def test_a_tall_raster_comes_in_bands() -> None:
    sent = escpos.raster([[True] * 8] * (BAND + 5))
    first, rest = sent[: 8 + BAND], sent[8 + BAND :]
    assert first == b"\x1dv0\x00\x01\x00" + BAND.to_bytes(2, "little") + b"\xff" * BAND
    assert rest == b"\x1dv0\x00\x01\x00\x05\x00" + b"\xff" * 5

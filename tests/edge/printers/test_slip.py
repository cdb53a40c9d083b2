from dataclasses import replace

import msgspec
import pytest
import zxingcpp
from PIL import Image
from specimens import FISCAL, read, receipt, sale

from edge.printers import escpos
from edge.printers.paper import Roll
from edge.printers.profiles import PROFILES, Profile
from edge.printers.slip import COPY, Slip, TooWideError, check, render, slip_of
from edge.wire import Fiscal

SALE = sale(12345)
RECEIPT = receipt(SALE)
HEADER = ("ООО «Кофе рядом»", "ИНН 7707083893")
SHORT = "https://chek.example/r/k7q2m9x4t8b3c5wz"
LONG = (
    "https://ofd.example/rec/7707083893/0001234567012345/9999078900000000/12345/" + "a9" * 44 + "b"
)
WAYS = [
    pytest.param(replace(profile, native=native), id=f"{name}{'-native' * native}")
    for name, profile in PROFILES.items()
    for native in (False, True)
    if profile.qr_form or not native
]


def slip(qr: str = FISCAL, product: str = "Капучино") -> Slip:
    made = slip_of(SALE, msgspec.structs.replace(RECEIPT, qr=qr), product)
    assert made is not None
    return made


def printed(of: Slip, profile: Profile) -> Roll:
    roll = Roll(profile)
    roll.print(render(of, profile))
    return roll


def faded(image: Image.Image) -> Image.Image:
    """The law's least contrast on paper: forty per cent."""
    return image.point(lambda value: 255 - (255 - value) * 2 // 5)


def width_mm(image: Image.Image, profile: Profile) -> float:
    (code,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    place = code.position
    across = min(place.top_right.x - place.top_left.x, place.bottom_right.x - place.bottom_left.x)
    down = min(place.bottom_left.y - place.top_left.y, place.bottom_right.y - place.top_right.y)
    return min(across, down) / profile.dots_per_mm


@pytest.mark.parametrize("profile", WAYS)
@pytest.mark.parametrize("qr", [FISCAL, SHORT, LONG], ids=["fiscal", "short", "long"])
def test_a_phone_reads_the_code_off_the_paper_and_it_has_20_mm(profile: Profile, qr: str) -> None:
    roll = printed(slip(qr), replace(profile, header=HEADER))
    assert read(roll.picture) == qr
    assert read(faded(roll.picture)) == qr
    assert width_mm(roll.picture, profile) >= 20


@pytest.mark.parametrize("profile", WAYS)
def test_four_modules_around_the_code_stay_white(profile: Profile) -> None:
    image = printed(slip(), profile).image
    (code,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    module = profile.module(33)
    assert module is not None
    quiet, place = 4 * module - 1, code.position
    around = image.crop(
        (
            place.top_left.x - quiet,
            place.top_left.y - quiet,
            place.bottom_right.x + quiet,
            place.bottom_right.y + quiet,
        )
    )
    dark = around.point(lambda value: 255 - value).getbbox()
    assert dark is not None
    assert min(dark[0], dark[1], around.width - dark[2], around.height - dark[3]) >= quiet - 2


@pytest.mark.parametrize("profile", WAYS)
def test_the_code_stands_in_the_middle(profile: Profile) -> None:
    image = printed(slip(), profile).image
    (code,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    middle = (code.position.top_left.x + code.position.top_right.x) / 2
    assert abs(middle - profile.dots / 2) <= 2


@pytest.mark.parametrize("profile", WAYS)
def test_the_requisites_stand_below_in_letters(profile: Profile) -> None:
    text = printed(slip(), profile).text
    squeezed = [" ".join(line.split()) for line in text]
    assert squeezed[:2] == ["Ваш чек", "Капучино"]
    assert squeezed[2:7] == [
        "ИТОГ 60,00 руб.",
        "Дата 23.11.2026 18:42",
        "ФН 9999078900000000",
        "ФД 12345",
        "ФП 1234567890",
    ]
    assert 'Проверка: приложение "Проверка чеков ФНС"' in " ".join(squeezed[7:])


def test_a_slip_begins_with_the_reset_and_ends_with_knife_or_edge() -> None:
    begin = escpos.RESET + escpos.NO_KANJI
    narrow = render(slip(), PROFILES["pos-5890-clones"])
    assert narrow.startswith(begin + escpos.code_page(59))
    assert narrow.endswith(escpos.feed_lines(4))
    assert escpos.CUT not in narrow
    wide = render(slip(), PROFILES["generic-80"])
    assert wide.startswith(begin + escpos.code_page(17))
    assert wide.endswith(escpos.CUT)


def test_only_a_copy_says_that_it_is_one() -> None:
    profile = PROFILES["generic-58"]
    assert COPY not in printed(slip(), profile).text
    assert printed(slip().as_copy(), profile).text[0] == COPY
    assert slip().as_copy().as_copy() == slip().as_copy()


def test_the_operators_lines_come_first_and_are_broken_where_paper_ends() -> None:
    name = "Общество с ограниченной ответственностью «Горячие напитки круглосуточно»"
    text = printed(slip(), replace(PROFILES["generic-58"], header=(name, "ИНН 7707083893"))).text
    assert " ".join(text).startswith(escpos.spell(name) + " ИНН 7707083893 Ваш чек")
    assert max(map(len, text)) <= 32


@pytest.mark.parametrize("profile", WAYS)
def test_the_longest_of_everything_still_fits_the_paper(profile: Profile) -> None:
    fiscal = Fiscal(fn="9" * 16, fd=2**53, fp=2**53, at="2026-11-23T18:42:10", total=10**12)
    long = msgspec.structs.replace(RECEIPT, fiscal=fiscal)
    made = slip_of(SALE, long, "Горячий шоколад с маршмеллоу и сливками " * 4 + "ы" * 70)
    assert made is not None
    text = printed(made, profile).text  # the paper refuses a line that is too wide
    assert any("10000000000,00 руб." in line for line in text)


@pytest.mark.parametrize("status", ["pending", "refused", "returned"])
def test_nothing_is_printed_of_a_receipt_that_is_not_issued(status: str) -> None:
    assert slip_of(SALE, msgspec.structs.replace(RECEIPT, status=status)) is None


def test_nothing_is_printed_without_the_fiscal_code() -> None:
    bare = msgspec.structs.replace(RECEIPT, qr=None, link="https://chek.example/r/1")
    assert slip_of(SALE, bare) is None


@pytest.mark.parametrize("at", ["20261123T1842", "20261123T184210"])
def test_requisites_that_the_message_lacks_come_out_of_the_code(at: str) -> None:
    qr = f"t={at}&s=60.00&fn=9999078900000000&i=12345&fp=0034567890&n=1"
    made = slip_of(SALE, msgspec.structs.replace(RECEIPT, qr=qr, fiscal=None))
    assert made is not None
    told = [(line.text, line.right) for line in made.below[:5]]
    assert told == [
        ("ИТОГ", "60,00 ₽"),
        ("Дата", "23.11.2026 18:42"),
        ("ФН", "9999078900000000"),
        ("ФД", "12345"),
        ("ФП", "0034567890"),
    ]


def test_a_code_that_is_no_fiscal_string_is_printed_without_inventing_any() -> None:
    made = slip_of(SALE, msgspec.structs.replace(RECEIPT, qr=SHORT, fiscal=None))
    assert made is not None
    assert "ИТОГ" not in [line.text for line in made.below]
    assert read(printed(made, PROFILES["generic-58"]).picture) == SHORT


def test_a_time_that_cannot_be_read_is_printed_as_it_is() -> None:
    odd = msgspec.structs.replace(RECEIPT.fiscal, at="вчера")
    made = slip_of(SALE, msgspec.structs.replace(RECEIPT, fiscal=odd))
    assert made is not None
    assert made.below[1].right == "вчера"


def test_a_products_name_is_no_command() -> None:
    made = slip(product="Кофе\x1b@\x10\x14\x01\nи чай")
    text = printed(made, PROFILES["generic-58"]).text
    assert text[1].split() == ["Кофе", "@", "и", "чай"]


def test_no_byte_of_a_drawn_code_is_dle() -> None:
    for number in range(60):
        fiscal = FISCAL.replace("i=12345", f"i={number * 7919}")
        commands = render(slip(fiscal), PROFILES["generic-58"])
        assert b"\x10" not in commands


def test_paper_too_narrow_for_20_mm_is_refused_with_the_reason() -> None:
    narrow = replace(PROFILES["generic-58"], dots=200)
    with pytest.raises(TooWideError, match=r"205 dots wide at 8 dots a mm, .* prints 200"):
        render(slip(), narrow)
    with pytest.raises(TooWideError, match="prints 200"):
        check(narrow)
    check(PROFILES["generic-58"])

from dataclasses import replace

import pytest
from specimens import read

from edge.printers import escpos
from edge.printers.paper import MARGIN, Roll, UnreadableError
from edge.printers.profiles import PROFILES

P58 = PROFILES["generic-58"]
EPSON, CUSTOM = PROFILES["epson-tm"], PROFILES["custom-vkp80"]


def dark(roll: Roll) -> tuple[int, int, int, int] | None:
    return roll.image.point(lambda value: 255 - value).getbbox()


def test_letters_are_as_the_page_says() -> None:
    roll = Roll(P58)
    roll.print(escpos.text("Чек") + b"\n")
    assert roll.text == [b"\x97\xa5\xaa".decode("cp437")]
    roll.print(escpos.code_page(17) + escpos.text("Чек") + b"\n")
    roll.print(escpos.code_page(59) + escpos.text("Чек") + b"\n")
    assert roll.text[1:] == ["Чек", "???"]


def test_an_empty_line_is_fed_and_says_nothing() -> None:
    roll = Roll(P58)
    roll.print(b"\n\n")
    assert (roll.text, roll.image.height, dark(roll)) == ([], 60, None)


def test_alignment_size_and_boldness_are_seen() -> None:
    def box(before: bytes) -> tuple[int, int, int, int]:
        roll = Roll(P58)
        roll.print(escpos.code_page(17) + before + escpos.text("ЩЩЩ") + b"\n")
        found = dark(roll)
        assert found is not None
        return found

    plain = box(b"")
    assert plain[2] <= 36
    centred = box(escpos.align("centre"))
    assert abs((centred[0] + centred[2]) / 2 - 192) <= 2
    big = box(escpos.size(2, 2))
    assert (big[2] - big[0], big[3] - big[1]) == (
        2 * (plain[2] - plain[0]),
        2 * (plain[3] - plain[1]),
    )
    roll, bold = Roll(P58), Roll(P58)
    roll.print(b"WWW\n")
    bold.print(escpos.bold(on=True) + b"WWW\n")
    assert sum(roll.image.tobytes()) > sum(bold.image.tobytes())


def test_a_reset_takes_everything_back() -> None:
    roll = Roll(P58)
    roll.print(escpos.align("centre") + escpos.size(2, 2) + escpos.RESET + b"WWW\n")
    assert roll.image.height == 30
    found = dark(roll)
    assert found is not None
    assert found[2] <= 36


def test_a_raster_is_put_dot_by_dot_and_bands_join() -> None:
    rows = [[(x + y) % 3 == 0 for x in range(40)] for y in range(150)]
    roll = Roll(P58)
    roll.print(escpos.raster(rows))
    assert roll.image.height == 150
    seen = [[roll.image.getpixel((x, y)) == 0 for x in range(40)] for y in range(150)]
    assert seen == rows
    assert dark(roll) is not None


def test_feeds_and_cuts_move_the_paper() -> None:
    roll = Roll(P58)
    roll.print(escpos.feed_dots(300) + escpos.feed_lines(2))
    assert roll.image.height == 360
    roll.print(b"\x1dV\x00" + escpos.CUT)
    assert roll.cuts == [360, 450]


def test_the_picture_has_the_edges_of_the_roll() -> None:
    roll = Roll(P58)
    roll.print(b"W\n")
    assert roll.picture.size == (384 + 2 * MARGIN, 30 + MARGIN)


@pytest.mark.parametrize("profile", [EPSON, CUSTOM], ids=["epson", "custom"])
def test_a_native_code_is_drawn_by_the_printer(profile: object) -> None:
    known = EPSON if profile is EPSON else CUSTOM
    roll = Roll(known)
    assert known.qr_form is not None
    code = escpos.qr(b"t=1&s=2", 6, "M", known.qr_form)
    roll.print(escpos.feed_dots(40) + escpos.align("centre") + code + escpos.feed_dots(40))
    assert read(roll.picture) == "t=1&s=2"


def test_a_native_code_too_wide_for_the_paper_is_silently_none() -> None:
    roll = Roll(EPSON)
    roll.print(escpos.qr(b"a" * 100, 16, "M", "epson"))
    assert dark(roll) is None


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        (b"\x1bp\x00", r"byte 0: no such command: 1b 70"),
        (b"ab\x07", r"byte 2: no such command: 07"),
        (b"\x1bt", "half a command"),
        (b"\x1bJ", "half a command"),
        (escpos.raster([[True] * 16] * 4)[:-1], "half a raster"),
        (escpos.raster([[True] * 392]), "a raster of 392 dots is too wide"),
        (b"\x1dv0\x03" + b"\x01\x00\x01\x00\xff", "a raster of another kind"),
        (escpos.qr(b"t=", 5, "M", "epson"), r"no such command: 1d 28 6b"),
        (b"W" * 33 + b"\n", "the line is wider than the paper"),
    ],
)
def test_what_the_printer_would_not_obey_is_refused(commands: bytes, complaint: str) -> None:
    with pytest.raises(UnreadableError, match=complaint):
        Roll(P58).print(commands)


def test_one_makers_code_is_not_anothers() -> None:
    with pytest.raises(UnreadableError, match="another maker's QR model"):
        Roll(EPSON).print(escpos.qr(b"t=", 5, "M", "custom"))
    with pytest.raises(UnreadableError, match="another maker's QR model"):
        Roll(replace(CUSTOM, native=True)).print(escpos.qr(b"t=", 5, "M", "epson"))


def test_a_question_in_between_leaves_nothing_on_paper() -> None:
    roll = Roll(P58)
    roll.print(escpos.ask_status(4) + b"W\n")
    assert roll.text == ["W"]

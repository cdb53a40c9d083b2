import io
import socket
from pathlib import Path

import pytest
from parts import free_port
from PIL import Image
from specimens import FISCAL, read

from edge.buyer import qr
from edge.config import KioskDisplay, PngDisplay
from edge.config.printers import FilePrinter, UsbPrinter
from edge.errors import ConfigError
from edge.wizard.person import Person, WrongAnswerError
from edge.wizard.trial import CONTENT, picture, print_slip, show


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def person(out: io.StringIO) -> Person:
    return Person("en", asks=False, out=out)


def test_the_test_code_is_as_large_as_a_fiscal_one_and_is_none() -> None:
    assert qr.encode(CONTENT).size == qr.encode(FISCAL).size
    assert "fn=" not in CONTENT
    assert "NO RECEIPT" in CONTENT
    assert {picture().mark, picture().title} == {"ПРОБА"}


async def test_a_picture_is_on_the_panel_and_can_be_read(
    tmp_path: Path, person: Person, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.displays.png.Png.close", lambda _: None)  # else it is white again
    file = tmp_path / "screen.png"
    assert await show(PngDisplay(file=str(file)), person, 0.1)
    with Image.open(file) as image:
        assert read(image) == CONTENT
    assert "The picture is on the screen." in out.getvalue()


async def test_a_page_that_nobody_has_open_is_told(person: Person, out: io.StringIO) -> None:
    listen = f"127.0.0.1:{free_port()}"
    assert not await show(KioskDisplay(listen=listen), person, 0.1)
    assert f"http://{listen}/" in out.getvalue()
    assert "Is the browser open?" in out.getvalue()


async def test_a_display_that_cannot_be_opened_is_told(person: Person, out: io.StringIO) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        assert not await show(KioskDisplay(listen=listen), person, 0.1)
    assert f"{listen} cannot be listened on" in out.getvalue()


async def test_a_panel_that_is_too_small_is_refused(tmp_path: Path, person: Person) -> None:
    small = PngDisplay(
        file=str(tmp_path / "x.png"), width=240, height=240, width_mm=23.4, height_mm=23.4
    )
    with pytest.raises(ConfigError, match=r"--display: png: .*the law wants 20"):
        await show(small, person, 0.1)


async def test_a_russian_person_is_told_in_russian(tmp_path: Path, out: io.StringIO) -> None:
    person = Person("ru", asks=False, out=out)
    small = PngDisplay(
        file=str(tmp_path / "x.png"), width=240, height=240, width_mm=23.4, height_mm=23.4
    )
    with pytest.raises(WrongAnswerError) as caught:
        await show(small, person, 0.1)
    assert person.why(caught.value).startswith("--display: png: законный QR-код чека на нём не")
    assert await print_slip(FilePrinter(folder=str(tmp_path)), person)
    assert "Принтер file: готов, бумага есть." in out.getvalue()


async def test_a_slip_says_that_it_is_no_receipt(
    tmp_path: Path, person: Person, out: io.StringIO
) -> None:
    assert await print_slip(FilePrinter(folder=str(tmp_path)), person)
    with Image.open(tmp_path / "0001.png") as paper:
        assert read(paper) == CONTENT
    assert "ready, paper is in" in out.getvalue()


async def test_a_printer_that_is_not_there_is_told(person: Person, out: io.StringIO) -> None:
    assert not await print_slip(UsbPrinter(device="/dev/usb/none"), person)
    assert "The printer does not print" in out.getvalue()

from pathlib import Path

import pytest
from PIL import Image
from specimens import FISCAL, read

from edge.buyer.layout import fingerprint
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.displays.png import Png

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
IDLE = Picture("idle", "Выберите напиток", "Choose a drink")
MAKING = Picture("making", "Чек оформляется…", "", code=encode(LINK), link=LINK)
READY = Picture("ready", "Ваш чек", "Your receipt", code=encode(FISCAL), link=LINK)
PANEL = Panel(320, 240)


def test_the_file_is_replaced_as_a_whole_and_its_pixels_are_the_evidence(tmp_path: Path) -> None:
    file, seen = tmp_path / "screen.png", list[str]()
    display = Png(file, PANEL)
    for picture in (IDLE, MAKING, READY):
        display.show(picture, seen.append)
        with Image.open(file) as written:
            assert written.size == (320, 240)
            assert seen[-1] == fingerprint(written)
    assert len(set(seen)) == 3
    assert list(tmp_path.iterdir()) == [file]


def test_the_last_buyer_s_receipt_does_not_stay_when_the_agent_has_gone(tmp_path: Path) -> None:
    display = Png(tmp_path / "screen.png", PANEL)
    display.show(READY, lambda _: None)
    display.close()
    with Image.open(tmp_path / "screen.png") as written:
        assert written.getextrema() == (255, 255)


def test_who_has_the_old_file_open_keeps_the_old_picture(tmp_path: Path) -> None:
    file = tmp_path / "screen.png"
    display = Png(file, PANEL)
    display.show(READY, lambda _: None)
    with file.open("rb") as before:
        display.show(IDLE, lambda _: None)
        with Image.open(before) as written:
            assert read(written) == FISCAL


def test_the_short_link_is_shown_where_that_is_wanted(tmp_path: Path) -> None:
    display = Png(tmp_path / "screen.png", PANEL, short_link=True)
    display.show(READY, lambda _: None)
    with Image.open(tmp_path / "screen.png") as written:
        assert read(written) == LINK.upper()


def test_a_disk_that_is_not_there_is_an_error_and_nothing_painted(tmp_path: Path) -> None:
    display, seen = Png(tmp_path / "none" / "screen.png"), list[str]()
    assert display.panel == Panel(800, 480)
    with pytest.raises(OSError, match="No such file"):
        display.show(READY, seen.append)
    assert seen == []
    (tmp_path / "none").mkdir()
    display.show(READY, seen.append)
    assert len(seen) == 1


def test_a_disk_that_takes_nothing_does_not_keep_the_last_buyer_s_receipt(tmp_path: Path) -> None:
    file = tmp_path / "screen.png"
    display = Png(file, PANEL)
    display.show(READY, lambda _: None)
    (tmp_path / "screen.new").mkdir()  # nothing can be written there
    with pytest.raises(IsADirectoryError):
        display.show(IDLE, lambda _: None)
    assert not file.exists()

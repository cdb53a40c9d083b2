from pathlib import Path

from parts import until
from PIL import Image
from specimens import FISCAL, read

from edge.buyer.layout import draw, fingerprint
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.displays import Display
from edge.displays._blueprint import Blueprint

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Picture("ready", "Ваш чек", "Your receipt", code=encode(FISCAL), link=LINK)
PANEL = Panel(320, 240)


async def test_the_blueprint_is_a_display_that_works(tmp_path: Path) -> None:
    file, seen = tmp_path / "screen.pgm", list[str]()
    display: Display = Blueprint(file, PANEL)
    display.show(READY, seen.append)
    await until(lambda: seen)
    assert seen == [fingerprint(draw(READY, PANEL))]
    with Image.open(file) as written:
        assert read(written) == FISCAL
    display.close()
    with Image.open(file) as written:
        assert written.getextrema() == (255, 255)


async def test_it_shows_the_short_link_where_that_is_wanted(tmp_path: Path) -> None:
    file, seen = tmp_path / "screen.pgm", list[str]()
    display = Blueprint(file, PANEL, short_link=True)
    display.show(READY, seen.append)
    await until(lambda: seen)
    with Image.open(file) as written:
        assert read(written) == LINK.upper()
    display.close()


async def test_it_fails_and_shows_the_next_picture(tmp_path: Path) -> None:
    folder, seen = tmp_path / "disk", list[str]()
    display = Blueprint(folder / "screen.pgm", PANEL)
    display.show(READY, seen.append)
    display.show(READY, seen.append)
    display.close()
    assert seen == []
    folder.mkdir()
    display = Blueprint(folder / "screen.pgm", PANEL)
    display.show(READY, seen.append)
    await until(lambda: seen)
    display.close()

import asyncio
import os
import tty
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession
from parts import free_port, until
from PIL import Image
from specimens import FISCAL, read

from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.buyer.qr import encode
from edge.config.displays import (
    DisplayTable,
    FramebufferDisplay,
    KioskDisplay,
    LumaDisplay,
    PngDisplay,
    PoleDisplay,
    TerminalDisplay,
)
from edge.errors import ConfigError, StartError
from edge.panels import open_display, open_panels, refusal

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Picture("ready", "Ваш чек", "Your receipt", code=encode(FISCAL), link=LINK)


def table(**keys: object) -> DisplayTable:
    """As the configuration file would give it."""
    return msgspec.convert(keys, DisplayTable)  # type: ignore[call-overload, no-any-return]


async def test_displays_are_named_by_number_and_kind(tmp_path: Path) -> None:
    tables = (TerminalDisplay(), PngDisplay(file=str(tmp_path / "screen.png")))
    async with open_panels(tables, None, "ru") as displays:
        assert list(displays) == ["1-terminal", "2-png"]
        assert [each.panel for each in displays.values()] == [None, Panel(800, 480)]


async def test_one_display_is_opened_shows_and_is_closed(tmp_path: Path) -> None:
    file, seen = tmp_path / "screen.png", list[str]()
    async with open_display(PngDisplay(file=str(file), width=320, height=240), None) as display:
        display.show(READY, seen.append)
        with Image.open(file) as image:
            assert read(image) == FISCAL
    assert len(seen) == 1
    with Image.open(file) as image:
        assert image.getextrema() == (255, 255)  # closed: nobody's receipt stays


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        ({"width": 128, "height": 64}, "a module of the code gets 1 px, and a phone needs 2"),
        (
            {"width": 240, "height": 240, "width_mm": 23.4, "height_mm": 23.4},
            "the code is 19.3 mm wide, and the law wants 20",
        ),
        ({"contrast": 12.0}, "its contrast is 12:1, and the law wants 250:1"),
        ({"nits": 200}, "it gives 200 cd/m², and the law wants 250"),
    ],
)
async def test_a_panel_that_cannot_show_a_lawful_code_is_refused_with_reason_and_ways_out(
    tmp_path: Path, panel: dict[str, object], words: str
) -> None:
    refused = table(kind="png", file=str(tmp_path / "screen.png"), **panel)
    with pytest.raises(ConfigError) as told:
        async with open_panels((TerminalDisplay(), refused), None, "ru"):
            pass
    message = str(told.value)
    assert message.startswith("display[1] (png): cannot show a lawful fiscal QR code: ")
    assert words in message
    assert "print the receipt" in message
    assert 'code = "short_link"' in message
    assert 'profile = "none"' in message
    for lawful in (
        open_panels((refused,), None, "none"),
        open_panels((msgspec.structs.replace(refused, code="short_link"),), None, "ru"),
    ):
        async with lawful as displays:
            assert list(displays) == ["1-png"]


async def test_what_cannot_be_checked_is_a_warning_that_names_the_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = PngDisplay(file=str(tmp_path / "screen.png"))
    async with open_panels((unknown,), None, "ru"):
        pass
    assert [message.partition(": set ")[2] for message in caplog.messages] == [
        "width_mm and height_mm",
        "contrast",
        "nits",
    ]
    assert all(message.startswith("display[0] (png): ") for message in caplog.messages)
    caplog.clear()
    known = {"width_mm": 154.0, "height_mm": 86.0, "contrast": 500.0, "nits": 400}
    async with open_panels(
        (TerminalDisplay(), msgspec.structs.replace(unknown, **known)), None, "ru"
    ):
        pass
    async with open_panels((unknown,), None, "none"):
        pass
    assert caplog.messages == []


async def test_a_refused_panel_leaves_nothing_open(tmp_path: Path) -> None:
    port = free_port()
    refused = table(kind="png", file=str(tmp_path / "screen.png"), width=128, height=64)
    kiosk = KioskDisplay(listen=f"127.0.0.1:{port}")
    with pytest.raises(ConfigError):
        async with open_panels((kiosk, refused), None, "ru"):
            pass
    async with open_panels((kiosk,), None, "ru"):  # the port is free again
        pass


async def test_a_kiosk_serves_its_page() -> None:
    port = free_port()
    kiosk = KioskDisplay(listen=f"127.0.0.1:{port}", width=800, height=480, nits=400)
    async with open_display(kiosk, None) as display, ClientSession() as browser:
        assert display.panel is not None
        assert (display.panel.width, display.panel.nits) == (800, 400)
        async with browser.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200


async def test_a_pole_is_opened_by_its_port_and_emptied_at_the_end() -> None:
    controller, line = os.openpty()
    tty.setraw(line)
    async with open_display(PoleDisplay(port=os.ttyname(line), code_page=-1), None) as display:
        seen: list[str] = []
        display.show(READY, seen.append)
        await until(lambda: seen)
    sent = b""
    while not sent.endswith(b"\x0c"):  # the line gives it in as many pieces as it likes
        sent += await asyncio.to_thread(os.read, controller, 4096)
    assert b"\x1bt" not in sent
    assert "Ваш чек".encode("cp866") in sent
    os.close(line)
    os.close(controller)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "framebuffer", "device": "/dev/fb77"}, "fb77 is not there"),
        ({"kind": "pole", "port": "/dev/ttyNONE"}, "ttyNONE cannot be opened"),
        (
            {
                "kind": "luma",
                "driver": "ssd1306",
                "interface": "i2c",
                "port": 29,
                "width": 128,
                "height": 64,
            },
            "i2c 29",
        ),
    ],
)
async def test_a_device_that_is_not_there_stops_the_start_and_says_what_to_do(
    keys: dict[str, object], words: str
) -> None:
    with pytest.raises(StartError, match=words):
        async with open_display(table(**keys), None):
            pass


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "png", "file": "x", "width_mm": 20.0}, "width_mm and height_mm belong together"),
        ({"kind": "kiosk", "width": 800}, "width and height belong together"),
        ({"kind": "kiosk", "width_mm": 20.0}, "width_mm and height_mm belong together"),
        ({"kind": "framebuffer", "rotate": 45}, "rotate"),
        ({"kind": "luma", "width": 128, "height": 64}, "driver"),
        ({"kind": "luma", "driver": "hd44780", "width": 128, "height": 64}, "driver"),
        ({"kind": "pole", "port": "x", "baud": 9601}, "baud"),
        ({"kind": "png", "file": "x", "code": "link"}, "code"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        table(**keys)


def test_only_panels_with_pixels_and_the_fiscal_code_are_judged() -> None:
    tiny = Panel(128, 64)
    assert refusal(TerminalDisplay(), None) is None
    assert refusal(PoleDisplay(port="x"), None) is None
    assert refusal(FramebufferDisplay(), tiny) is not None
    assert refusal(FramebufferDisplay(code="short_link"), tiny) is None
    oled = LumaDisplay(driver="ssd1306", width=128, height=64)
    assert "gets 1 px" in (refusal(oled, tiny) or "")


def test_every_key_of_a_display_is_described_for_the_operator() -> None:
    for kind in (*DisplayTable.__args__,):
        told = msgspec.json.schema(kind)["$defs"][kind.__name__]
        for key, schema in told["properties"].items():
            assert key == "kind" or schema.get("description"), f"{kind.__name__}.{key}"
        assert told["description"].startswith(
            f'``[[display]] kind = "{kind.__struct_config__.tag}"``'
        )


async def test_a_panel_that_cannot_be_lawful_is_refused_also_where_it_cannot_be_asked() -> None:
    """No luma here, or no pins: what its table says of it is enough to know."""
    told = table(kind="luma", driver="ssd1306", interface="i2c", port=29, width=128, height=64)
    with pytest.raises(ConfigError, match="a module of the code gets 1 px"):
        async with open_panels([told], None):
            pytest.fail("it was opened")

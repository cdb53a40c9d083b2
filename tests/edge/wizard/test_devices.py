from typing import Annotated

import pytest
from msgspec import Meta

from edge.checks import as_is
from edge.config import KioskDisplay, PngDisplay
from edge.config.printers import NetworkPrinter
from edge.errors import ConfigError
from edge.wire.settings import Table
from edge.wizard.devices import (
    DISPLAYS,
    PANELS,
    PRINTERS,
    display,
    kinds,
    parse,
    printer,
    required,
    sized,
    takes_size,
    value_of,
    with_panel,
    words_of,
)


@pytest.mark.parametrize(
    ("told", "tree"),
    [
        ("kiosk", {"kind": "kiosk"}),
        ("png,file=x.png,width=480", {"kind": "png", "file": "x.png", "width": 480}),
        ("luma,bgr=true,height_mm=4.5", {"kind": "luma", "bgr": True, "height_mm": 4.5}),
        ("network,host=10.0.0.5", {"kind": "network", "host": "10.0.0.5"}),
        ("pole,port=/dev/ttyUSB0", {"kind": "pole", "port": "/dev/ttyUSB0"}),
    ],
)
def test_a_device_is_a_kind_and_its_keys(told: str, tree: dict[str, object]) -> None:
    assert parse(told) == tree


@pytest.mark.parametrize("told", ["png,file", "png,=x", "png,,"])
def test_what_is_no_key_and_value_is_refused(told: str) -> None:
    with pytest.raises(ConfigError, match="makes no sense"):
        parse(told)


def test_a_typed_value_is_what_it_looks_like() -> None:
    assert [value_of(each) for each in ("7", "1.5", "true", '"7"', "x y", "2026-01-01", "")] == [
        *(7, 1.5, True, "7", "x y", "2026-01-01", ""),
    ]


def test_a_panel_gives_its_size_and_what_was_said_counts_more() -> None:
    tree = with_panel({"kind": "png", "file": "x", "width": 100}, "7in-800x480")
    assert tree["width"] == 100
    assert (tree["height"], tree["width_mm"], tree["height_mm"]) == (480, 154.1, 85.9)
    assert with_panel({"kind": "terminal"}, "7in-800x480") == {"kind": "terminal"}
    assert with_panel({"kind": "kiosk"}, None) == {"kind": "kiosk"}
    with pytest.raises(ConfigError, match=r"no panel is called 'big'; known are .*7in-800x480"):
        with_panel({"kind": "kiosk"}, "big")


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_s_pixels_are_square_and_its_name_is_its_size(name: str) -> None:
    panel = PANELS[name]
    across, down = panel.width_mm / panel.width, panel.height_mm / panel.height
    assert abs(across - down) / across < 0.08
    assert name.endswith(f"in-{panel.width}x{panel.height}")
    inches = (panel.width_mm**2 + panel.height_mm**2) ** 0.5 / 25.4
    assert abs(inches - float(name.partition("in")[0])) < 0.3


def test_a_device_is_checked_by_the_configuration_s_own_tables() -> None:
    assert display({"kind": "kiosk"}) == KioskDisplay()
    assert printer({"kind": "network", "host": "p"}) == NetworkPrinter(host="p")
    with pytest.raises(ConfigError, match=r"--display: width: Expected `int` <= 8192, found 9000"):
        display({"kind": "png", "file": "x", "width": 9000})
    with pytest.raises(ConfigError, match=r"--display: kind: Invalid value 'wall'; allowed are"):
        display({"kind": "wall"})
    with pytest.raises(ConfigError, match=r"--printer: .*the key `host` is missing"):
        printer({"kind": "network"})


@pytest.mark.parametrize("table", [*DISPLAYS.values(), *PRINTERS.values()])
def test_every_kind_has_words_and_every_needed_key_too(table: type) -> None:
    words = words_of(table)
    assert words.en
    assert words.ru != words.en
    for description, example in required(table).values():
        assert description.en
        assert description.ru != description.en
        assert example


class NewDisplay(Table, frozen=True, kw_only=True, tag="new", tag_field="kind"):
    """``[[display]] kind = "new"``: something that nobody has translated."""

    port: Annotated[str, Meta(description="Where it is.")]


def test_a_kind_without_russian_words_is_offered_in_english() -> None:
    assert words_of(NewDisplay) == as_is("something that nobody has translated")
    assert required(NewDisplay) == {"port": (as_is("Where it is."), None)}


def test_only_a_panel_is_asked_for_its_size() -> None:
    assert takes_size(DISPLAYS["luma"])
    assert takes_size(DISPLAYS["framebuffer"])
    assert not takes_size(DISPLAYS["terminal"])
    size = {"width": 1, "height": 2, "width_mm": 3.0, "height_mm": 4.0}
    assert sized(DISPLAYS["framebuffer"], size) == {"width_mm": 3.0, "height_mm": 4.0}
    assert sized(DISPLAYS["png"], size) == size


def test_one_table_alone_is_a_family_too() -> None:
    assert kinds(PngDisplay) == {"png": PngDisplay}

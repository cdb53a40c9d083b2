from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta, field

from edge.wire.settings import Broker, Listen, SettingsError, Table, converted, parsed


class Door(Table, frozen=True, kw_only=True, tag="door", tag_field="kind"):
    colour: Annotated[Literal["red", "green"] | None, Meta(description="x")] = None


class Window(Table, frozen=True, kw_only=True, tag="window", tag_field="kind"):
    panes: int = 1


class House(Table, frozen=True, kw_only=True):
    listen: Listen = "127.0.0.1:80"
    holes: tuple[Door | Window, ...] = ()
    rooms: dict[str, Literal["wet", "dry"]] = field(default_factory=dict)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:65535", "host:8081", "h:60000"])
def test_a_port_up_to_65535_is_listened_on(listen: str) -> None:
    assert converted({"listen": listen}, House, "x").listen == listen


@pytest.mark.parametrize(
    "listen", ["h:65536", "h:70000", "h:99999", "h:123456", ":80", "h", "h:1\n"]
)
def test_no_other_is(listen: str) -> None:
    with pytest.raises(
        SettingsError, match="x: listen: Expected `str` matching HOST:PORT, the port up to 65535"
    ):
        converted({"listen": listen}, House, "x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'holes = [{kind = "gate"}]',
            "holes[0].kind: Invalid value 'gate'; allowed are 'door', 'window'",
        ),
        (
            'holes = [{kind = "door", colour = "blue"}]',
            "holes[0].colour: Invalid enum value 'blue'; allowed are 'green', 'red'",
        ),
        (
            '[rooms]\nbath = "damp"',
            "rooms[...]: Invalid enum value 'damp'; allowed are 'dry', 'wet'",
        ),
        ('holes = [{kind = "window", panes = "x"}]', "holes[0].panes: Expected `int`, found 'x'"),
        ("floors = 2", "the file: there is no key `floors`"),
    ],
)
def test_a_wrong_value_is_told_with_those_that_may_be(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parsed(text, House, "x")
    assert str(refused.value) == f"x: {told}"


def test_each_file_that_cannot_be_read_is_named_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x", "utf-8")
    broker = Broker(
        ca=str(tmp_path / "ca.crt"),
        certificate=str(tmp_path / "there"),
        key=str(tmp_path),
        password_file=str(tmp_path / "there"),
    )
    assert list(broker.unreadable()) == [
        f"broker.ca: {tmp_path / 'ca.crt'}: no such file",
        f"broker.key: {tmp_path}: cannot be read: is a directory",
    ]


def test_the_system_s_own_authorities_are_no_file() -> None:
    assert list(Broker(ca="system").unreadable()) == []
    assert Broker().files == {}

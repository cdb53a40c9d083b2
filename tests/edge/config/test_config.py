from pathlib import Path

import pytest

from edge.config import Config, KioskDisplay, PngDisplay, TerminalDisplay, load, read_text
from edge.errors import ConfigError
from edge.wire.settings import Broker

LEAST = """
machine = "vm-1"
tap = "replay:some.mdb"
[receipts]
link = "https://chek.example/r/"
"""
WHOLE = """
machine = "vm-000123"
tap = "virtual:0001=12000"
data = "/srv/chekomat"

[broker]
host = "broker.example"
port = 8883
mqtt = "3.1.1"
username = "vm-000123"
password_file = "/etc/chekomat/password"
ca = "/etc/chekomat/ca.pem"
certificate = "/etc/chekomat/vm.pem"
key = "/etc/chekomat/vm.key"

[receipts]
link = "https://chek.example/r/"
qr = "fiscal"
profile = "ru"
show_s = 90
patience_s = 10

[[display]]
kind = "terminal"
[[display]]
kind = "png"
file = "/run/chekomat/screen.png"
width = 320
height = 240
[[display]]
kind = "kiosk"
listen = "127.0.0.1:9000"

[products]
"0001" = "Капучино"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "edge.toml"


def loaded(file: Path, text: str) -> Config:
    file.write_text(text, "utf-8")
    return load(file)


def test_the_least_configuration_has_a_default_for_all_else(file: Path) -> None:
    config = loaded(file, LEAST)
    assert (config.machine, config.tap) == ("vm-1", "replay:some.mdb")
    assert config.broker == Broker(host="127.0.0.1", port=1883, mqtt="5")
    assert config.display == (TerminalDisplay(),)
    assert (config.receipts.qr, config.receipts.profile) == ("link_then_fiscal", "ru")
    assert config.receipts.show_s >= 40


def test_every_key_is_read(file: Path) -> None:
    config = loaded(file, WHOLE)
    assert config.data == "/srv/chekomat"
    assert config.broker == Broker(
        host="broker.example",
        port=8883,
        mqtt="3.1.1",
        username="vm-000123",
        password_file="/etc/chekomat/password",
        ca="/etc/chekomat/ca.pem",
        certificate="/etc/chekomat/vm.pem",
        key="/etc/chekomat/vm.key",
    )
    assert (config.receipts.show_s, config.receipts.patience_s) == (90, 10)
    assert config.display == (
        TerminalDisplay(),
        PngDisplay(file="/run/chekomat/screen.png", width=320, height=240),
        KioskDisplay(listen="127.0.0.1:9000"),
    )
    assert config.products == {"0001": "Капучино"}


WRONG = [
    ("", "", "the key `machine` is missing"),
    ('machine = "vm-1"', 'machine = "cloud"', "machine: 'cloud' is the cloud's own name"),
    (
        'machine = "vm-1"',
        'machine = "vm/1"',
        "machine: Expected letters, digits, '_', '.', '-', at most 64",
    ),
    ('machine = "vm-1"', 'machine = "vm/1"', "found 'vm/1'"),
    ('machine = "vm-1"', "machine = 1", "machine: Expected `str`, found 1"),
    ('tap = "replay:some.mdb"', "", "the key `tap` is missing"),
    ("[receipts]", 'colour = "red"\n[receipts]', "there is no key `colour`"),
    ("[receipts]", "[receipts]\nshow = 60", "receipts: there is no key `show`"),
    (
        "[receipts]",
        "[receipts]\nshow_s = 39.9",
        "receipts.show_s: expected at least 40, found 39.9",
    ),
    ("[receipts]", "[receipts]\nshow_s = 0", "receipts.show_s: Expected `float` > 0.0, found 0"),
    ("[receipts]", '[receipts]\nshow_s = "1m"', "receipts.show_s: Expected `float`, found '1m'"),
    ("[receipts]", "[receipts]\npatience_s = 601", "receipts.patience_s: Expected `float` <="),
    (
        "[receipts]",
        '[receipts]\nqr = "both"',
        "receipts.qr: Invalid enum value 'both'; allowed are 'fiscal', 'link', 'link_then_fiscal'",
    ),
    (
        "[receipts]",
        '[receipts]\nprofile = "de"',
        "receipts.profile: Invalid enum value 'de'; allowed are 'none', 'ru'",
    ),
    ("https://chek.example/r/", "https://chek.example/r", "receipts.link: Expected `str` matching"),
    ("https://chek.example/r/", "ftp://chek.example/r/", "found 'ftp://chek.example/r/'"),
    ("https://chek.example/r/", f"https://{'x' * 200}/", "receipts.link: Expected `str` of length"),
    ('link = "https://chek.example/r/"', "", "receipts.link: missing; give the address"),
    ("[receipts]", "[broker]\nport = 0\n[receipts]", "broker.port: Expected `int` >= 1, found 0"),
    ("[receipts]", "[broker]\nport = 70000\n[receipts]", "broker.port: Expected `int` <= 65535"),
    (
        "[receipts]",
        '[broker]\nport = "1883"\n[receipts]',
        "broker.port: Expected `int`, found '1883'",
    ),
    ("[receipts]", '[broker]\nhost = ""\n[receipts]', "broker.host: Expected `str` of length >= 1"),
    (
        "[receipts]",
        "[broker]\nmqtt = 5\n[receipts]",
        "broker.mqtt: Expected `str`, found 5; allowed are '3.1.1', '5'",
    ),
    ("[receipts]", '[broker]\npassword = "x"\n[receipts]', "broker: there is no key"),
    (
        "[receipts]",
        '[[display]]\nkind = "wall"\n[receipts]',
        "display[0].kind: Invalid value 'wall'; allowed are 'terminal', 'png', ",
    ),
    ("[receipts]", '[[display]]\nfile = "x"\n[receipts]', "display[0]: the key"),
    ("[receipts]", '[[display]]\nkind = "png"\n[receipts]', "display[0]: the key"),
    (
        "[receipts]",
        '[[display]]\nkind = "terminal"\n[[display]]\nkind = "png"\nfile = "x"\nwidth = 60\n[receipts]',
        "display[1].width: Expected `int` >= 74, found 60",
    ),
    (
        "[receipts]",
        '[[display]]\nkind = "kiosk"\nlisten = "8081"\n[receipts]',
        "display[0].listen: Expected `str` matching HOST:PORT, the port up to 65535, found '8081'",
    ),
    (
        "[receipts]",
        '[[display]]\nkind = "kiosk"\nlisten = "0.0.0.0:65536"\n[receipts]',
        "display[0].listen: Expected `str` matching HOST:PORT, the port up to 65535, found '0.0.0.0:65536'",
    ),
    (
        "[receipts]",
        "[technician]\n[receipts]",
        "technician: the key `pin_file` is missing",
    ),
    (
        "[receipts]",
        "[products]\n0001 = 2\n[receipts]",
        "products[...]: Expected `str`, got `int`",
    ),
    ("[receipts]", "broker = 7\n[receipts]", "broker: Expected `object`, found 7"),
    ("[receipts]", "[receipts", "is no TOML: "),
]


@pytest.mark.parametrize(("text", "instead", "told"), WRONG)
def test_a_wrong_key_is_refused_with_what_was_expected_and_found(
    file: Path, text: str, instead: str, told: str
) -> None:
    written = LEAST.replace(text, instead, 1) if text else ""
    with pytest.raises(ConfigError) as refused:
        loaded(file, written)
    assert str(refused.value).startswith(f"{file}: ")
    assert told in str(refused.value)


def test_a_text_that_is_no_file_yet_is_checked_like_one() -> None:
    assert read_text(LEAST, "new.toml").machine == "vm-1"
    with pytest.raises(ConfigError, match=r"^new.toml: machine: 'cloud' is the cloud's own name"):
        read_text(LEAST.replace("vm-1", "cloud"), "new.toml")
    with pytest.raises(ConfigError, match=r"^new.toml: is no TOML"):
        read_text("[", "new.toml")


@pytest.mark.parametrize("key", ["machine", "tap"])
def test_a_key_is_never_guessed(file: Path, key: str) -> None:
    with pytest.raises(ConfigError):
        loaded(file, LEAST.replace(f"{key} =", f"{key.capitalize()} ="))


@pytest.mark.parametrize(
    ("change", "shown"),
    [("show_s = 40", 40), ('profile = "none"\nshow_s = 5', 5), ("show_s = 86400", 86400)],
)
def test_the_law_s_forty_seconds_are_the_least_where_the_law_is(
    file: Path, change: str, shown: float
) -> None:
    assert loaded(file, f"{LEAST}{change}\n").receipts.show_s == shown


def test_links_are_not_asked_for_where_none_is_shown(file: Path) -> None:
    text = LEAST.replace('link = "https://chek.example/r/"', 'qr = "fiscal"')
    assert loaded(file, text).receipts.link is None


def test_a_file_that_cannot_be_read_is_named_with_the_next_step(tmp_path: Path) -> None:
    for file, reason in [(tmp_path / "no.toml", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(
            ConfigError,
            match=f"{file}: cannot be read: {reason}.*copy what `python -m edge sample` prints",
        ):
            load(file)


def test_a_file_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"machine = \xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read: it is no UTF-8 text"):
        load(file)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[receipts]\nqr = "link"\nlink = "https://chek.example/r/"\n', "receipts.qr: expected"),
        (
            '[receipts]\nqr = "fiscal"\n[[display]]\nkind = "pole"\nport = "/dev/ttyUSB0"\n',
            "display: none of them shows the fiscal QR code, and there is no printer",
        ),
        (
            '[receipts]\nqr = "fiscal"\n[[display]]\nkind = "kiosk"\ncode = "short_link"\n',
            "display: none of them shows the fiscal QR code, and there is no printer",
        ),
    ],
)
def test_under_the_law_s_profile_the_fiscal_code_is_shown_or_printed(more: str, told: str) -> None:
    text = f'machine = "vm-1"\ntap = "virtual:0001=1"\n{more}'
    with pytest.raises(ConfigError, match=told):
        read_text(text, "edge.toml")
    printed = '[[printer]]\nkind = "file"\nfolder = "slips"\n' if "display" in told else ""
    profile = text.replace("[receipts]\n", '[receipts]\nprofile = "none"\n')
    read_text(profile if not printed else text + printed, "edge.toml")


@pytest.mark.parametrize("name", ["cloud", "operator"])
def test_a_name_that_is_another_s_at_the_broker_is_no_machine_s(name: str) -> None:
    with pytest.raises(ConfigError, match=f"machine: '{name}' is the"):
        read_text(f'machine = "{name}"\ntap = "virtual:0001=1"\n', "edge.toml")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            '[products]\nabc = "x"\n"0001" = "y"\n',
            "products: expected keys of four hex digits, letters small, found 'abc'$",
        ),
        ('[products]\n"0002" = 5\n', "products.*got `int`, of '0002'$"),
        ("[broker]\nporrt = 1\n", "broker: there is no key `porrt`$"),
    ],
)
def test_a_wrong_key_or_entry_is_named(more: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_text(f'machine = "vm-1"\ntap = "virtual:0001=1"\n{more}', "edge.toml")


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="the key `machine` is missing"):
        read_text('tap = "virtual:0001=1"\n', "edge.toml")

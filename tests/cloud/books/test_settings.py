from pathlib import Path

import pytest

from cloud.books import settings
from cloud.books.settings import finished, from_file, from_pairs, meant, named_in, unreadable
from cloud.errors import ConfigError
from cloud.fleet import Register
from cloud.registers import KINDS
from cloud.store import sites

KOMTET = {"shop_id": "1041", "queue": 7, "secret_file": "/dev/null"}


def komtet(**told: object) -> Register:
    return Register(id="main", operator="coffee", provider="komtet", settings=KOMTET | told)


@pytest.mark.parametrize(
    ("provider", "key", "text", "value"),
    [
        ("komtet", "queue", "7", 7),
        ("komtet", "shop_id", "1041", "1041"),
        ("komtet", "shop_id", '"1041"', "1041"),
        ("komtet", "ffd", "1.05", "1.05"),
        ("komtet", "poll_s", "[1, 2.5]", [1, 2.5]),
        ("orange", "inn", "7708806062", "7708806062"),
        ("orange", "page", "false", False),
        ("atol", "protocol", "5", "5"),
        ("orange", "group", "Vend", "Vend"),
        ("komtet", "unknown", "7", 7),
    ],
)
def test_a_value_is_what_its_key_takes(provider: str, key: str, text: str, value: object) -> None:
    told = meant(provider, key, text)
    assert told == value
    assert type(told) is type(value)


@pytest.mark.parametrize("pair", ["secret=abc", "password=abc", "api_token=abc", "apiKey=abc"])
def test_a_secret_is_never_a_value(pair: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_pairs([pair], "komtet")
    said = str(error.value)
    assert "a secret is never a value: write it into a file" in said
    assert "--set secret_file=/etc/chekomat/secret" in said
    assert "abc" not in said


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("secret_file=-----BEGIN PRIVATE KEY----- abc", "found what is in it"),
        ("secret_file=abc\nabc", "found what is in it"),
        ("secret_file=abc\0abc", "found what is in it"),
        ("url=https://me:abc@kassa.example", "a user and a password do not stand in a URL"),
        ("abc", "--set: expected KEY=VALUE"),
    ],
)
def test_what_holds_a_secret_is_refused_and_not_repeated(pair: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_pairs([pair], "komtet")
    assert said in str(error.value)
    assert "abc" not in str(error.value)


def test_a_file_is_kept_by_its_whole_name(tmp_path: Path) -> None:
    file = tmp_path / "main.toml"
    file.write_text('shop_id = "1041"\nsecret_file = "keys/komtet"\n', "utf-8")
    told = from_file(file, "komtet")
    assert told == {"shop_id": "1041", "secret_file": f"{tmp_path}/keys/komtet"}
    here = finished(komtet(secret_file="komtet.secret"), None)
    assert here.settings["secret_file"] == str(Path.cwd() / "komtet.secret")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = ", "is no TOML"),
        (b"\xff", "is no TOML"),
        (b"secret = 'abc'", "a secret is never a value"),
    ],
)
def test_a_file_that_is_none_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "main.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        from_file(file, "komtet")
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read: No such file"):
        from_file(tmp_path / "none.toml", "komtet")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"queues": 7}, "unknown field `queues`; komtet needs shop_id, secret_file, queue; it may"),
        ({"queue": 0}, "Expected `int` >= 1"),
        ({"url": "http://kassa.example"}, "plain http is for loopback alone"),
    ],
)
def test_an_account_that_would_not_open_is_refused(told: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        finished(komtet(**told), None)
    assert said in str(error.value)


def test_a_register_stays_with_its_provider() -> None:
    before = Register(id="main", operator="coffee", provider="ferma")
    with pytest.raises(ConfigError, match="register main is an account at ferma, and its receipts"):
        finished(komtet(), before)


def test_a_file_that_cannot_be_read_here_is_a_note(tmp_path: Path) -> None:
    assert list(unreadable(komtet())) == []
    (note,) = unreadable(komtet(secret_file=f"{tmp_path}/none"))
    assert note.startswith(f"note: secret_file: {tmp_path}/none is no file that you can read")


def test_every_key_of_every_provider_has_its_column_and_the_files_are_known() -> None:
    names = {column.name for column in settings.columns()}
    for kind, _ in KINDS.values():
        assert names >= set(kind.__struct_fields__)
    assert names >= settings.FILES


ATOL = {"login": "demo", "password_file": "/dev/null", "group": "g", "email": "a@b.example"}


def atol(**told: object) -> Register:
    return Register(id="main", operator="coffee", provider="atol", settings=ATOL | told)


def test_the_format_that_holds_is_kept_where_the_settings_alone_are_read() -> None:
    fourth, fifth = finished(atol(protocol="v4"), None), finished(atol(protocol="v5"), None)
    assert [sites.ffd_of("atol", each.settings) for each in (fourth, fifth)] == ["1.05", "1.2"]
    assert finished(fifth, fifth) == fifth
    back = finished(atol(**{**fifth.settings, "protocol": "v4"}), fifth)
    assert sites.ffd_of("atol", back.settings) == "1.05"
    with pytest.raises(ConfigError, match=r'protocol "v5" is FFD 1.2, found "1.05"'):
        finished(atol(protocol="v5", ffd="1.05"), None)


def test_a_file_may_name_its_provider(tmp_path: Path) -> None:
    file = tmp_path / "main.toml"
    file.write_text('provider = "komtet"\nqueue = 7\n', "utf-8")
    assert named_in(file) == "komtet"
    assert from_file(file, "komtet") == {"queue": 7}
    with pytest.raises(ConfigError, match="is of provider 'komtet', found --provider atol"):
        from_file(file, "atol")
    file.write_text("provider = 7\n", "utf-8")
    with pytest.raises(ConfigError, match=r"provider: expected one of cloudkassir, .*, found 7"):
        named_in(file)

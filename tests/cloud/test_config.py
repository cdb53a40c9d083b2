"""A file is taken whole or refused whole: the message names file, key, expected and found."""

from pathlib import Path

import pytest

from cloud.config import load
from cloud.errors import ConfigError

GOOD = """\
database = "cloud.sqlite"
public_url = "https://receipts.example"
api_token_file = "api.word"

[broker]
host = "broker.example"
"""
MOVED = "; the fleet is in the database now: see python -m cloud operator --help"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(GOOD, "utf-8")
    return path


def test_a_good_file_is_taken(file: Path) -> None:
    config = load(file)
    assert config.database == "cloud.sqlite"
    assert config.broker.host == "broker.example"
    assert config.api_token_file == "api.word"
    assert (config.listen, config.cabinet) == ("127.0.0.1:8080", "127.0.0.1:8090")
    assert config.receipt_page("k7q2m9x4t8b3c5wz") == "https://receipts.example/r/k7q2m9x4t8b3c5wz"


def test_a_database_may_be_a_server(file: Path) -> None:
    file.write_text(GOOD.replace("cloud.sqlite", "postgresql:///chekomat"), "utf-8")
    assert load(file).database == "postgresql:///chekomat"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('database = "cloud.sqlite"\n', "", "the file: the key `database` is missing"),
        ('"cloud.sqlite"', '""', "database: Expected `str` of length >= 1"),
        ('"cloud.sqlite"', "7", "database: Expected `str`, found 7"),
        ("database", "data_base", "the file: there is no key `data_base`"),
        ('public_url = "https://receipts.example"\n', "", "the file: the key `public_url` is"),
        ("https://receipts.example", "receipts.example", "public_url: Expected `str` matching"),
        ("receipts.example", "receipts.example/", "public_url: Expected `str` matching"),
        ('"api.word"', '""', "api_token_file: Expected `str` of length >= 1"),
        ('host = "broker.example"', "port = 'x'", "broker.port: Expected `int`, found 'x'"),
        ('public_url = "', 'listen = "8080"\npublic_url = "', "listen: Expected `str` matching"),
        ("[broker]", "[broker", "is no TOML: "),
    ],
)
def test_a_mistake_is_named_by_file_and_key(file: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}: {told}")
    assert MOVED not in str(refused.value)


@pytest.mark.parametrize("name", ["operator", "registers", "machines", "slots"])
def test_a_table_of_the_fleet_is_told_where_the_fleet_is_now(file: Path, name: str) -> None:
    file.write_text(f'{GOOD}[{name}.one]\nname = "one"\n', "utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert str(refused.value) == f"{file}: the file: there is no key `{name}`{MOVED}"


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file or directory"), (b"\xff\xfe", "it is no UTF-8 text")]
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "cloud.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert str(refused.value) == (
        f"{file}: cannot be read: {told}; copy deploy/cloud/config.toml and edit it"
    )


@pytest.mark.parametrize(
    ("old", "key"),
    [
        ('"cloud.sqlite"', "database"),
        ('"api.word"', "api_token_file"),
        ('"broker.example"', "broker.host"),
    ],
)
def test_a_character_that_no_name_has_is_refused(file: Path, old: str, key: str) -> None:
    """Found by hostile files: whoever opened what they name raised."""
    file.write_text(GOOD.replace(old, '"a\\u0000b"'), "utf-8")
    with pytest.raises(ConfigError) as error:
        load(file)
    assert str(error.value) == f"{file}: {key}: expected text without a NUL, found 'a\\x00b'"


def test_an_empty_file_is_told_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.touch()
    with pytest.raises(ConfigError, match="the key `database` is missing"):
        load(file)

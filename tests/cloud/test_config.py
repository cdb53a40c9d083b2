"""A file is taken whole or refused whole: the message names file, key, expected and found."""

from pathlib import Path

import pytest

from cloud.config import load
from cloud.errors import ConfigError
from cloud.receipt import Subject, Taxation

GOOD = """\
database = "cloud.sqlite"
public_url = "https://receipts.example"

[broker]
host = "broker.example"

[operator]
name = "ООО «Кофе на ходу»"
inn = "7708806062"
taxation = "usn_income_outcome"

[registers.main]
provider = "cloudkassir"
public_id = "pk_1"
secret_file = "SECRET"

[machines.vm-000123]
register = "main"
address = "г. Москва, ул. Примерная, д. 1"
place = "ТЦ «Ромашка», 1 этаж"
slots = { "0002" = { name = "Эспрессо" } }

[slots]
"0001" = { name = "Капучино", vat = "standard", subject = "excisable" }
"0002" = { name = "Чай" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(" s3cret\n", "utf-8")
    path = tmp_path / "cloud.toml"
    write(path, GOOD)
    return path


def write(file: Path, text: str) -> None:
    file.write_text(text.replace("SECRET", str(file.parent / "secret")), "utf-8")


def test_a_good_file_is_taken(file: Path) -> None:
    config = load(file)
    machine = config.machines["vm-000123"]
    assert config.operator.taxation_system is Taxation.USN_INCOME_OUTCOME
    assert config.registers["main"].secret() == "s3cret"
    assert config.broker.host == "broker.example"
    assert config.receipt_page("k7q2m9x4t8b3c5wz") == "https://receipts.example/r/k7q2m9x4t8b3c5wz"
    coffee = config.slot(machine, "0001")
    assert coffee is not None
    assert coffee.settlement_subject is Subject.EXCISABLE
    own = config.slot(machine, "0002")
    assert own is not None
    assert own.name == "Эспрессо"
    assert config.slot(machine, "0003") is None
    assert config.slot(machine, None) is None


def test_a_secret_is_never_in_a_value_that_is_printed(file: Path) -> None:
    assert "s3cret" not in repr(load(file))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('inn = "7708806062"', 'inn = "77088060"', "operator.inn: Expected `str` matching regex"),
        (
            'inn = "7708806062"',
            "inn = 7708806062",
            "operator.inn: Expected `str`, found 7708806062",
        ),
        ('inn = "7708806062"\n', "", "operator: the key `inn` is missing"),
        ("usn_income_outcome", "usn", "operator.taxation: Invalid enum value 'usn'"),
        ('database = "cloud.sqlite"\n', "", "the file: the key `database` is missing"),
        (
            'database = "cloud.sqlite"',
            'data_base = "x"\ndatabase = "y"',
            "the file: there is no key `data_base`",
        ),
        ("https://receipts.example", "receipts.example", "public_url: Expected `str` matching"),
        ("receipts.example", "receipts.example/", "public_url: Expected `str` matching"),
        ('provider = "cloudkassir"', 'provider = "other"', "registers[...].provider: Invalid enum"),
        (
            'register = "main"',
            'register = "mian"',
            "machines.vm-000123.register: no register 'mian'; known: main",
        ),
        (
            'register = "main"',
            'register = "main"\ntimezone = "Europe/Moskau"',
            "machines.vm-000123.timezone: no zone is called 'Europe/Moskau'",
        ),
        (
            'register = "main"',
            'register = "main"\ntimezone = "../etc"',
            "machines.vm-000123.timezone: no zone is called '../etc'",
        ),
        ("machines.vm-000123", 'machines."vm 1"', "machines: expected keys of letters, digits"),
        ('vat = "standard"', 'vat = "22"', "slots[...].vat: Invalid enum value '22'"),
        ("Капучино", "", "slots[...].name: Expected `str` of length >= 1"),
        ("Капучино", "К" * 129, "slots[...].name: Expected `str` of length <= 128"),
        ('secret_file = "SECRET"', 'secret_file = "/none"', "registers.main.secret_file: /none is"),
        ('host = "broker.example"', "port = 'x'", "broker.port: Expected `int`, found 'x'"),
        ('public_url = "', 'listen = "8080"\npublic_url = "', "listen: Expected `str` matching"),
        ("[operator]", "[operator", "is no TOML: "),
    ],
)
def test_a_mistake_is_named_by_file_and_key(file: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    write(file, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}: {told}")


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


def test_an_empty_file_is_told_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.touch()
    with pytest.raises(ConfigError, match="the key `database` is missing"):
        load(file)

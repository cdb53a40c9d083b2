"""The commands as a person starts them, and what stands between them and the store."""

import getpass
import json
import subprocess
from pathlib import Path

import pytest
from clerk import Clerk
from parts import ROOT, python

from cloud.books.desk import kept, login
from cloud.errors import StartError
from cloud.store import Store

NEXT = "next: python -m cloud register add NAME --provider PROVIDER --set KEY=VALUE …"
TABLE = "id;name;vat\ntea;Чай;10%\ncola;Кола;18\n"


def run(config: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*python("cloud", *arguments), "--config", str(config)], cwd=ROOT, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_fleet_is_kept_from_the_command_line(clerk: Clerk) -> None:
    config = clerk.folder / "cloud.toml"
    added = ("operator", "add", "coffee", "--name", "ООО «Кофе»", "--inn", "7708806062",
             "--taxation", "усн доход")  # fmt: skip
    status, out, err = run(config, *added)
    assert (status, err) == (0, "")
    assert out.splitlines() == ["operator coffee: new", NEXT]
    file = clerk.file("products.csv", TABLE, "cp1251")
    status, out, err = run(config, "product", "import", str(file))
    assert status == 2
    assert out.startswith("row 3, column vat: '18' is no rate of VAT; expected one of none, 0, 5")
    assert err == f"chekomat-cloud: {file}: 1 problem in 2 rows; nothing was written\n"
    clerk.file("products.csv", TABLE.replace("18", "standard"), "cp1251")
    assert run(config, "product", "import", str(file)) == (
        0, f"{file}: 2 rows: 2 new, 0 changed, 0 same\n", "",
    )  # fmt: skip
    status, out, err = run(config, "product", "list", "--json")
    assert (status, err) == (0, "")
    assert [(each["id"], each["vat"]) for each in json.loads(out)] == [
        ("cola", "standard"), ("tea", "10"),
    ]  # fmt: skip


def test_a_wrong_value_is_exit_2_and_a_secret_is_not_repeated(clerk: Clerk) -> None:
    config = clerk.folder / "cloud.toml"
    status, out, err = run(
        config, "register", "add", "main", "--provider", "komtet", "--set", "secret=hunter2"
    )
    assert (status, out) == (2, "")
    assert err.startswith("chekomat-cloud: secret: a secret is never a value: write it into a file")
    assert "hunter2" not in err


async def test_the_configuration_says_which_database(clerk: Clerk) -> None:
    await clerk.coffee()
    assert await clerk.kept("machine remove vm-000123") == ["machine vm-000123: removed"]
    assert await clerk("machine list") == [
        "there is no machine: python -m cloud machine add --help"
    ]


async def test_a_server_that_is_not_there_is_a_fault_of_the_surroundings(
    clerk: Clerk,
) -> None:
    (clerk.folder / "cloud.toml").write_text(
        'database = "postgresql://nobody@127.0.0.1:1/none"\npublic_url = "https://r.example"\n'
    )
    with pytest.raises(StartError, match="no server answers there"):
        await kept(clerk.parsed("machine list"), print, print)


async def test_a_fault_of_the_database_is_one_of_the_surroundings(
    clerk: Clerk, sqlite_store: Store
) -> None:
    async with sqlite_store.transaction() as connection:
        await connection.exec_driver_sql("DROP TABLE machine")
    with pytest.raises(StartError, match=r"no such table: machine; nothing was written: try again"):
        await clerk.kept("machine list")


def test_who_writes_is_who_is_logged_in() -> None:
    assert login() == getpass.getuser()

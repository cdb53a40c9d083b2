"""The commands as an operator meets them: what they say, and the exit status."""

import asyncio
import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from parts import ROOT, free_port, mosquitto, python, until
from postgres import Cluster
from shop import a_fleet, a_sale, eventually, now_ms, sell, stock, token_of
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.__main__ import _parser, main
from cloud.fleet import Register
from cloud.store import Store, fleet, lanes

GOOD = """\
database = "{folder}/cloud.sqlite"
listen = "127.0.0.1:{public}"
cabinet = "127.0.0.1:{cabinet}"
public_url = "https://receipts.example"
broker = {{ port = {broker} }}
"""


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """`main` sets the log of its process up; this process has other tests to run."""
    yield
    structlog.reset_defaults()


def config(folder: Path, **ports: int) -> Path:
    file = folder / "cloud.toml"
    free = {name: ports.get(name) or free_port() for name in ("public", "cabinet", "broker")}
    file.write_text(GOOD.format(folder=folder, **free), "utf-8")
    return file


def run(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        python("cloud", *arguments), cwd=ROOT, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


def get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error) if error.code != 404 else None


async def fetch(url: str) -> tuple[int, Any]:
    return await asyncio.to_thread(get, url)


def test_a_wrong_configuration_is_exit_2_with_file_key_expected_and_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path)
    file.write_text(file.read_text("utf-8").replace('"https://receipts.example"', "77"), "utf-8")
    said = f"chekomat-cloud: {file}: public_url: Expected `str`, found 77\n"
    assert run("serve", "--config", str(file)) == (2, "", said)
    assert main(["migrate", "--config", str(file)]) == 2
    assert capsys.readouterr() == ("", said)
    assert not (tmp_path / "cloud.sqlite").exists()


def test_a_missing_configuration_is_exit_2_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "none.toml"
    assert main(["serve", "--config", str(file)]) == 2
    assert capsys.readouterr().err == (
        f"chekomat-cloud: {file}: cannot be read: No such file or directory;"
        " copy deploy/cloud/config.toml and edit it\n"
    )


def test_a_file_of_the_time_before_is_told_where_the_fleet_is_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path)
    with file.open("a", encoding="utf-8") as written:
        written.write('[operator]\nname = "ООО"\n')
    assert main(["serve", "--config", str(file)]) == 2
    assert "the fleet is in the database now: see python -m cloud operator" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("inbox", "inbox and replies go together"),
        ("lanes", "no role is called 'lanes'; known: inbox, fiscalizer, replies, web"),
    ],
)
def test_roles_that_make_no_sense_are_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], role: str, said: str
) -> None:
    assert main(["serve", "--config", str(config(tmp_path)), "--role", role]) == 2
    assert said in capsys.readouterr().err


def test_a_part_of_the_roles_on_a_file_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path)
    assert main(["serve", "--config", str(file), "--role", "inbox,replies"]) == 2
    assert "on SQLite one process has all roles" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--verbose", "serve"], ["serve", "--verbose"], ["serve"]], ids=" ".join
)
def test_verbose_may_be_said_before_the_command_and_after_it(words: list[str]) -> None:
    assert _parser().parse_args(words).verbose == ("--verbose" in words)


async def test_a_register_whose_secret_is_no_text_stands_still_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    file = config(tmp_path, cabinet=(cabinet := free_port()))
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    await stocked(tmp_path, free_port())
    told = f"secret_file: {tmp_path}/secret cannot be read: it is no UTF-8 text"

    async def is_told() -> bool:
        return told in await asyncio.to_thread(text_of, f"http://127.0.0.1:{cabinet}/")

    with running("serve", "--config", str(file)) as process:
        await answers(cabinet)
        await eventually(is_told)
        process.terminate()
        _, err = await asyncio.to_thread(process.communicate, timeout=10)
    assert (process.returncode, "Traceback" in err) == (0, False)
    assert told in err


def test_a_port_in_use_is_exit_1_with_the_next_step(tmp_path: Path) -> None:
    with taken_port() as port:
        status, _, err = run("serve", "--config", str(config(tmp_path, public=port)))
    assert status == 1
    assert f"chekomat-cloud: listen: 127.0.0.1:{port} cannot be listened on: " in err
    assert "stop what uses the port, or set another `listen`" in err
    assert "Traceback" not in err


def test_the_cabinets_port_has_its_own_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with taken_port() as port:
        assert main(["serve", "--config", str(config(tmp_path, cabinet=port))]) == 1
    assert f"cabinet: 127.0.0.1:{port} cannot be listened on: " in capsys.readouterr().err


def test_a_port_that_is_none_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config(tmp_path, public=99999)
    assert main(["serve", "--config", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file}: listen: " in told
    assert "the port up to 65535, found '127.0.0.1:99999'" in told


def test_a_database_that_is_none_is_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path)
    (tmp_path / "cloud.sqlite").write_text("a letter, and no database\n" * 50, "utf-8")
    assert main(["migrate", "--config", str(file)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"chekomat-cloud: database {tmp_path}/cloud.sqlite: ")


def test_migrate_makes_the_schema_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path)
    said = f"{tmp_path}/cloud.sqlite: the schema is up to date\n"
    assert run("migrate", "--config", str(file)) == (0, said, "")
    assert main(["migrate", "--config", str(file)]) == 0
    assert capsys.readouterr() == (said, "")
    with contextlib.closing(sqlite3.connect(tmp_path / "cloud.sqlite")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0005",)]


@pytest.mark.needs("postgres")
def test_migrate_names_a_server_without_its_password(
    tmp_path: Path, postgres: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    with postgres.database() as url:
        file = config(tmp_path)
        told = url.replace("tester@", "tester:hush@")
        settings = file.read_text("utf-8").replace(f"{tmp_path}/cloud.sqlite", told)
        file.write_text(settings, "utf-8")
        assert main(["migrate", "--config", str(file)]) == 0
        assert capsys.readouterr().out == f"{url}: the schema is up to date\n"


@pytest.mark.needs("postgres")
def test_a_server_that_goes_away_while_serve_starts_is_exit_1(
    tmp_path: Path,
    postgres: Cluster,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def cut_off(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    monkeypatch.setattr(fleet, "version", cut_off)
    with postgres.database() as url:
        file = config(tmp_path)
        settings = file.read_text("utf-8").replace(f"{tmp_path}/cloud.sqlite", url)
        file.write_text(settings, "utf-8")
        assert main(["serve", "--config", str(file)]) == 1
        told = capsys.readouterr().err
    assert told.startswith(f"chekomat-cloud: database {url}: terminating connection")
    assert "Traceback" not in told


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


async def stocked(folder: Path, provider: int) -> None:
    """The ordinary fleet, its register at this port."""
    store = await Store.open(folder / "cloud.sqlite")
    account = {
        "url": f"http://127.0.0.1:{provider}",
        "public_id": "p",
        "secret_file": f"{folder}/secret",
        "timeout_s": 12,
    }
    main = Register(id="main", operator="coffee", provider="cloudkassir", settings=account)
    await stock(store, *a_fleet(main))
    await store.close()


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        python("cloud", *arguments), cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def answers(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await until(listens, 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serve_answers_without_a_broker_and_ends_when_told_to(
    tmp_path: Path, number: signal.Signals
) -> None:
    public, cabinet = free_port(), free_port()
    file = config(tmp_path, public=public, cabinet=cabinet)
    with running("serve", "--config", str(file)) as process:
        await answers(cabinet)
        # A broker that is away stops nobody; health says so.
        for port in (public, cabinet):
            status, told = await fetch(f"http://127.0.0.1:{port}/healthz")
            assert (status, told) == (503, {"ok": False, "store": True, "broker": False})
        # The cabinet is not on the public address.
        assert (await fetch(f"http://127.0.0.1:{public}/metrics"))[0] == 404
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "broker", [pytest.param("up", marks=pytest.mark.needs("mosquitto")), "silent"]
)
async def test_serve_ends_when_told_to_whatever_it_waits_for(tmp_path: Path, broker: str) -> None:
    """Open pages, a database that another holds, a provider and a broker that never answer."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        mute = port = silent.getsockname()[1]
        if broker == "up":
            port = stack.enter_context(mosquitto(tmp_path)).port
        public, cabinet = free_port(), free_port()
        file = config(tmp_path, public=public, cabinet=cabinet, broker=port)
        (tmp_path / "secret").write_text("s", "utf-8")
        await stocked(tmp_path, mute)
        before = Store(tmp_path / "cloud.sqlite")
        await sell(before, *(a_sale(number) for number in (1, 2)))
        await before.close()
        process = stack.enter_context(running("serve", "--config", str(file)))
        await answers(cabinet)
        database = sqlite3.connect(tmp_path / "cloud.sqlite", isolation_level=None)
        stack.enter_context(contextlib.closing(database))
        # The provider was asked: the lane is held, and has to be released.
        sent = "SELECT count(*) FROM receipt WHERE state = 'submitted'"
        await until(lambda: database.execute(sent).fetchone() == (1,))
        for token in (token_of(1), token_of(9)):
            page, asks = await asyncio.open_connection("127.0.0.1", public)
            stack.callback(asks.close)
            asks.write(f"GET /r/{token}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await page.readuntil(b"data: ")
        database.execute("BEGIN IMMEDIATE")
        process.terminate()
        _, err = await asyncio.to_thread(process.communicate, timeout=9)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "did not end" not in err


async def test_what_a_killed_process_held_of_a_file_is_the_next_ones_at_once(
    tmp_path: Path,
) -> None:
    file = config(tmp_path)
    (tmp_path / "secret").write_text("s", "utf-8")
    await stocked(tmp_path, free_port())
    store = Store(tmp_path / "cloud.sqlite")
    # It had been renewed by a clock that was ahead: a slow computer has the time to start.
    ahead_ms = lanes.LEASE_MS - 1000
    async with store.transaction() as connection:
        for name in ("main", "@link"):
            assert await lanes.lease(connection, name, "killed", now_ms() + ahead_ms)

    async def are_taken() -> bool:
        async with store.reading() as connection:
            return all(each.owner != "killed" for each in await lanes.standings(connection))

    with running("serve", "--config", str(file)):
        # Before the leases would have run out by themselves.
        await eventually(are_taken, (lanes.LEASE_MS + ahead_ms) / 1000 - 4)
    await store.close()


def test_emulate_without_its_secret_is_exit_2(tmp_path: Path) -> None:
    secret = tmp_path / "none"
    status, out, err = run("emulate", "cloudkassir", "--secret-file", str(secret))
    assert (status, out) == (2, "")
    assert err == (
        f"chekomat-cloud: --secret-file: {secret} cannot be read: No such file or directory\n"
    )


def test_emulate_with_a_secret_that_is_no_text_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\xff")
    assert main(["emulate", "cloudkassir", "--secret-file", str(secret)]) == 2
    assert "it is no UTF-8 text" in capsys.readouterr().err


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:99999"])
def test_emulate_at_what_is_no_address_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], listen: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["emulate", "cloudkassir", "--listen", listen])
    assert ended.value.code == 2
    assert f"'{listen}' is no address; expected HOST:PORT" in capsys.readouterr().err


def test_emulate_cannot_listen_on_anothers_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("s", "utf-8")
    secret = str(tmp_path / "secret")
    with taken_port() as port:
        listen = f"127.0.0.1:{port}"
        assert main(["emulate", "cloudkassir", "--secret-file", secret, "--listen", listen]) == 1
    assert f"--listen: {listen} cannot be listened on: " in capsys.readouterr().err


def test_emulate_cannot_keep_its_ledger_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("s", "utf-8")
    ledger = tmp_path / "none" / "ledger.sqlite"
    told = ["--secret-file", str(tmp_path / "secret"), "--ledger", str(ledger)]
    assert main(["emulate", "cloudkassir", *told]) == 1
    assert f"--ledger {ledger}: " in capsys.readouterr().err


async def test_emulate_says_where_it_listens(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s", "utf-8")
    port = free_port()
    arguments = ["--secret-file", str(tmp_path / "secret"), "--listen", f"127.0.0.1:{port}"]
    with running("emulate", "cloudkassir", *arguments) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        where = f"http://127.0.0.1:{port}"
        assert told == f"cloudkassir listens on {where}, ledger {where}/ledger\n"
        assert await fetch(f"{where}/ledger") == (200, [])
        process.terminate()
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    "arguments", [[], ["emulate"], ["emulate", "other"], ["demo", "--sales", "many"]]
)
def test_what_was_not_asked_well_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m cloud" in capsys.readouterr().err

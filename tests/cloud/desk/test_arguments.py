"""The desk by command line: what is written, what is said, and the exit status."""

import argparse
import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fate import LOST, REFUSED, issue, leave, meet
from shop import (
    SETTINGS,
    Account,
    a_document,
    a_register,
    a_sale,
    id_of,
    sell,
    states,
    stock,
    token_of,
)

from cloud.desk.arguments import add_desk
from cloud.errors import ConfigError, DecisionError
from cloud.store import Store, history

FILE = """\
database = "{database}"
public_url = "https://receipts.example"
"""
Command = Callable[..., Awaitable[tuple[int, str, str]]]


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    add_desk(commands.add_parser, Path("/etc/chekomat/cloud.toml"))
    return parser.parse_args(argv)


@pytest.fixture
def config(tmp_path: Path, sqlite_database: Path) -> Path:
    file = tmp_path / "cloud.toml"
    file.write_text(FILE.format(database=sqlite_database), "utf-8")
    return file


@pytest.fixture
def command(config: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """A command in a process of its own kind: it opens the database anew."""

    async def run(*argv: str) -> tuple[int, str, str]:
        arguments = parse(*argv, "--config", str(config))
        capsys.readouterr()
        status = await arguments.run(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


async def test_a_sale_is_shown_with_its_page(store: Store, command: Command) -> None:
    await sell(store, a_sale())
    await issue(store)
    status, out, err = await command("sale", "show", token_of(1))
    assert (status, err) == (0, "")
    assert f"page        https://receipts.example/r/{token_of(1)}" in out
    _, out, _ = await command("sale", "show", id_of(1), "--json")
    assert json.loads(out)["receipts"][0]["state"] == "issued"


async def test_what_needs_a_hand_is_told_and_is_no_fault(store: Store, command: Command) -> None:
    await sell(store, a_sale(1, amount=None), a_sale(2))
    await meet(store, REFUSED, 2)
    status, out, _ = await command("attention", "--cause", "refused")
    assert (status, id_of(2) in out, id_of(1) in out) == (0, True, False)
    status, out, _ = await command("attention", "--machine", "vm-000123", "--all", "--json")
    assert (status, json.loads(out)["total"]) == (0, 2)
    with pytest.raises(ConfigError, match="--cause: expected one of free,"):
        await command("attention", "--cause", "nonsense")


async def test_a_machine_that_never_sold_is_told_so(store: Store, command: Command) -> None:
    await sell(store, a_sale())
    said = "no machine has sold under the name 'vm-2'\n"
    assert await command("attention", "--machine", "vm-2") == (0, said, "")
    status, out, err = await command("attention", "--machine", "vm-2", "--json")
    assert (status, json.loads(out)["total"], err) == (0, 0, said)
    _, out, _ = await command("attention", "--machine", "vm-000123")
    assert out == "nothing needs a hand\n"


async def test_a_second_document_is_written_down_and_settled_by_command(
    store: Store, command: Command
) -> None:
    await sell(store, a_sale())
    await issue(store)
    old = dataclasses.replace(a_document(2), at="20261101T1200").qr
    with pytest.raises(DecisionError, match="add --second"):
        await command("resolve", id_of(1), "--issued", old)
    with pytest.raises(DecisionError, match="add --insist"):
        await command("resolve", id_of(1), "--issued", old, "--second")
    await command("resolve", id_of(1), "--issued", old, "--second", "--insist")
    _, out, _ = await command("attention")
    assert f": resolve {id_of(1)} --undone REASON\n" in out
    day = ("reconcile", "--day", "2026-11-23")
    assert (await command(*day))[0] == 1
    status, out, _ = await command("resolve", id_of(1), "--undone", "a typing error")
    assert (status, out.endswith("needs no hand any more: a typing error\n")) == (0, True)
    assert (await command(*day))[0] == 0
    _, out, _ = await command("attention")
    assert "--undone REASON" not in out
    _, out, _ = await command("sale", "show", id_of(1))
    assert "a typing error" in out


async def test_an_answer_is_written_in_roubles(store: Store, command: Command) -> None:
    await sell(store, a_sale(amount=None))
    status, out, _ = await command("requeue", id_of(1), "--amount", "99.50", "--who", "anna")
    assert status == 0
    assert out.endswith(f"{id_of(1)}: its receipt waits for register main\n")
    async with store.reading() as connection:
        told = [(each.who, each.detail) for each in await history.of(connection, id_of(1))]
    assert ("anna", "amount 9950") in told


async def test_an_answer_that_is_not_enough_is_status_1(store: Store, command: Command) -> None:
    await sell(store, a_sale(amount=None, item="0009"))
    status, out, _ = await command("requeue", id_of(1), "--amount", "99.50")
    assert status == 1
    assert "it still needs a hand: unknown slot 0009" in out


async def test_many_are_answered_with_their_progress_on_the_other_stream(
    store: Store, command: Command
) -> None:
    await sell(store, a_sale(1), a_sale(2))
    for number in (1, 2):
        await meet(store, REFUSED, number)
    status, out, err = await command("requeue", "--cause", "refused", "--dry-run")
    assert (status, out, err) == (0, "2 were looked at: 2 would go on\n", "2 of 2\n")
    assert set((await states(store)).values()) == {"attention"}
    status, out, _ = await command("requeue", "--cause", "refused")
    assert (status, out) == (0, "2 were looked at: 2 went on\n")
    assert await leave(store) == [f"{id_of(1)}-1", f"{id_of(2)}-1"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("requeue",), "name one SALE, or with --cause"),
        (("requeue", "x", "--cause", "late"), "name one SALE, or with --cause"),
        (("requeue", "x", "--machine", "m"), "--machine is for many"),
        (("requeue", "--cause", "late", "--purpose", "income"), "--purpose is of one sale"),
        (("requeue", "x", "--amount", "a lot"), "'a lot' is no amount"),
        (("requeue", "x", "--product", "no name"), "--product: Expected `str` matching"),
        (("requeue", "x"), "there is no sale 'x'"),
        (("resolve", "x", "--issued", "t="), "there is no sale 'x'"),
        (("correct", "x", "--by-order", ""), "--by-order: Expected `str` of length >= 1"),
        (("check", "x"), "no register is called 'x'"),
        (("reconcile", "--day", "2026-11-23", "--operator", "x"), "no operator is called 'x'"),
        (("reconcile", "--day", "9999-12-31"), "9999-12-31 is yet to come"),
    ],
)
async def test_a_mistake_is_told_in_words(
    command: Command, argv: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        await command(*argv)


@pytest.mark.parametrize(
    "argv",
    [
        ("sale",),
        ("resolve", "x"),
        ("resolve", "x", "--not-issued", "--skip", "y"),
        ("requeue", "x", "--late", "never"),
        ("reconcile",),
        ("reconcile", "--day", "yesterday"),
        ("correct", "x", "--day", "23.11.2026"),
    ],
)
def test_what_no_command_takes_is_told_before_anything_is_opened(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        parse(*argv)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


async def test_a_sale_goes_its_whole_way_by_command(store: Store, command: Command) -> None:
    await sell(store, a_sale())
    await meet(store, LOST)
    _, out, _ = await command("resolve", id_of(1), "--not-issued")
    assert "its key is dead; send it anew" in out
    _, out, _ = await command("requeue", id_of(1))
    assert f"as {id_of(1)}-1" in out
    await meet(store, LOST, attempt=1)
    _, out, _ = await command("resolve", id_of(1), "--issued", a_document(3).qr)
    assert "its document is t=" in out
    _, out, _ = await command("return", id_of(1), "--dry-run")
    assert "tried only, nothing is changed: the return of Капучино 200 мл, 120.10" in out
    await command("return", id_of(1))
    with pytest.raises(DecisionError, match="its return is waiting"):
        await command("return", id_of(1))
    with pytest.raises(DecisionError, match="it has its receipt"):
        await command("correct", id_of(1), "--by-order", "12-34", "--day", "2026-11-22")
    await command("resolve", id_of(1), "--skip", "not wanted", "--purpose", "income_return")
    _, out, _ = await command("sale", "show", id_of(1))
    assert "receipt of income_return closed: not wanted" in out


async def test_a_day_is_told_and_its_status_is_of_what_nothing_explains(
    store: Store, command: Command
) -> None:
    await sell(store, a_sale(1))
    await issue(store)
    day = ("reconcile", "--day", "2026-11-23")
    status, out, err = await command(*day)
    assert (status, out.splitlines()[-1]) == (0, "every difference is explained")
    assert err == "1 sale of 2026-11-23\n"
    await sell(store, a_sale(3))
    status, out, _ = await command(*day, "--json")
    told = json.loads(out)
    assert (status, told["unexplained"], told["day"]) == (1, 1, "2026-11-23")


async def test_registers_are_checked_and_a_day_is_asked_about(
    store: Store, command: Command, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("tell nobody", "utf-8")
    async with a_register(None, pushes=False) as register:
        settings: dict[str, Any] = {**SETTINGS, "url": register.url, "secret_file": str(secret)}
        account = Account(id="main", operator="coffee", provider="cloudkassir", settings=settings)
        await sell(store, a_sale())
        await stock(store, account)
        await register.settle(store, "issued")
        status, out, _ = await command("check", "main")
        assert status == 0
        assert out.startswith("OK  main  ")
        _, out, _ = await command("check", "--json")
        assert json.loads(out)[0]["found"][0]["level"] == "good"
        _, out, err = await command("reconcile", "--day", "2026-11-23", "--ask")
        assert "the providers were asked about 1 attempt: no difference" in out
        assert "asked for 1 of 1" in err
        secret.write_text("something else", "utf-8")
        assert (await command("check"))[0] == 1
        secret.unlink()
        assert (await command("check"))[0] == 2


async def test_a_decision_waits_for_whoever_writes(store: Store, command: Command) -> None:
    await sell(store, a_sale(amount=None))
    async with store.transaction():
        waiting = asyncio.ensure_future(command("requeue", id_of(1), "--amount", "1.00"))
        _, unfinished = await asyncio.wait([waiting], timeout=0.2)
        assert unfinished == {waiting}
    assert (await waiting)[0] == 0

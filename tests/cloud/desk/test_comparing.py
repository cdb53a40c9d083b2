"""Comparing: what the provider says of each attempt, beside what is written here."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import aiohttp
import msgspec
import pytest
import sqlalchemy as sa
from shop import (
    SETTINGS,
    Account,
    Register,
    a_document,
    a_register,
    a_sale,
    id_of,
    now_ms,
    sell,
    stock,
)
from shop import write as write_

from cloud.desk.balance import lines
from cloud.desk.comparing import verdict
from cloud.desk.reconciling import Day
from cloud.desk.the_day import the_day
from cloud.fiscalization import State
from cloud.outcome import Accepted, Dead, Done, Outcome, Unknown, Unsent
from cloud.store import Store
from cloud.store.day import Tried
from cloud.store.schema import attempt, receipt

DAY = date(2026, 11, 23)
HERE = a_document(5)
TRIED = Tried(
    key=id_of(1),
    sale_id=id_of(1),
    register="main",
    body="{}",
    provider_id="p",
    verdict="done",
    state=State.ISSUED,
    current=True,
    fn=HERE.fn,
    fd=HERE.fd,
    fp=HERE.fp,
    total=HERE.total,
)
OPEN = replace(TRIED, verdict=None, state=State.ACCEPTED, fn=None, fd=None, fp=None, total=None)
DEAD = replace(OPEN, verdict="dead", state=State.ATTENTION)
LOST = replace(OPEN, state=State.ATTENTION)
PAST = replace(TRIED, verdict="dead", current=False)
AGREED, EXPLAINED, WRONG = None, True, False


@pytest.mark.parametrize(
    ("tried", "outcome", "told"),
    [
        (TRIED, Done(HERE), AGREED),
        (TRIED, Done(a_document(6)), WRONG),
        (TRIED, Done(replace(HERE, fp=1)), WRONG),
        (TRIED, Done(replace(HERE, total=1)), WRONG),
        (TRIED, Accepted("p"), WRONG),
        (TRIED, Dead("expired"), WRONG),
        (TRIED, Unknown("NotFound"), WRONG),
        (TRIED, Unsent("no connection"), WRONG),
        (OPEN, Done(HERE), EXPLAINED),
        (OPEN, Accepted("p"), AGREED),
        (OPEN, Dead("expired"), AGREED),
        (OPEN, Unsent("no connection"), AGREED),
        (DEAD, Done(HERE), WRONG),
        (DEAD, Accepted("p"), WRONG),
        (DEAD, Dead("expired"), AGREED),
        (DEAD, Unsent("nothing of this key"), AGREED),
        (LOST, Done(HERE), WRONG),
        (LOST, Accepted("p"), EXPLAINED),
        (LOST, Dead("expired"), EXPLAINED),
        (LOST, Unknown("NotFound"), EXPLAINED),
        (PAST, Done(a_document(6)), WRONG),
        (PAST, Accepted("p"), WRONG),
        (PAST, Dead("expired"), AGREED),
    ],
)
def test_each_word_of_a_provider_agrees_is_explained_or_is_wrong(
    tried: Tried, outcome: Outcome, *, told: bool | None
) -> None:
    line = verdict(tried, outcome)
    assert (line and line.explained) is told


def test_a_document_that_is_not_here_is_told_with_the_command_that_takes_it() -> None:
    line = verdict(LOST, Done(HERE))
    assert line is not None
    assert f"python -m cloud resolve {id_of(1)} --issued '{HERE.qr}'" in line.text


async def at(register: Register, store: Store, folder: Path, **told: object) -> None:
    """The fleet's register is this one."""
    secret = folder / "secret"
    secret.write_text("tell nobody", "utf-8")
    settings = {**SETTINGS, "url": register.url, "secret_file": str(secret), **told}
    account = Account(id="main", operator="coffee", provider="cloudkassir", settings=settings)
    await stock(store, account)


async def ask(store: Store, notes: list[str] | None = None) -> Day:
    async with aiohttp.ClientSession() as http:
        note = notes.append if notes is not None else lambda _: None
        return await the_day(store, DAY, None, http, note, now_ms=now_ms())


async def test_what_is_here_and_there_agrees_and_what_does_not_is_told(
    store: Store, tmp_path: Path
) -> None:
    async with a_register(None, pushes=False) as register:
        await sell(store, a_sale(1), a_sale(2))
        await at(register, store, tmp_path)
        await register.settle(store, "issued")
        notes: list[str] = []
        day = await ask(store, notes)
        assert (day.compared, day.provider_lines, day.unexplained) == (2, [], 0)
        assert notes[-1] == "asked for 2 of 2"
        assert "the providers were asked about 2 attempts: no difference" in lines(day)
        await write_(store, sa.update(receipt).where(receipt.c.sale_id == id_of(2)).values(fp=1))
        day = await ask(store)
        (line,) = day.provider_lines
        assert (line.sale_id, line.explained) == (id_of(2), False)
        assert day.unexplained == 1


async def test_what_cannot_be_asked_is_said(store: Store, tmp_path: Path) -> None:
    async with a_register(None, pushes=False) as register:
        await sell(store, a_sale(1), a_sale(2))
        await at(register, store, tmp_path)
        await register.settle(store, "issued")
        await write_(store, sa.update(attempt).values(provider_id=None))
        day = await ask(store)
        assert [line.explained for line in day.provider_lines] == [True, True]
        assert "looks nothing up by our key" in day.provider_lines[0].text
        await at(register, store, tmp_path, secret_file=str(tmp_path / "nowhere"))
        day = await ask(store)
        (line,) = day.provider_lines
        assert "2 attempts are not compared: register main: secret_file" in line.text
        assert not line.explained


async def test_a_provider_that_is_away_leaves_the_day_uncompared(
    store: Store, tmp_path: Path
) -> None:
    async with a_register(None, pushes=False) as register:
        await sell(store, a_sale(1))
        await at(register, store, tmp_path)
        await register.settle(store, "issued")
    day = await ask(store)
    (line,) = day.provider_lines
    assert "it is not compared, the provider was not to be asked: " in line.text
    assert day.unexplained == 1
    assert msgspec.json.encode(day)

"""The cabinet: the latest sales, live, and the gauges."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from shop import (
    MACHINE,
    a_config,
    a_document,
    a_sale,
    id_of,
    now_ms,
    sell,
    token_of,
    write,
)

from cloud.bell import Bell
from cloud.outcome import Done
from cloud.store import Store, receipts, replies, sales
from cloud.store.schema import sale
from cloud.web.cabinet import LATEST, TROUBLES, Cabinet
from cloud.web.pages import rub
from cloud.web.words import EN, RU

Client = TestClient[web.Request, web.Application]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def news() -> Bell:
    return Bell()


@pytest.fixture
async def client(store: Store, news: Bell) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(Cabinet(a_config(), store, news).routes())
    async with TestClient(TestServer(app)) as served:
        yield served


async def page(client: Client, path: str = "/") -> str:
    async with client.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def issue(store: Store, number: int) -> None:
    async with store.transaction() as connection:
        done = Done(a_document(number))
        await receipts.record(connection, id_of(number), done, now_ms(), None)


async def test_an_empty_cabinet_says_so_in_two_languages(client: Client) -> None:
    assert RU["none_yet"] in await page(client)
    assert EN["none_yet"] in await page(client, "/?lang=en")


async def test_a_sale_is_a_row_with_its_state(store: Store, client: Client) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3, kind="return"), a_sale(4, kind="test"))
    await sell(store, a_sale(5, item=HOSTILE))
    await issue(store, 2)
    async with store.transaction() as connection:
        await replies.told(connection, MACHINE, id_of(2), 1)
    text = await page(client)
    told = {int(row.split("#")[1].split("<")[0]): row for row in text.split("<tr data-sale=")[1:]}
    assert sorted(told) == [1, 2, 3, 4, 5]
    states = ["waiting", "issued", "attention", "skipped", "attention"]
    for number, state in enumerate(states, 1):
        assert f'class="{state}">{RU[state]}</a>' in told[number]
        assert f'href="https://receipts.example/r/{token_of(number)}"' in told[number]
        assert (RU["on_machine"] in told[number]) == (number == 2)
    assert "Капучино 200 мл" in told[1]
    assert "<td>2</td>" in told[2]
    assert re.search(r"\d\.\d\d с</td>", told[2])
    assert "goods came back" in told[3]
    assert HOSTILE not in text
    assert HOSTILE in unescape(told[5])


async def test_only_the_latest_are_listed(store: Store, client: Client) -> None:
    await sell(store, *(a_sale(number) for number in range(1, LATEST + 3)))
    for number in (1, 2):
        first = sa.update(sale).where(sale.c.seq == number).values(received_at=number)
        await write(store, first)
    text = await page(client)
    assert text.count("<tr data-sale=") == LATEST
    assert id_of(1) not in text
    assert id_of(2) not in text


async def test_the_latest_incidents_are_told_in_words(store: Store, client: Client) -> None:
    async with store.transaction() as connection:
        for number in range(TROUBLES + 1):
            detail = f"number {number}, {HOSTILE}"
            await sales.report(connection, now_ms(), "outcome_unknown", detail, machine=MACHINE)
    shown = await page(client)
    assert f"number {TROUBLES}, " in shown
    assert "number 0, " not in shown
    assert HOSTILE not in shown


async def test_the_cabinet_is_live(store: Store, client: Client, news: Bell) -> None:
    async with client.get("/events") as events, asyncio.timeout(10):
        assert events.content_type == "text/event-stream"
        text = ""
        while RU["none_yet"] not in text:
            text += (await events.content.readline()).decode()
        await sell(store, a_sale())
        news.ring()
        while id_of(1) not in text:
            text += (await events.content.readline()).decode()


async def test_the_gauges_are_metrics_as_well(store: Store, client: Client) -> None:
    await sell(store, a_sale(1), a_sale(2), a_sale(3, kind="return"))
    await write(store, sa.update(sale).values(received_at=now_ms() - 60_000))
    await issue(store, 2)
    text = await page(client, "/metrics")
    gauges = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith(("#", "python"))
    )
    assert float(gauges["chekomat_open_receipts"]) == 1
    assert float(gauges["chekomat_attention"]) == 1
    assert float(gauges["chekomat_untold"]) == 1
    assert 60 <= float(gauges["chekomat_oldest_open_seconds"]) < 120
    assert MACHINE not in text


@pytest.mark.parametrize(
    ("kopecks", "text"),
    [
        (None, "—"),
        (0, "0,00"),
        (5, "0,05"),
        (12010, "120,10"),
        (123456789, "1\u00a0234\u00a0567,89"),
    ],
)
def test_money_is_written_as_in_russian(kopecks: int | None, text: str) -> None:
    assert rub(kopecks) == text


def test_both_languages_have_every_word() -> None:
    assert set(RU) == set(EN)
    assert all([*RU.values(), *EN.values()])
